import ArmDrivers
import ArmSetup
import Control
import Foundation
import Geometry
import ServoTools
import Synchronization
import Time

/// The positions of a leader arm, read on a thread of its own: asking seven servos takes longer than a command may wait.
// Sendable: the line belongs to the thread once it has started.
final class LeaderInput: @unchecked Sendable {
    struct Reading {
        var positions: JointVector
        var gripper: Double
        var time: MonotonicTime
    }
    private struct Content {
        var reading: Reading?
        var failure: String?
        var isOver = false
    }
    /// So many questions in a row may go wrong: one is line noise, more is a cable.
    private static let patience = 5
    /// As often as the follower is told at most, twice over.
    private static let period = Duration.milliseconds(10)

    private let line: ServoLine<SerialPort>
    private let layout: ServoLayout
    private let content = Mutex(Content())

    /// - Parameters:
    ///   - calibration: of the leader: its servos and their zero positions.
    ///   - joints: of the follower.
    /// - Throws: what is wrong with the calibration or the port.
    init(port: String, baud: Int, calibration path: String, joints: Int) throws {
        let calibration = try ArmCalibration(contentsOfFile: path)
        guard calibration.joints.count == joints else {
            throw OtherLeader(path: path, joints: calibration.joints.count, expected: joints)
        }
        layout = try ServoLayout(calibration: try CalibrationFile(path: path).read() ?? [], file: path, joints: joints)
        line = ServoLine(port: try SerialPort(path: port, baud: baud), baud: baud, servoProtocol: layout.servoProtocol)
    }

    func start() {
        let thread = Thread { [self] in run() }
        thread.name = "leader"
        thread.start()
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

    private func run() {
        let ids = layout.leaders
        var failures = 0
        while !content.withLock({ $0.isOver }) {
            let start = MonotonicTime.now()
            do {
                // A leader is moved by hand: its servos must not hold it. They are only read.
                let pulses = try line.positions(of: ids)
                let positions = JointVector(layout.joints.map { joint in joint.radians(Double(pulses[joint.id] ?? joint.zeroPulse)) })
                let gripper = layout.gripper.opening(Double(pulses[layout.gripper.id] ?? 0))
                let reading = Reading(positions: positions, gripper: gripper, time: .now())
                content.withLock { $0.reading = reading }
                failures = 0
                let left = Self.period - (MonotonicTime.now() - start)
                if left > .zero { Thread.sleep(forTimeInterval: left.inSeconds) }
            } catch {
                failures += 1
                if failures < Self.patience { continue }
                let words = "\(error)"
                content.withLock { $0.failure = words }
                return
            }
        }
    }
}

struct OtherLeader: Error, CustomStringConvertible {
    let path: String
    let joints: Int
    let expected: Int

    var description: String {
        "reading the leader's calibration \(path): it has \(joints) joints, expected \(expected) as the arm that follows. Give "
            + "--leader-calibration with a leader of the same build."
    }
}

struct LeaderLost: Error, CustomStringConvertible {
    let words: String

    var description: String { "the leader arm is gone: \(words)" }
}
