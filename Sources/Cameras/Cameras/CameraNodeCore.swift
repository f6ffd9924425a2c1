import Messages
import Time

/// What a camera node decides: which frames go out, when a failed camera is opened again, what the status says.
///
/// The shell opens the camera, waits for it, hands over what happened with the time, and does what is returned.
package struct CameraNodeCore: Sendable {
    /// What the shell does with a frame that the camera delivered.
    package enum Action: Equatable, Sendable {
        case publish(CameraFrame)
        /// The frame is not newer than the one before: the source broke its promise, and nobody may see time run back.
        case discard
        /// A device's picture has stood still for so long that it is none of the present: whoever waits for frames has
        /// to notice that none come.
        case withhold
    }

    /// What the shell has to do with the camera at one turn.
    package enum Turn: Equatable, Sendable {
        /// Open it, then call `opened` or `failed`.
        case open
        /// Leave it closed until this time.
        case wait(until: MonotonicTime)
        /// Ask it for its newest frame.
        case read
    }

    private enum Phase {
        case opening
        case delivering(CameraFormat, since: MonotonicTime)
        case failed(CameraError, retryTime: MonotonicTime)
        case ended
        case stopping
    }

    private let node: String
    /// Whether frames come from a camera in the real world, whose picture is never twice the same.
    private let isDevice: Bool
    private var phase = Phase.opening
    private var last: (sequence: UInt64, captureTime: MonotonicTime, contentHash: UInt64)?
    private var published: Int64 = 0
    private var skipped: Int64 = 0
    private var discarded: Int64 = 0
    private var withheld: Int64 = 0
    private var failures: Int64 = 0
    /// Failures since a frame last came.
    private var failuresInARow = 0
    /// How many frames before the last one had its very content, without a different one in between.
    private var repeats: Int64 = 0
    /// Time at which the picture that is shown since then first came.
    private var unchangedSince: MonotonicTime?
    /// What was wrong with the picture that was last examined.
    private var complaint: String?
    /// What the camera says of itself.
    private var remark: String?
    private var nextExamination = MonotonicTime.zero
    /// Window over which the rate is measured: its beginning, and the number of frames since.
    private var rateWindow: (begin: MonotonicTime, frames: Int)?
    /// Frames per second that the camera has delivered lately; nil as long as that is not known.
    private var measuredRate: Double?
    private var latency = LatencyHistogram()

    /// Repeats of one picture after which the status mentions it: even a camera that looks at a still scene shows noise
    /// within a second. It stays a remark for sources that are no device: a folder with one picture is a legitimate
    /// camera.
    package static let remarkableRepeats: Int64 = 30
    /// The first wait before a failed camera is opened again; it doubles with each failure up to `longestRetryDelay`.
    package static let firstRetryDelay = Duration.milliseconds(500)
    /// The longest wait before a failed camera is opened again.
    package static let longestRetryDelay = Duration.seconds(8)

    /// How long a device may deliver one and the same picture. Noise changes it within a few frames; a camera whose
    /// firmware hangs goes on counting.
    package static let longestStill = Duration.seconds(5)
    /// How long frames are counted for the rate that a camera really has.
    package static let rateWindowLength = Duration.seconds(3)
    /// Share of the announced rate below which the status says so: cameras in the dark expose for several frames.
    private static let fairShare = 0.75
    /// Time between two looks at a picture's exposure: decoding a JPEG for it costs milliseconds.
    package static let examinationPeriod = Duration.seconds(1)

    /// Makes the core of a camera's node before its first frame.
    /// - Parameter isDevice: whether frames come from a camera in the real world.
    package init(node: String, isDevice: Bool = false) {
        self.node = node
        self.isDevice = isDevice
    }

    /// What is to be done with the camera now.
    package func turn(at now: MonotonicTime) -> Turn {
        switch phase {
        case .opening: .open
        case .failed(_, let retryTime): now < retryTime ? .wait(until: retryTime) : .open
        case .delivering, .ended, .stopping: .read
        }
    }

    /// The camera was opened and will deliver `format`.
    package mutating func opened(_ format: CameraFormat, at now: MonotonicTime) {
        phase = .delivering(format, since: now)
        (rateWindow, measuredRate) = (nil, nil)
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
            if repeats == 0 { unchangedSince = frame.captureTime }
        } else {
            unchangedSince = frame.captureTime
        }
        last = (frame.sequence, frame.captureTime, frame.contentHash)
        failuresInARow = 0
        countForRate(frame.captureTime)
        guard stillTime <= Self.longestStill else {
            withheld += 1
            return .withhold
        }
        published += 1
        latency.record(now - frame.captureTime)
        return .publish(frame)
    }

    private mutating func countForRate(_ captureTime: MonotonicTime) {
        guard let window = rateWindow else { return rateWindow = (captureTime, 0) }
        rateWindow?.frames += 1
        let time = captureTime - window.begin
        guard time >= Self.rateWindowLength else { return }
        measuredRate = Double(window.frames + 1) / time.inSeconds
        rateWindow = (captureTime, 0)
    }

    /// Why fewer frames come than the camera has announced, if that is so.
    private func slowness(_ format: CameraFormat) -> String? {
        guard let measuredRate, measuredRate < Self.fairShare * format.rate.hertz else { return nil }
        return
            "it delivers \((measuredRate * 10).rounded() / 10) frames a second of the \(Self.hertz(format.rate)) that "
            + "it announces: "
            + "too little light makes it expose longer than a frame ('octo-camera tune'), or the USB bus is full "
            + "(\"format\": \"mjpeg\")."
    }

    /// How long a device's picture has been the same, by its frames' stamps: silence is another thing. Zero for others.
    private var stillTime: Duration {
        guard isDevice, let last, let unchangedSince, case .delivering(_, let since) = phase else { return .zero }
        return last.captureTime - max(unchangedSince, since)
    }

    /// Looks at the exposure of a published frame now and then. Call it after publishing, so that it makes no frame
    /// late.
    /// - Parameter remark: what the camera says of itself.
    package mutating func examine(_ frame: CameraFrame, remark: String? = nil, at now: MonotonicTime) {
        self.remark = remark
        guard now >= nextExamination else { return }
        nextExamination = now + Self.examinationPeriod
        complaint = ExposureShare(frame)?.complaint
    }

    /// Takes note that opening or reading failed; the shell closes the camera.
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

    /// Takes note that the node was asked to stop.
    package mutating func stop() { phase = .stopping }

    /// Time without a frame after which the status says so: several periods, and never less than a second.
    private func patience(_ format: CameraFormat) -> Duration { max(format.rate.period * 5, .seconds(1)) }

    /// What the camera's node says of itself: rate, losses and latency, and what a person should mend.
    package func status(at now: MonotonicTime) -> NodeStatus {
        let (state, headline) = summary(at: now)
        return NodeStatus(
            node: node, processID: 0, state: state, headline: headline,
            counters: [
                .init(name: "frames", value: published), .init(name: "skipped", value: skipped),
                .init(name: "discarded", value: discarded), .init(name: "withheld", value: withheld),
                .init(name: "failures", value: failures),
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
            if isDevice {
                if stillTime > Self.longestStill {
                    return (
                        .degraded,
                        "the image stands still for \(Self.seconds(stillTime.inSeconds)) (\(repeats + 1) identical "
                            + "frames), expected a camera's noise in each; it is not passed on any more. Plug the "
                            + "camera in anew, or start the machine again. \(doing)"
                    )
                }
                if let complaint { return (.degraded, "\(complaint) \(doing)") }
                if let remark { return (.degraded, "\(remark) \(doing)") }
                if let slowness = slowness(format) { return (.degraded, "\(slowness) \(doing)") }
            }
            return (
                .ready, repeats < Self.remarkableRepeats ? doing : doing + "; the last \(repeats + 1) are identical"
            )
        }
    }

    private static func seconds(_ value: Double) -> String { "\((value * 10).rounded() / 10) s" }
    private static func hertz(_ rate: Rate) -> String { "\((rate.hertz * 100).rounded() / 100)" }
}
