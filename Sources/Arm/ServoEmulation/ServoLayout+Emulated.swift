import ArmDrivers
import Maths

extension ServoLayout {
    /// Makes emulated servos that stand where the joints do.
    /// - Parameter positions: joint angles, radians.
    package func emulated(at positions: JointVector, baud: Int, seed: UInt64) -> any EmulatedBus {
        switch servoProtocol {
        case .dynamixel: emulatedDynamixel(at: positions, baud: baud, seed: seed)
        case .feetech: emulatedFeetech(at: positions, baud: baud, seed: seed)
        }
    }

    private var middlePulse: Int { (gripper.limits.lowerBound + gripper.limits.upperBound) / 2 }

    /// Makes emulated servos that speak Dynamixel's protocol and stand where the joints do, radians.
    package func emulatedDynamixel(at positions: JointVector, baud: Int, seed: UInt64) -> EmulatedDynamixelBus {
        var servos: [EmulatedDynamixelBus.Servo] = []
        for (index, joint) in joints.enumerated() {
            let pulse = joint.pulse(positions[index])
            let isReversed = joint.isReversed ?? false
            servos.append(.init(id: joint.id, pulses: isReversed ? 4_096 - pulse : pulse, isReversed: isReversed))
            for shadow in joint.shadows {
                servos.append(
                    .init(
                        id: shadow, pulses: isReversed ? pulse : 4_096 - pulse, secondaryID: joint.id,
                        isReversed: !isReversed))
            }
        }
        servos.append(.init(id: gripper.id, model: .xl430w250, pulses: middlePulse))
        return EmulatedDynamixelBus(servos, baud: baud, seed: seed)
    }

    private func emulatedFeetech(at positions: JointVector, baud: Int, seed: UInt64) -> EmulatedFeetechBus {
        let chain = joints.enumerated().map { index, joint in
            EmulatedFeetechBus.Servo(
                id: joint.id, pulses: joint.pulse(positions[index]) + (joint.homingOffset ?? 0),
                homingOffset: joint.homingOffset ?? 0, limits: joint.limits)
        }
        let last = EmulatedFeetechBus.Servo(
            id: gripper.id, pulses: middlePulse + (gripper.homingOffset ?? 0), homingOffset: gripper.homingOffset ?? 0,
            limits: gripper.limits)
        return EmulatedFeetechBus(chain + [last], baud: baud, seed: seed)
    }
}
