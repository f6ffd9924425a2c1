import Control
import Episodes
import Foundation
import Geometry
import Images
import Messages
import Recording
import TestSupport
import Time
import Wire

/// An episode on disk as the recorder writes it: two cameras, an arm that moves, a policy's ticks.
struct RecordedRun {
    let folder: URL
    let path: String
    let calibration: ArmCalibration
    /// Five policy steps a second.
    static let period = Duration.milliseconds(200)

    struct Options {
        var seconds = 4.0
        var hasPolicy = true
        var isJPEG = true
        var outcome: EpisodeCommand.Action?
        /// Between these times the wrist camera is silent.
        var silence: ClosedRange<Double>?
        var text: String? = "pick up the cup"
    }

    init(_ options: Options = Options()) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("octo-export-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appendingPathComponent("run.mcap").path
        let file = "calibration/widowx-250s.json"
        calibration = try ArmCalibration(
            parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(file)), file: file)
        var recording = Recording()
        let goal = Goal(
            id: "g", name: "cup", views: [], text: options.text, source: "test")
        if options.text != nil { try recording.send(goal, on: Topics.goalCurrent, at: 0.1) }
        var at = 0.2
        var count: UInt64 = 0
        while at < options.seconds {
            for camera in ["primary", "wrist"] where camera == "primary" || !(options.silence?.contains(at) ?? false) {
                let frame = try Self.frame(camera, count, at: at, isJPEG: options.isJPEG)
                try recording.send(frame, on: Topics.cameraImage(camera), captureTime: frame.captureTime, at: at + 0.004)
            }
            for part in 0..<4 { try recording.send(try state(at: at + 0.0125 * Double(part)), on: Topics.armState, at: at + 0.0125 * Double(part)) }
            at += 0.05
            count += 1
        }
        if options.hasPolicy {
            for tick in 0..<Int((options.seconds - 0.6) / 0.2) {
                let time = MonotonicTime.zero + .milliseconds(410 + 200 * tick)
                let view = PolicyObservation.View(
                    camera: "primary", width: 2, height: 2, pixels: SharedBytes(copying: [UInt8](repeating: 1, count: 12)),
                    captureTime: time - .milliseconds(3))
                try recording.send(
                    PolicyObservation(tick: UInt64(tick), time: time, goalID: "g", views: [view], timestepPadMask: [true]),
                    on: Topics.policyObservation, at: 0.411 + 0.2 * Double(tick))
            }
        }
        if let outcome = options.outcome { recording.ask(outcome) }
        try recording.write(to: path)
    }

    /// The elbow goes up and down; what is measured lags behind by a twentieth of a second.
    func positions(at seconds: Double) -> JointVector {
        var positions = calibration.neutral
        positions[2] += 0.2 * sin(seconds)
        return positions
    }

    func state(at seconds: Double) throws -> ArmState {
        let (setpoint, measured) = (positions(at: seconds), positions(at: seconds - 0.05))
        let still = JointVector(repeating: 0, count: setpoint.count)
        return ArmState(
            tick: UInt64(seconds * 80), mode: .executing(chunkID: 1, step: 0),
            measured: JointState(time: .zero + .fromSeconds(seconds), positions: measured, velocities: still, gripper: 0.75),
            setpoint: JointSetpoint(positions: setpoint, velocities: still, gripper: seconds < 2 ? 1 : 0),
            baseFromEEF: calibration.chain.baseFromEEF(measured), commandedBaseFromEEF: calibration.chain.baseFromEEF(setpoint))
    }

    static func image(_ count: UInt64) -> RGBImage {
        RGBImage(width: 32, height: 24, filledWith: UInt8(truncatingIfNeeded: count * 3))
    }

    static func frame(_ camera: String, _ count: UInt64, at seconds: Double, isJPEG: Bool) throws -> CameraFrame {
        let pixels: CameraFrame.Pixels =
            isJPEG ? .jpeg(try image(count).jpegData(), width: 32, height: 24) : .rgb8(image(count))
        return CameraFrame(
            camera: camera, deviceID: "test", sequence: count, captureTime: .zero + .fromSeconds(seconds), pixels: pixels, contentHash: 0)
    }

    func sampler(_ options: EpisodeSampler.Options = .init()) throws -> EpisodeSampler {
        EpisodeSampler(
            try EpisodeFile(path: path), calibration: calibration, policyRate: Rate(hertz: 5), options: options)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
}

/// What the recorder makes of messages.
private struct Recording {
    private var core = RecorderCore()
    private var actions: [RecorderCore.Action] = []
    private var sequences: [String: UInt64] = [:]
    private var now = MonotonicTime.zero

    mutating func send<Message: WireMessage>(
        _ message: Message, on topic: Topic<Message>, captureTime: MonotonicTime? = nil, at seconds: Double
    ) throws {
        now = max(now, .zero + .fromSeconds(seconds))
        let sequence = sequences[topic.name, default: 0]
        sequences[topic.name] = sequence + 1
        let encoded = try message.encoded()
        let envelope = Envelope(
            schema: Message.schemaName, sequence: sequence, captureTime: captureTime, publishTime: .zero + .fromSeconds(seconds),
            sourceNode: "test", instanceID: 1, runID: "r", traceID: 0, hostID: "h")
        actions += try core.receive(
            topic: topic.name, envelope: envelope, body: encoded.body, bulk: encoded.bulk, at: .zero + .fromSeconds(seconds), wallTime: "w")
    }

    mutating func ask(_ action: EpisodeCommand.Action) {
        actions += core.receive(EpisodeCommand(id: 1, operatorID: "me", action: action, time: now), at: now, wallTime: "w")
    }

    mutating func write(to path: String) throws {
        actions += core.end(at: now)
        var writer = MCAPWriter()
        for action in actions {
            switch action {
            case .define(let schema): try writer.write(schema)
            case .describe(let channel): try writer.write(channel)
            case .write(let message): try writer.write(message)
            case .attach(let attachment): try writer.write(attachment)
            case .note(let metadata): try writer.write(metadata)
            case .close(let closing): for record in closing.records() { try writer.write(record) }
            case .open, .amend, .answer: break
            }
        }
        try writer.finish()
        try Data(writer.takeBytes()).write(to: URL(fileURLWithPath: path))
    }
}
