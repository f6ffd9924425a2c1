import Files
import Images
import Maths
import Messages
import Testing
import Time
import Wire

/// One plausible message of each type.
enum Samples {
    static func time(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000 + 7)
    }

    static func pixels(_ count: Int, seed: Int = 1) -> SharedBytes {
        SharedBytes(copying: (0..<count).map { UInt8(truncatingIfNeeded: $0 * 31 + seed) })
    }

    static func image(_ width: Int, _ height: Int, seed: Int = 1) -> RGBImage {
        RGBImage(width: width, height: height, pixels: pixels(width * height * 3, seed: seed))
    }

    static let frame = CameraFrame(
        camera: "primary", deviceID: "usb-0000:00:14.0-3", sequence: 41, captureTime: time(1_234),
        pixels: .rgb8(image(5, 4)), contentHash: 0xDEAD_BEEF_0123_4567)
    static let jpegFrame = CameraFrame(
        camera: "wrist", deviceID: "folder", sequence: 0, captureTime: .zero,
        pixels: .jpeg(pixels(77), width: 640, height: 480), contentHash: 1)
    static let goal = Goal(
        id: "g1", name: "pot on the stove",
        views: [
            .init(camera: "wrist", image: image(2, 3, seed: 9)), .init(camera: "primary", image: image(4, 2)),
        ], text: "put the pot on the stove", taskNumbers: ["place": [1, -2], "speed": [0.5]],
        origin: .episode(path: "/e/3", frame: 40))
    static let observation = PolicyObservation(
        tick: 12, time: time(2_400), goalID: "g1",
        views: [
            .init(camera: "primary", width: 4, height: 3, pixels: pixels(72), captureTime: time(2_390)),
            .init(camera: "wrist", width: 2, height: 2, pixels: pixels(24, seed: 5), captureTime: time(2_380)),
        ], timestepPadMask: [false, true])
    static let feelingObservation: PolicyObservation = {
        var observation = Samples.observation
        observation.proprio = .init(values: [0.25, -1, 0.25, -1.5], before: time(2_395), after: time(2_415))
        return observation
    }()
    /// One camera was away for a timestep.
    static let maskedObservation: PolicyObservation = {
        var observation = Samples.observation
        observation.views[1].padMask = [true, false]
        return observation
    }()
    static let chunk = ActionChunk(
        id: 3, goalID: "g1", observationTime: time(2_400), captureTime: time(2_380), inferredTime: time(2_600),
        stepDuration: .milliseconds(200), actionDimension: 7, actions: (0..<28).map { Float($0) * 0.01 - 0.1 },
        actionSpace: .eefDelta, noiseSeed: .max, noiseCounter: 3)
    static let armState = ArmState(
        tick: 99, mode: .executing(chunkID: 3, step: 2),
        measured: JointState(
            time: time(2_700), positions: [0.1, -0.2, 0.3, 1, 2, 3], velocities: [0, 1, 0, 1, 0, 1], gripper: 0.25),
        setpoint: JointSetpoint(positions: [0.2, -0.2, 0.3, 1, 2, 3], velocities: [0, 1, 0, 1, 0, 2], gripper: 1),
        baseFromEEF: Pose(rotation: Rotation(roll: 0.1, pitch: 0.2, yaw: 0.3), translation: [0.3, 0, 0.2]),
        commandedBaseFromEEF: .identity)
    static let holdingState: ArmState = {
        var state = armState
        state.mode = .holding(.noFreshChunk)
        return state
    }()
    /// With everything that may be absent.
    static let blamingState: ArmState = {
        var state = armState
        state.mode = .holding(.stalled)
        state.measured.load = [0.1, -0.9, 0, 0.2, 1.5, 0]
        state.measured.temperatures = [31, 52, 40, 33, 30, 29]
        state.blamedJoint = 1
        return state
    }()
    static let command = ArmCommand(id: 77, operatorID: "ann", action: .resetEmergencyStop, time: time(2_700))
    static let manualJoints = ManualCommand(
        time: time(2_710), isDeadManHeld: true, motion: .joints([0.1, -0.2, 0.3, 1, 2, 3]), gripper: 0.5)
    static let manualTwist = ManualCommand(
        time: time(2_710), isDeadManHeld: false, motion: .twist(linear: [0.1, 0.2, -0.3], angular: [1, -2, 3]))
    static let manualPositions = ManualCommand(
        time: time(2_710), isDeadManHeld: true, motion: .positions([0.1, -0.2], speed: 0.25))
    static let chunkReport = ChunkReport(
        chunkID: 3, outcome: .superseded, captureTime: time(2_380), observationTime: time(2_400),
        receivedTime: time(2_601), firstSetpointTime: time(2_620), stepsSkipped: 1, stepsExecuted: 2, stepsClamped: 1)
    static let loopReport = LoopReport(
        rateHertz: 50, ticks: 50, overruns: 1,
        jitter: [.init(nanoseconds: 20_000, count: 49), .init(nanoseconds: 900_000, count: 1)],
        work: [.init(nanoseconds: 3_100, count: 50)], rights: "SCHED_FIFO 80, memory locked", hasRealTimeRights: true)
    static let status = NodeStatus(
        node: "policy", processID: 4_711, state: .degraded, headline: "unconditioned: no goal is set",
        counters: [.init(name: "inferences", value: 12)],
        latencies: [
            .init(name: "inference", count: 12, p50: .milliseconds(190), p99: .milliseconds(240), maximum: .seconds(1))
        ])

    static let trace: ArmTrace = {
        let silent = ArmTrace.Tick(
            deadline: time(2_701), measured: nil, isStopping: false, setpoint: armState.setpoint, isLimp: true)
        let told = ArmTrace.Tick(
            deadline: time(2_702), measured: blamingState.measured, isStopping: true, setpoint: armState.setpoint,
            isLimp: false,
            writtenTime: time(2_703), hasFailed: true)
        return ArmTrace(
            entries: [
                .began(armState.measured, lower: [-1, -1, -1, -1, -1, -1], upper: [1, 1, 1, 1, 1, 1]),
                .chunk(id: 3, observationTime: time(2_400), takenTime: time(2_700)), .command(.emergencyStop),
                .manual(manualTwist, takenTime: time(2_700)), .manual(manualJoints, takenTime: time(2_700)),
                .tick(silent),
                .tick(told),
            ], dropped: 2)
    }()
    static let goalCommands = [
        GoalCommand(id: 5, operatorID: "ann", action: .set(name: "cup"), expectedGoalID: "", time: time(2_800)),
        GoalCommand(id: 6, operatorID: "ann", action: .setText("put the cup down"), time: time(2_800)),
        GoalCommand(id: 7, operatorID: "ann", action: .clear, expectedGoalID: "0123456789ab", time: time(2_800)),
        GoalCommand(
            id: 8, operatorID: "ann",
            action: .record(
                .init(name: "cup", text: "a cup", replaces: true, origin: .teleop, taskNumbers: ["speed": [0.5]])),
            time: time(2_800)),
    ]
    static let goalResult = GoalResult(
        id: 8, operatorID: "ann", isAccepted: true, goalID: "0123456789ab", goalName: "cup", path: "/goals/cup",
        message: "recorded", time: time(2_900))
    static let goalFit = GoalFit(
        goalID: "0123456789ab", goalName: "cup", verdict: .red,
        cameras: [
            .init(
                camera: "primary", verdict: .red, reasons: [.init(verdict: .red, text: "camera moved 7 px right")],
                shiftX: 7,
                shiftY: -0.25, rotation: 0.01, scale: 1.02, brightness: 0.6, agreement: 0.9, overlap: 0.97),
            .init(camera: "wrist", verdict: .unknown, reasons: []),
        ], time: time(2_900))
    static let event = RunEvent(
        node: "goal", kind: .fitChanged, subject: "cup", text: "green -> red: camera moved 7 px right",
        time: time(2_900))
    static let episodeCommand = EpisodeCommand(
        id: 9, operatorID: "ann", action: .markSuccess, text: "at last", time: time(2_900))
    static let episodeResult = EpisodeResult(
        id: 9, operatorID: "ann", isAccepted: false, message: "nothing is recorded", time: time(2_900))
    static let episodeState = EpisodeState(
        isRecording: true, name: "e1", path: "/episodes/e1.mcap", outcome: .open, startTime: time(2_000), messages: 77,
        bytes: 12_345, missing: 1, time: time(2_900))
    static let simulationCommands = [
        SimulationCommand(
            id: 1, operatorID: "ann", action: .nudgeCamera(offset: [0.01, 0, -0.02], roll: 0.1), time: time(2_900)),
        SimulationCommand(id: 2, operatorID: "ann", action: .resetCamera, time: time(2_900)),
        SimulationCommand(id: 3, operatorID: "ann", action: .setBrightness(0.5), time: time(2_900)),
        SimulationCommand(
            id: 4, operatorID: "ann", action: .placeObject(name: "cup", position: [0.3, 0.1, 0.02]), time: time(2_900)),
    ]
    static let simulationResult = SimulationResult(
        id: 4, operatorID: "ann", isAccepted: true, message: "done", time: time(2_900))
    /// With everything that is known of the device.
    static let describedFrame: CameraFrame = {
        var described = frame
        described.settings = [
            .init(name: "exposure_time_absolute", value: "157"), .init(name: "crop", value: "0,0 640x480"),
        ]
        described.calibrationHash = "00ff"
        return described
    }()

    static let all: [AnySample] =
        [
            AnySample(describedFrame), AnySample(goalResult), AnySample(goalFit), AnySample(event),
            AnySample(episodeCommand),
            AnySample(episodeResult), AnySample(episodeState), AnySample(simulationResult),
            AnySample(trace),
        ] + goalCommands.map { AnySample($0) } + simulationCommands.map { AnySample($0) } + [
            AnySample(frame), AnySample(jpegFrame), AnySample(goal), AnySample(Goal.none), AnySample(observation),
            AnySample(feelingObservation),
            AnySample(maskedObservation),
            AnySample(chunk), AnySample(armState), AnySample(holdingState), AnySample(chunkReport),
            AnySample(loopReport),
            AnySample(status), AnySample(blamingState), AnySample(command), AnySample(manualJoints),
            AnySample(manualTwist),
            AnySample(manualPositions),
        ]
}

