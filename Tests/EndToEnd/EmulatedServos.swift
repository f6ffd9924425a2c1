import Foundation
import JSONTree
import TestSupport
import Time

/// Servos that `octo-arm emulate` stands in for, and what was written into their registers.
final class EmulatedServos {
    /// One accepted write of a goal position.
    struct Goal {
        var seconds: Double
        var id: Int
        var pulses: Int
    }
    /// One accepted write of a goal position or of torque, and the servo as it was then.
    struct Write: Equatable {
        var seconds: Double
        var id: Int
        /// The goal that was written; nil for torque.
        var goal: Int?
        /// The torque that was written; nil for a goal.
        var torque: Int?
        /// Where the servo stood, and its goal register after the write.
        var position: Int
        var goalAfter: Int
        var hadTorque: Bool
    }
    /// An arm of calibration/ and what of its servos' protocol the register log needs.
    enum Arm: String {
        case widowX = "widowx-250s"
        case so101

        var calibration: String { Fixture.packageRoot.appendingPathComponent("calibration/\(rawValue).json").path }
        var driver: String { self == .widowX ? "dynamixel" : "feetech" }
        fileprivate var goalAddress: Int { self == .widowX ? 116 : 42 }
        fileprivate var goalWidth: Int { self == .widowX ? 4 : 2 }
        fileprivate var torqueAddress: Int { self == .widowX ? 64 : 40 }
        /// The emulator is a process like the others here, on a machine that may be busy: times are wide.
        fileprivate var otherSettings: String { self == .widowX ? #", "bus_watchdog_s": 2.5"# : "" }
    }
    /// Of the settings below, Hz.
    static let rate = 50.0

    let link: String
    let arm: Arm
    private let folder: URL
    private let program: RunningProgram
    private let input = Pipe()
    private let log: URL

    /// - Parameter servos: arguments that say which; without them those of `arm`.
    init(_ arguments: [String] = [], of servos: [String]? = nil, arm: Arm = .widowX) throws {
        self.arm = arm
        folder = try TemporaryFolder.make("servos")
        link = folder.appendingPathComponent("tty").path
        log = folder.appendingPathComponent("registers.jsonl")
        program = try RunningProgram(
            "octo-arm",
            ["emulate", "--link", link, "--register-log", log.path] + (servos ?? ["--calibration", arm.calibration])
                + arguments,
            input: input)
        let deadline = MonotonicTime.now() + .seconds(20)
        while !program.output.contains("servos") {
            guard program.process.isRunning, MonotonicTime.now() < deadline else {
                throw TimedOut(description: "octo-arm emulate did not start:\n\(program.errors)")
            }
            usleep(10_000)
        }
    }

    deinit {
        kill(program.process.processIdentifier, SIGTERM)
        program.process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// What makes the replay manifest drive them.
    var settings: [String] {
        [
            #"arm={"driver": "\#(arm.driver)", "port": "\#(link)", "calibration": "\#(arm.calibration)", "#
                + #""control_rate_hz": \#(Int(Self.rate))\#(arm.otherSettings)}"#
        ]
    }

    /// A fault, as in the emulator's help.
    func say(_ line: String) { input.fileHandleForWriting.write(Data((line + "\n").utf8)) }

    /// How many register writes the servos have accepted.
    func writeCount() throws -> Int { try String(contentsOf: log, encoding: .utf8).split(separator: "\n").count }

    var complaints: String { program.errors }

    /// Every goal position that a servo accepted so far.
    func goals() throws -> [Goal] {
        try motionWrites().compactMap { write in
            write.goal.map { Goal(seconds: write.seconds, id: write.id, pulses: $0) }
        }
    }

    /// Every goal and torque that a servo accepted so far, in order.
    func motionWrites() throws -> [Write] {
        try String(contentsOf: log, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard let node = try? JSONNode(parsing: Array(line.utf8)), let address = node["address"]?.int,
                let bytes = node["data"]?.array?.compactMap(\.int), let time = node["time_ns"]?.double,
                let id = node["id"]?.int,
                let position = node["position"]?.int, let goal = node["goal"]?.int,
                let hadTorque = node["had_torque"]?.bool
            else { return nil }
            let isGoal = address == arm.goalAddress && bytes.count == arm.goalWidth
            guard isGoal || (address == arm.torqueAddress && bytes.count == 1) else { return nil }
            return Write(
                seconds: time * 1e-9, id: id, goal: isGoal ? bytes[0] | bytes[1] << 8 : nil,
                torque: isGoal ? nil : bytes[0],
                position: position, goalAfter: goal, hadTorque: hadTorque)
        }
    }
}
