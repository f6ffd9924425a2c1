import Datasets
import EpisodeFixture
import Files
import Foundation
import Images
import Kinematics
import Maths
import Messages
import Recording
import TestSupport
import Time
import Wire

/// An episode on disk as the recorder writes it: two cameras, an arm that moves, a policy's ticks.
struct RecordedRun {
    private let recording: RecordedEpisode
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
        let file = "calibration/widowx-250s.json"
        calibration = try ArmCalibration(
            parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(file)), file: file)
        var recording = try RecordedEpisode()
        let goal = Goal(
            id: "g", name: "cup", views: [], text: options.text)
        if options.text != nil {
            try recording.publish(goal, on: Topics.goalCurrent.name, from: "goal", at: Self.seconds(0.1))
        }
        var at = 0.2
        var count: UInt64 = 0
        while at < options.seconds {
            for camera in ["primary", "wrist"] where camera == "primary" || !(options.silence?.contains(at) ?? false) {
                let frame = try Self.frame(camera, count, at: at, isJPEG: options.isJPEG)
                try recording.publish(
                    frame, on: Topics.cameraImage(camera).name, from: camera, at: Self.seconds(at + 0.004),
                    captured: frame.captureTime)
            }
            for part in 0..<4 {
                let seconds = at + 0.0125 * Double(part)
                try recording.publish(
                    try Self.state(of: calibration, at: seconds), on: Topics.armState.name, from: "arm",
                    at: Self.seconds(seconds))
            }
            at += 0.05
            count += 1
        }
        if options.hasPolicy {
            for tick in 0..<Int((options.seconds - 0.6) / 0.2) {
                let time = MonotonicTime.zero + .milliseconds(410 + 200 * tick)
                let view = PolicyObservation.View(
                    camera: "primary", width: 2, height: 2,
                    pixels: SharedBytes(copying: [UInt8](repeating: 1, count: 12)),
                    captureTime: time - .milliseconds(3))
                try recording.publish(
                    PolicyObservation(
                        tick: UInt64(tick), time: time, goalID: "g", views: [view], timestepPadMask: [true]),
                    on: Topics.policyObservation.name, from: "policy", at: Self.seconds(0.411 + 0.2 * Double(tick)))
            }
        }
        if let outcome = options.outcome { try recording.mark(outcome) }
        path = try recording.finish(name: "run.mcap")
        self.recording = recording
    }

    private static func seconds(_ seconds: Double) -> MonotonicTime { .zero + .fromSeconds(seconds) }

    /// The elbow goes up and down; what is measured lags behind by a twentieth of a second.
    func positions(at seconds: Double) -> JointVector { Self.positions(of: calibration, at: seconds) }

    private static func positions(of calibration: ArmCalibration, at seconds: Double) -> JointVector {
        var positions = calibration.neutral
        positions[2] += 0.2 * sin(seconds)
        return positions
    }

    private static func state(of calibration: ArmCalibration, at seconds: Double) throws -> ArmState {
        let (setpoint, measured) = (
            positions(of: calibration, at: seconds), positions(of: calibration, at: seconds - 0.05)
        )
        let still = JointVector(repeating: 0, count: setpoint.count)
        return ArmState(
            tick: UInt64(seconds * 80), mode: .executing(chunkID: 1, step: 0),
            measured: JointState(
                time: .zero + .fromSeconds(seconds), positions: measured, velocities: still, gripper: 0.75),
            setpoint: JointSetpoint(positions: setpoint, velocities: still, gripper: seconds < 2 ? 1 : 0),
            baseFromEEF: calibration.chain.baseFromEEF(measured),
            commandedBaseFromEEF: calibration.chain.baseFromEEF(setpoint))
    }

    static func image(_ count: UInt64) -> RGBImage {
        RGBImage(width: 32, height: 24, filledWith: UInt8(truncatingIfNeeded: count * 3))
    }

    static func frame(_ camera: String, _ count: UInt64, at seconds: Double, isJPEG: Bool) throws -> CameraFrame {
        let pixels: CameraFrame.Pixels =
            isJPEG ? .jpeg(try image(count).jpegData(), width: 32, height: 24) : .rgb8(image(count))
        return CameraFrame(
            camera: camera, deviceID: "test", sequence: count, captureTime: .zero + .fromSeconds(seconds),
            pixels: pixels, contentHash: 0)
    }

    func sampler(_ options: EpisodeSampler.Options = .init()) throws -> EpisodeSampler {
        EpisodeSampler(
            try EpisodeFile(path: path), calibration: calibration, policyRate: Rate(hertz: 5), options: options)
    }
}
