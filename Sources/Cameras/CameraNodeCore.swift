import Messages
import Time

/// What a camera node decides: which frames go out, when a failed camera is opened again, what the status says.
///
/// The shell opens the camera, waits for it, hands over what happened with the time, and does what is returned.
package struct CameraNodeCore: Sendable {
    package enum Action: Equatable, Sendable {
        case publish(CameraFrame)
        /// The frame is not newer than the one before: the source broke its promise, and nobody may see time run back.
        case discard
    }

    private enum Phase {
        case opening
        case delivering(CameraFormat, since: MonotonicTime)
        case failed(CameraError, retryTime: MonotonicTime)
        case ended
        case stopping
    }

    private let node: String
    private var phase = Phase.opening
    private var last: (sequence: UInt64, captureTime: MonotonicTime, contentHash: UInt64)?
    private var published: Int64 = 0
    private var skipped: Int64 = 0
    private var discarded: Int64 = 0
    private var failures: Int64 = 0
    /// Failures since a frame last came.
    private var failuresInARow = 0
    /// How many frames before the last one had its very content, without a different one in between.
    private var repeats: Int64 = 0
    private var latency = LatencyHistogram()

    /// Repeats of one picture after which the status mentions it: even a camera that looks at a still scene shows noise
    /// within a second. It stays a remark, for a folder with one picture is a legitimate camera.
    package static let remarkableRepeats: Int64 = 30
    /// The first wait before a failed camera is opened again; it doubles with each failure up to `longestRetryDelay`.
    package static let firstRetryDelay = Duration.milliseconds(500)
    package static let longestRetryDelay = Duration.seconds(8)

    package init(node: String) {
        self.node = node
    }

    /// The camera was opened and will deliver `format`.
    package mutating func opened(_ format: CameraFormat, at now: MonotonicTime) {
        phase = .delivering(format, since: now)
    }

    /// The camera delivered `frame`.
    package mutating func received(_ frame: CameraFrame, at now: MonotonicTime) -> Action {
        if let last {
            guard frame.captureTime > last.captureTime && frame.sequence > last.sequence else {
                discarded += 1
                return .discard
            }
            skipped += Int64(frame.sequence - last.sequence - 1)
            repeats = frame.contentHash == last.contentHash ? repeats + 1 : 0
        }
        last = (frame.sequence, frame.captureTime, frame.contentHash)
        failuresInARow = 0
        published += 1
        latency.record(now - frame.captureTime)
        return .publish(frame)
    }

    /// Opening or reading failed; the shell closes the camera.
    /// - Returns: when to open it again.
    package mutating func failed(_ error: CameraError, at now: MonotonicTime) -> MonotonicTime {
        failures += 1
        failuresInARow += 1
        // Beyond five doublings the longest delay is reached.
        let delay = min(Self.firstRetryDelay * (1 << min(failuresInARow - 1, 5)), Self.longestRetryDelay)
        phase = .failed(error, retryTime: now + delay)
        return now + delay
    }

    /// The camera has shown all it has and waits for nothing any more.
    package mutating func ended() { phase = .ended }

    /// The node was asked to stop.
    package mutating func stop() { phase = .stopping }

    /// When no frame came for longer than this, the status says so: several periods, and never less than a second.
    private func patience(_ format: CameraFormat) -> Duration { max(format.rate.period * 5, .seconds(1)) }

    package func status(at now: MonotonicTime) -> NodeStatus {
        let (state, headline) = summary(at: now)
        return NodeStatus(
            node: node, processID: 0, state: state, headline: headline,
            counters: [
                .init(name: "frames", value: published), .init(name: "skipped", value: skipped),
                .init(name: "discarded", value: discarded), .init(name: "failures", value: failures),
                .init(name: "repeats", value: repeats),
            ] + lockedControls,
            latencies: [.init(name: "capture_to_publish", of: latency)])
    }

    /// What the camera is set to, under `control_` and its name; nothing while it is closed.
    private var lockedControls: [NodeStatus.Counter] {
        guard case .delivering(let format, _) = phase else { return [] }
        return format.locked.map { .init(name: "control_\($0.name)", value: Int64($0.value)) }
    }

    private func summary(at now: MonotonicTime) -> (NodeStatus.State, String) {
        switch phase {
        case .opening:
            return (.starting, "opening the camera")
        case .failed(let error, let retryTime):
            let wait = max(0, (retryTime - now).inSeconds)
            return (.fault, "\(error) The next attempt follows in \(Self.seconds(wait)).")
        case .ended:
            return (
                .degraded,
                "all pictures were shown, the last one stands. Set the camera's loop to true, or start again."
            )
        case .stopping:
            return (.stopping, "stopping")
        case .delivering(let format, let since):
            let silence = now - max(since, last?.captureTime ?? since)
            if silence > patience(format) {
                return (
                    .degraded,
                    "no frame for \(Self.seconds(silence.inSeconds)), expected \(Self.hertz(format.rate)) a second. "
                        + "Check the camera's cable, and whether this machine is overloaded."
                )
            }
            guard published > 0 else { return (.starting, "waiting for the first frame of \(format.summary)") }
            let doing = "\(format.width)x\(format.height) at \(Self.hertz(format.rate)) Hz: \(format.summary)"
            return (
                .ready, repeats < Self.remarkableRepeats ? doing : doing + "; the last \(repeats + 1) are identical"
            )
        }
    }

    private static func seconds(_ value: Double) -> String { "\((value * 10).rounded() / 10) s" }
    private static func hertz(_ rate: Rate) -> String { "\((rate.hertz * 100).rounded() / 100)" }
}
