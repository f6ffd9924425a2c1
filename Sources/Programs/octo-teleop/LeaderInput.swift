import ArmDrivers
import Foundation
import Kinematics
import Maths
import ServoTools
import Synchronization
import Teleop
import Threads
import Time

/// The positions of a leader arm, read on a thread of its own: asking seven servos takes longer than a command may
/// wait.
final class LeaderInput: Sendable {
    struct Reading {
        var positions: JointVector
        var gripper: Double
        var time: MonotonicTime
        /// How many readings were not believed so far.
        var refused: Int
    }
    private struct Content {
        var reading: Reading?
        var failure: String?
        var isOver = false
    }
    /// Number of questions in a row that may go wrong: one is line noise, more is a cable.
    private static let patience = 5
    /// Period of reading the leader: as often as the follower is told at most, twice over.
    private static let period = Duration.milliseconds(10)

    /// The serial line of the leader's servos. The thread holds it from its start to its end.
    private let line: Mutex<ServoLine<SerialPort>>
    private let layout: ServoLayout
    /// The gripper comes last.
    private let jointNames: [String]
    private let content = Mutex(Content())

    /// Opens the leader's port, and checks its servos.
    /// - Parameters:
    ///   - calibration: path of the leader's calibration file: its servos and their zero positions, which those have to
    ///     have too.
    ///   - joints: number of the follower's joints.
    /// - Throws: what is wrong with the calibration, the port or the servos.
    init(port: String, baud: Int, calibration path: String, joints: Int) throws {
        let calibration = try ArmCalibration(contentsOfFile: path)
        guard calibration.joints.count == joints else {
            throw OtherLeader(path: path, joints: calibration.joints.count, expected: joints)
        }
        layout = try ServoLayout(calibration: try CalibrationFile(path: path).read() ?? [], file: path, joints: joints)
        let line = ServoLine(
            port: try SerialPort(path: port, baud: baud), baud: baud, servoProtocol: layout.servoProtocol)
        // As the arm's own driver does at its start: with another zero position every angle would be wrong.
        let check: ServoCheck
        do throws(ServoPortError) {
            check = try ServoCheck(layout, on: line)
        } catch {
            throw ServoToolError.port(errno: error.errno)
        }
        guard check.isSound else {
            throw OtherServos(
                path: path, findings: check.findings.filter { $0.severity == .mismatch },
                names: Self.names(layout, calibration))
        }
        jointNames = calibration.joints.map(\.name) + ["gripper"]
        self.line = Mutex(line)
    }

    private static func names(_ layout: ServoLayout, _ calibration: ArmCalibration) -> [UInt8: String] {
        var names = [layout.gripper.id: "gripper"]
        for (servo, joint) in zip(layout.joints, calibration.joints) {
            for id in [servo.id] + servo.shadows { names[id] = joint.name }
        }
        return names
    }

    func start() throws(ThreadStartError) {
        try NamedThread("leader") { [self] in line.withLock { run($0) } }
    }

    /// The newest reading, once.
    func take() throws -> Reading? {
        try content.withLock { content in
            if let failure = content.failure { throw LeaderLost(words: failure) }
            let reading = content.reading
            content.reading = nil
            return reading
        }
    }

    func stop() { content.withLock { $0.isOver = true } }

    private func run(_ line: ServoLine<SerialPort>) {
        var readings = LeaderReadings()
        var failures = 0
        while !content.withLock({ $0.isOver }) {
            let start = MonotonicTime.now()
            do {
                // A leader is moved by hand: its servos must not hold it. They are only read.
                let pulses = try readAll(line)
                failures = 0
                try take(pulses, &readings)
                let left = Self.period - (MonotonicTime.now() - start)
                if left > .zero { Thread.sleep(forTimeInterval: left.inSeconds) }
            } catch {
                failures += 1
                if failures < Self.patience, !(error is LeaderJump) { continue }
                let words = "\(error)"
                content.withLock { $0.failure = words }
                return
            }
        }
    }

    /// The positions of all servos, pulses.
    private func readAll(_ line: ServoLine<SerialPort>) throws -> [Int] {
        let pulses = try line.positions(of: layout.leaders)
        return try layout.leaders.map { id in
            guard let pulse = pulses[id] else { throw ServoToolError.silent(servo: id) }
            return pulse
        }
    }

    /// Takes one reading of all servos, if it can be believed.
    /// - Throws: `LeaderJump` when the servos say too often what cannot be.
    private func take(_ pulses: [Int], _ readings: inout LeaderReadings) throws {
        let now = MonotonicTime.now()
        switch readings.receive(pulses, at: now) {
        case .taken(let continuous):
            let positions = JointVector(zip(layout.joints, continuous).map { $0.radians($1) })
            let gripper = layout.gripper.opening(continuous[layout.joints.count])
            let reading = Reading(positions: positions, gripper: gripper, time: now, refused: readings.refused)
            content.withLock { $0.reading = reading }
        case .refused: return
        case .lost(let servo, let pulses):
            throw LeaderJump(joint: jointNames[servo], degrees: pulses * 360 / 4_096)
        }
    }
}

/// The leader's servos are not as its calibration file says.
struct OtherServos: Error, CustomStringConvertible {
    let path: String
    let findings: [ServoCheck.Finding]
    /// Names of the joints, by servo.
    let names: [UInt8: String]

    var description: String {
        let lines = findings.map { finding in
            let name = names[finding.servo].map { " (\($0))" } ?? ""
            return
                "\n  servo \(finding.servo)\(name): \(finding.subject) is \(finding.found), expected "
                + "\(finding.expected); \(finding.advice)"
        }
        return
            "comparing the leader's servos with \(path): found \(findings.count) "
            + "\(findings.count == 1 ? "difference" : "differences"), "
            + "expected none, or the arm would not stand as the leader does. Give --leader-calibration with the "
            + "leader's own file."
            + lines.joined()
    }
}

/// A servo of the leader says again and again what no hand can have done.
struct LeaderJump: Error, CustomStringConvertible {
    let joint: String
    let degrees: Double

    var description: String {
        "joint \(joint) jumped by \(Int(degrees.rounded()))° several times in a row, more than a hand can do. Check "
            + "that servo and its cable"
    }
}

struct OtherLeader: Error, CustomStringConvertible {
    let path: String
    let joints: Int
    let expected: Int

    var description: String {
        "reading the leader's calibration \(path): it has \(joints) joints, expected \(expected) as the arm that "
            + "follows. Give --leader-calibration with a leader of the same build."
    }
}

struct LeaderLost: Error, CustomStringConvertible {
    let words: String

    var description: String { "the leader arm is gone: \(words)" }
}
