import Messages
import Time

#if canImport(Glibc)
import Glibc
#endif

/// Why a driver could not read or move the arm. Plain numbers only: thrown inside the control loop, it must not allocate.
package enum ArmDriverError: Error, Equatable, Sendable, BitwiseCopyable {
    /// The setpoint was for another arm.
    case wrongJointCount(found: Int, expected: Int)
    /// The setpoint holds a NaN or an infinity; `joint` is the joint count for the gripper.
    case setpointNotFinite(joint: Int)
    /// A servo did not answer in time.
    case noReply(servo: Int)
    /// A servo reported an error of its own; its status byte.
    case servoError(servo: Int, status: UInt8)
    /// The operating system refused; errno(3).
    case systemCall(errno: Int32)
}

extension ArmDriverError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .wrongJointCount(let found, let expected):
            "writing a setpoint: it has \(found) joints, the arm has \(expected). "
                + "Choose the calibration file that belongs to this arm."
        case .setpointNotFinite(let joint):
            "writing a setpoint: number \(joint) is NaN or infinite, expected a finite one; nothing was sent. "
                + "This is a fault of the control loop: report it with the episode file."
        case .noReply(let servo):
            "talking to the arm: servo \(servo) did not answer, expected a status packet. "
                + "Check its power and the cable of the servo before it."
        case .servoError(let servo, let status):
            "talking to the arm: servo \(servo) reports status \(status), expected 0. "
                + "Let it cool or free it, then switch its power off and on."
        case .systemCall(let errno):
            "talking to the arm: the port failed (\(String(cString: strerror(errno)))), expected it open. "
                + "Check the cable and the rights of the device file."
        }
    }
}

/// One arm, as the control loop drives it. Belongs to the loop's thread.
///
/// Every implementation passes the conformance suite in its tests. A driver has no clock: the time is an argument.
/// Both methods are bounded in time, and neither allocates, locks or logs.
package protocol ArmDriver: Sendable {
    /// Joints of the arm, without the gripper.
    var jointCount: Int { get }

    /// What the encoders say, radians, radians per second, opening 0...1 (a little beyond is possible).
    /// - Parameter now: the present; the state's stamp, unless the device has a better one. Not earlier than in calls
    ///   before.
    mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState

    /// Sends the arm on its way to `setpoint`. After an error the arm keeps the setpoint it had.
    /// - Parameter now: the present.
    mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError)

    /// Lets the servos go: no torque until the next `write`, whose setpoint should be where the arm then stands. To be
    /// called at every tick meanwhile, in place of `write`.
    /// - Parameter now: the present.
    mutating func release(at now: MonotonicTime) throws(ArmDriverError)
}
