import Kinematics
import Maths
import Messages
import Time

/// The arm at one moment: as it was measured, or between two measurements.
package struct ArmMoment: Equatable, Sendable {
    /// Positions of the joints, radians.
    package let positions: JointVector
    /// Opening of the gripper, 0 closed ... 1 open.
    package let gripper: Double
    package let baseFromEEF: Pose

    /// The arm when the state was measured.
    package init(_ state: ArmState) {
        positions = state.measured.positions
        gripper = state.measured.gripper
        baseFromEEF = state.baseFromEEF
    }

    /// The arm between two states: joints, gripper and place on straight lines, the orientation by slerp.
    /// - Parameters:
    ///   - before: a state that was measured at or before `time`.
    ///   - after: a state of the same arm, measured after `before`, at or after `time`.
    package init(between before: ArmState, and after: ArmState, at time: MonotonicTime) {
        let (start, end) = (before.measured.time, after.measured.time)
        precondition(start <= time && time <= end && start < end, "the moment lies between the two states")
        let share = (time - start) / (end - start)
        let (from, to) = (before.measured, after.measured)
        positions = from.positions + (to.positions - from.positions) * share
        gripper = from.gripper + (to.gripper - from.gripper) * share
        baseFromEEF = before.baseFromEEF.interpolated(to: after.baseFromEEF, share: share)
    }

    /// The fields' numbers in their units, in their order.
    /// - Parameter fields: joints among them are the arm's.
    package func numbers(of fields: [ProprioField]) -> [Float] {
        let place = baseFromEEF.translation
        let angles = BridgeConvention.rollPitchYaw(of: baseFromEEF.rotation)
        return fields.map { field in
            switch field {
            case .x: Float(place.x)
            case .y: Float(place.y)
            case .z: Float(place.z)
            case .roll: Float(angles.x)
            case .pitch: Float(angles.y)
            case .yaw: Float(angles.z)
            case .joint(let joint): Float(positions[joint])
            case .gripper: Float(gripper)
            case .zero: 0
            }
        }
    }
}

extension ProprioField {
    /// The encoders that the number is made of answered when the state was measured; the tool point needs every joint.
    package func isRead(in state: JointState) -> Bool {
        let joints = state.positions.count
        return switch self {
        case .x, .y, .z, .roll, .pitch, .yaw: !(0..<joints).contains(where: state.unread.contains)
        case .joint(let joint): !state.unread.contains(joint)
        case .gripper: !state.unread.contains(joints)
        case .zero: true
        }
    }
}
