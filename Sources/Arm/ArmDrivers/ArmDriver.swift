import Messages
import Time

/// One arm, as the control loop drives it. Belongs to the loop's thread.
///
/// Every implementation passes the conformance suite in its tests. A driver has no clock: the time is an argument.
/// Its methods are bounded in time, and none allocates, locks or logs; only setting servos up, which takes longer and
/// happens while the arm stands, may.
///
/// After an error that means that servos may not be what or where they were, a driver is suspended: it goes on reading,
/// sends nothing, and sets the servos up anew only when somebody says `resume`.
package protocol ArmDriver: Sendable {
    /// Number of the arm's joints, without the gripper.
    var jointCount: Int { get }

    /// Whether setpoints are not sent, because something has gone wrong that a person has to see to.
    var isSuspended: Bool { get }

    /// Reads what the encoders say, radians, radians per second, opening 0...1 (a little beyond is possible). Joints
    /// that did not answer are in `unread` and stay where they were read last; before every encoder was read once there
    /// is no state.
    /// - Parameter now: the present; the state's stamp, unless the device has a better one. Not earlier than in calls
    ///   before.
    mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState

    /// Sends the arm on its way to `setpoint`. After an error the arm keeps the setpoint it had.
    ///
    /// The first call after `release` switches torque on, each servo where it stands, and sends nothing else.
    /// - Parameter now: the present.
    mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError)

    /// Lets the servos go: no torque until the next `write`, whose setpoint should be where the arm then stands. To be
    /// called at every tick meanwhile, in place of `write`.
    /// - Parameter now: the present.
    mutating func release(at now: MonotonicTime) throws(ArmDriverError)

    /// A person says that the arm may go on: the next read of a suspended driver sets the servos up anew, with torque
    /// on where each stands. It fails with what is still wrong.
    mutating func resume()

    /// The joint that an error is about, the number of joints for the gripper; nil when it is about none.
    func joint(blamedBy error: ArmDriverError) -> Int?
}

extension ArmDriver {
    package var isSuspended: Bool { false }
    package mutating func resume() {}
    package func joint(blamedBy error: ArmDriverError) -> Int? { nil }
}

/// What a driver does about torque when it starts.
package enum TorqueAtStart: Equatable, Sendable {
    /// Torque comes on, each servo where it stands. Torque that is on stays on.
    case on
    /// Torque stays as it is found until the first `write`: an emergency stop had switched it off.
    case released
    /// Torque stays as it is found until `resume`: a fault was latched, and nobody has said yet that the arm may go on.
    case suspended
}
