import Time
import Wire

/// Rate, bandwidth and age of one topic's messages, over the most recent of them. Pure: it is told the times.
package struct TopicMeter: Sendable {
    /// How regularly messages arrive.
    package struct Interval: Equatable, Sendable {
        /// Arrivals per second: intervals over the time they took together.
        package var hertz: Double
        package var minimum: Duration
        package var maximum: Duration
        /// Standard deviation of the population of intervals.
        package var standardDeviation: Duration
    }
    /// How many bytes arrive, and in messages of which sizes.
    package struct Bandwidth: Equatable, Sendable {
        package var bytesPerSecond: Double
        package var meanBytes: Double
        package var smallestBytes: Int
        package var largestBytes: Int
    }
    /// Quantiles of the messages' ages.
    package struct Quantiles: Equatable, Sendable {
        package var count: Int
        package var p50: Duration
        package var p99: Duration
        package var maximum: Duration
    }

    private struct Sample {
        var received: MonotonicTime
        var byteCount: Int
        var sincePublish: Duration
        var sinceCapture: Duration?
    }

    private let window: Int
    /// A ring once it is full; `next` is then the oldest.
    private var samples: [Sample] = []
    private var next = 0
    private var sequences = SequenceTracker()

    package private(set) var schema = ""
    package private(set) var publisher = ""
    /// All messages since the start, not only those in the window.
    package private(set) var count: Int64 = 0
    /// Messages missing between sequence numbers since the start.
    package private(set) var missing: Int64 = 0

    /// Makes a meter that has heard nothing yet.
    /// - Parameter window: number of newest messages that the figures describe, at least 1.
    package init(window: Int = 10_000) {
        precondition(window > 0, "a window of \(window) messages measures nothing")
        self.window = window
    }

    /// Counts one message and measures its gap, age and size.
    /// - Parameters:
    ///   - byteCount: size of all parts of the message, bytes.
    ///   - received: time of arrival, on the clock of the envelope's stamps.
    package mutating func record(_ envelope: Envelope, byteCount: Int, received: MonotonicTime) {
        switch sequences.record(envelope.sequence, from: envelope.instanceID) {
        case .duplicate: return
        case .gap(let size): missing = missing.addingSaturating(Int64(clamping: size))
        case .first, .next: break
        }
        count += 1
        schema = envelope.schema
        publisher = envelope.sourceNode
        let sample = Sample(
            received: received, byteCount: byteCount, sincePublish: received - envelope.publishTime,
            sinceCapture: envelope.captureTime.map { received - $0 })
        if samples.count < window {
            samples.append(sample)
        } else {
            samples[next] = sample
            next = (next + 1) % window
        }
    }

    private var inOrder: [Sample] { Array(samples[next...] + samples[..<next]) }

    /// How regularly messages arrive; nil until two have arrived.
    package var interval: Interval? {
        let times = inOrder.map(\.received)
        guard let first = times.first, let last = times.last, times.count > 1 else { return nil }
        let intervals = zip(times.dropFirst(), times).map { ($0 - $1).inSeconds }
        let mean = (last - first).inSeconds / Double(intervals.count)
        let variance = intervals.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(intervals.count)
        return Interval(
            hertz: mean > 0 ? 1 / mean : .infinity, minimum: .fromSeconds(intervals.min() ?? 0),
            maximum: .fromSeconds(intervals.max() ?? 0), standardDeviation: .fromSeconds(variance.squareRoot()))
    }

    /// How many bytes arrive; nil until two messages have arrived.
    package var bandwidth: Bandwidth? {
        let inOrder = inOrder
        guard let first = inOrder.first, let last = inOrder.last, inOrder.count > 1 else { return nil }
        let sizes = inOrder.map(\.byteCount)
        let seconds = (last.received - first.received).inSeconds
        // The first message's bytes came before the time that is measured.
        let total = sizes.dropFirst().reduce(0, +)
        return Bandwidth(
            bytesPerSecond: seconds > 0 ? Double(total) / seconds : .infinity,
            meanBytes: Double(sizes.reduce(0, +)) / Double(sizes.count), smallestBytes: sizes.min() ?? 0,
            largestBytes: sizes.max() ?? 0)
    }

    /// Time from publishing to arrival here; nil until a message has arrived.
    package var delaySincePublish: Quantiles? { Self.quantiles(samples.map(\.sincePublish)) }
    /// Time from capture to arrival here; nil where messages carry no capture time.
    package var delaySinceCapture: Quantiles? { Self.quantiles(samples.compactMap(\.sinceCapture)) }

    /// Nearest-rank quantiles: the smallest value that at least the fraction q of all does not exceed.
    private static func quantiles(_ durations: [Duration]) -> Quantiles? {
        let sorted = durations.sorted()
        guard let maximum = sorted.last else { return nil }
        func rank(_ q: Double) -> Duration {
            sorted[min(max(Int((q * Double(sorted.count)).rounded(.up)) - 1, 0), sorted.count - 1)]
        }
        return Quantiles(count: sorted.count, p50: rank(0.5), p99: rank(0.99), maximum: maximum)
    }
}
