import Maths
import Time

/// What an operator asks of the arm besides moving it.
package struct ArmCommand: Equatable, Sendable {
    /// Raw values travel on the bus: only add.
    package enum Action: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        /// Brakes and holds the arm until it is reset.
        case emergencyStop = 1
        /// Ends what holds the arm, one thing at a time: an emergency stop, else a fault as `clearFault` does. The arm
        /// holds on: after an emergency stop until an operator moves it or `resume`s, after a fault also until a new
        /// chunk comes.
        case resetEmergencyStop = 2
        /// Ends the hold for a fault: of the servos or their line, or of a joint that was blocked, overloaded,
        /// overheated or did not follow. Servos without torque take hold where they stand.
        case clearFault = 3
        /// Moves joints that are beyond their limits back inside, slowly.
        case recover = 4
        /// Lets the policy move the arm again after an emergency stop that was reset.
        case resume = 5
    }
    /// Chosen by the sender; the same command sent again keeps it.
    package var id: UInt64
    /// Who asks, as "octo-teleop (pid 1234)"; never empty.
    package var operatorID: String
    package var action: Action
    package var time: MonotonicTime

    package init(id: UInt64, operatorID: String, action: Action, time: MonotonicTime) {
        self.id = id
        self.operatorID = operatorID
        self.action = action
        self.time = time
    }
}

/// Motion that an operator asks for, over and over while it shall last: each command holds for a short time only.
package struct ManualCommand: Equatable, Sendable, BitwiseCopyable {
    /// What the arm is to do.
    package enum Motion: Equatable, Sendable, BitwiseCopyable {
        /// Joint velocities, radians per second, one for each joint.
        case joints(JointVector)
        /// Velocity of the tool point, metres per second, and angular velocity, radians per second, both in base axes.
        case twist(linear: Vector3, angular: Vector3)
        /// Moves the arm to these joint positions (radians, one for each joint), where it stays; `speed`, in 0...1, is
        /// a share of the joints' highest.
        case positions(JointVector, speed: Double)
    }
    package var time: MonotonicTime
    /// Whether the dead-man switch is held; while it is not, nothing moves, and the policy has the arm.
    package var isDeadManHeld: Bool
    package var motion: Motion
    /// Opening wanted, 0 closed ... 1 open; nil leaves it as it is.
    package var gripper: Double?

    package init(time: MonotonicTime, isDeadManHeld: Bool, motion: Motion, gripper: Double? = nil) {
        self.time = time
        self.isDeadManHeld = isDeadManHeld
        self.motion = motion
        self.gripper = gripper
    }
}