/// A sample whose type is forgotten.
struct AnySample: Sendable, CustomTestStringConvertible {
    let schema: String
    var testDescription: String { schema }
    let encoded: @Sendable () throws -> EncodedMessage
    let decode: @Sendable ([UInt8], SharedBytes?) throws(WireError) -> Void
    let survivesRoundTrip: @Sendable () throws -> Bool

    init<M: WireMessage & Equatable>(_ message: M) {
        schema = M.schemaName
        encoded = { try message.encoded() }
        decode = { (body, bulk) throws(WireError) in _ = try M(reading: body, bulk: bulk) }
        survivesRoundTrip = { try message.decodedAgain() == message }
    }
}

extension WireMessage {
    init(reading body: [UInt8], bulk: SharedBytes? = nil) throws(WireError) {
        let result: Result<Self, WireError> = body.withUnsafeBytes { bytes in
            do throws(WireError) { return .success(try Self(body: bytes, bulk: bulk)) } catch { return .failure(error) }
        }
        self = try result.get()
    }

    func decodedAgain() throws -> Self {
        let encoded = try encoded()
        return try Self(reading: encoded.body, bulk: encoded.bulk)
    }
}

/// Protobuf fields as bytes, written by hand from the format's definition and the numbers in the .proto files: they
/// check the generated code as well. Of a field that comes twice the last one counts, so appending one changes it.
enum Field {
    static func varint(_ number: UInt64, _ value: UInt64) -> [UInt8] { raw(number << 3) + raw(value) }
    static func varint(_ number: UInt64, signed value: Int64) -> [UInt8] { varint(number, UInt64(bitPattern: value)) }
    static func fixed32(_ number: UInt64, _ value: UInt32) -> [UInt8] {
        raw(number << 3 | 5) + withUnsafeBytes(of: value.littleEndian, Array.init)
    }
    static func fixed64(_ number: UInt64, _ value: Int64) -> [UInt8] {
        raw(number << 3 | 1) + withUnsafeBytes(of: value.littleEndian, Array.init)
    }
    static func double(_ number: UInt64, _ value: Double) -> [UInt8] {
        fixed64(number, Int64(bitPattern: value.bitPattern))
    }
    static func bytes(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        raw(number << 3 | 2) + raw(UInt64(content.count)) + content
    }
    static func text(_ number: UInt64, _ content: String) -> [UInt8] { bytes(number, Array(content.utf8)) }

    static func raw(_ varint: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
