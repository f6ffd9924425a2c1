import Messages
import Time

/// How long it took from picture to motion, by the stamps in the messages of an episode.
package struct EpisodeLatencies: Equatable, Sendable {
    /// Quantiles of durations, with how many there were.
    package struct Quantiles: Equatable, Sendable {
        package var count: Int
        package var p50: Duration
        package var p95: Duration
        package var p99: Duration
        package var maximum: Duration

        /// Computes quantiles by nearest rank: the smallest that at least this share of all does not exceed. Nil of
        /// nothing.
        init?(_ durations: [Duration]) {
            let sorted = durations.sorted()
            guard let maximum = sorted.last else { return nil }
            func rank(_ share: Double) -> Duration {
                sorted[min(max(Int((share * Double(sorted.count)).rounded(.up)) - 1, 0), sorted.count - 1)]
            }
            (count, p50, p95, p99, self.maximum) = (sorted.count, rank(0.5), rank(0.95), rank(0.99), maximum)
        }
    }

    /// Times of inference by chunk. Chunks are counted anew when the policy is started again: the newest with an id is
    /// meant.
    private var inferred: [UInt64: MonotonicTime] = [:]
    private var frameToChunks: [Duration] = []
    private var chunkToSetpoints: [Duration] = []
    private var frameToSetpoints: [Duration] = []
    package private(set) var outcomes: [ChunkReport.Outcome: Int] = [:]
    package private(set) var chunks = 0

    package init() {}

    package mutating func receive(_ chunk: ActionChunk) {
        chunks += 1
        inferred[chunk.id] = chunk.inferredTime
        frameToChunks.append(chunk.inferredTime - chunk.captureTime)
    }

    package mutating func receive(_ report: ChunkReport) {
        outcomes[report.outcome, default: 0] += 1
        guard report.firstSetpointTime > .zero else { return }
        frameToSetpoints.append(report.firstSetpointTime - report.captureTime)
        if let time = inferred[report.chunkID] { chunkToSetpoints.append(report.firstSetpointTime - time) }
    }

    /// Time from capture until the network had finished.
    package var frameToChunk: Quantiles? { Quantiles(frameToChunks) }
    /// Time from when the network had finished until the first setpoint of the chunk was with the driver.
    package var chunkToSetpoint: Quantiles? { Quantiles(chunkToSetpoints) }
    /// Time from capture until the first setpoint of the chunk was with the driver.
    package var frameToSetpoint: Quantiles? { Quantiles(frameToSetpoints) }

    package var rows: [(name: String, quantiles: Quantiles?)] {
        [
            ("frame to chunk", frameToChunk), ("chunk to first setpoint", chunkToSetpoint),
            ("frame to first setpoint", frameToSetpoint),
        ]
    }
}
