import ArmDrivers
import ArmLoop
import Foundation
import Kinematics
import Maths
import RealTime
import ServoEmulation
import ServoProtocol
import TestSupport
import Time

/// A clock that is a port's own: what the driver waits for makes the tick late.
struct PortClock: LoopClock, @unchecked Sendable {
    // Unchecked: one test's thread uses it.
    let port: EmulatedPort

    func now() -> MonotonicTime { port.now }
    func sleep(until deadline: MonotonicTime) { port.advance(to: max(deadline, port.now) + .microseconds(60)) }
}

/// What the grid needs to know of an arm, read from its calibration file.
struct GridArmData: Sendable {
    static let rate = Rate(hertz: 50)

    let calibration: ArmCalibration
    let layout: ServoLayout

    init(_ arm: GridArm) throws {
        let path = "calibration/\(arm.rawValue).json"
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(path))
        let calibration = try ArmCalibration(parsing: text, file: path)
        layout = try ServoLayout(calibration: text, file: path, joints: calibration.joints.count)
        self.calibration = calibration.narrowed(to: layout)
    }

    var servos: [GridServo] {
        let period = Self.rate.periodSeconds
        return zip(layout.joints, calibration.joints).map { GridServo($0, velocity: $1.velocity, period: period) }
            + [GridServo(layout.gripper, strokesPerSecond: calibration.gripper.speed, period: period)]
    }
}

/// Reads the goals in what a host sends.
final class GoalTap {
    private let dynamixel = DynamixelParser()
    private let feetech = FeetechParser()
    private let servoProtocol: ServoLayout.ServoProtocolName

    init(_ servoProtocol: ServoLayout.ServoProtocolName) { self.servoProtocol = servoProtocol }

    var goalAddress: Int {
        servoProtocol == .dynamixel ? DynamixelRegister.goalPosition.address : FeetechRegister.goalPosition.address
    }

    /// Ids and pulses of all goals in `bytes`.
    func goals(in bytes: UnsafeRawBufferPointer) -> [(id: UInt8, pulses: Int)] {
        switch servoProtocol {
        case .dynamixel: dynamixelGoals(in: bytes)
        case .feetech: feetechGoals(in: bytes)
        }
    }

    private func dynamixelGoals(in bytes: UnsafeRawBufferPointer) -> [(id: UInt8, pulses: Int)] {
        let goal = DynamixelRegister.goalPosition
        var found: [(id: UInt8, pulses: Int)] = []
        _ = dynamixel.feed(bytes)
        while let packet = dynamixel.next() {
            let data = dynamixel.parameters
            guard data.count >= 4, Int(data[0]) | Int(data[1]) << 8 == goal.address else { continue }
            if packet.instruction == Dynamixel.Instruction.write.rawValue {
                found.append(
                    (packet.id, goal.value(in: UnsafeRawBufferPointer(rebasing: data[2...]), base: goal.address)))
            } else if packet.instruction == Dynamixel.Instruction.syncWrite.rawValue {
                for start in stride(from: 4, to: data.count, by: goal.width + 1) {
                    let value = UnsafeRawBufferPointer(rebasing: data[(start + 1)...(start + goal.width)])
                    found.append((data[start], goal.value(in: value, base: goal.address)))
                }
            }
        }
        return found
    }

    private func feetechGoals(in bytes: UnsafeRawBufferPointer) -> [(id: UInt8, pulses: Int)] {
        let goal = FeetechRegister.goalPosition
        var found: [(id: UInt8, pulses: Int)] = []
        _ = feetech.feed(bytes)
        while let packet = feetech.next() {
            let data = feetech.parameters
            guard data.count >= 2, Int(data[0]) == goal.address else { continue }
            if packet.instruction == Feetech.Instruction.write.rawValue {
                found.append(
                    (packet.id, goal.value(in: UnsafeRawBufferPointer(rebasing: data[1...]), base: goal.address)))
            } else if packet.instruction == Feetech.Instruction.syncWrite.rawValue {
                for start in stride(from: 2, to: data.count, by: goal.width + 1) {
                    let value = UnsafeRawBufferPointer(rebasing: data[(start + 1)...(start + goal.width)])
                    found.append((data[start], goal.value(in: value, base: goal.address)))
                }
            }
        }
        return found
    }
}
