import Glibc
import ServoProtocol

/// Why a driver could not read or move the arm. Plain numbers only: thrown inside the control loop, it must not
/// allocate.
package enum ArmDriverError: Error, Equatable, Sendable, BitwiseCopyable {
    /// The setpoint was for another arm.
    case wrongJointCount(found: Int, expected: Int)
    /// The setpoint holds a NaN or an infinity; `joint` is the joint count for the gripper.
    case setpointNotFinite(joint: Int)
    /// A servo did not answer, for longer than is tolerated.
    case noReply(servo: Int)
    /// A servo's answers come, but after their time.
    case lateReply(servo: Int)
    /// A servo tells places that it cannot have reached since its last answer.
    case implausible(servo: Int, told: Int, before: Int)
    /// A Dynamixel servo reports errors of its own; none of its bits are known if it could not be asked which.
    case dynamixelError(servo: Int, DynamixelHardwareError)
    /// A Feetech servo reports errors of its own.
    case feetechError(servo: Int, Feetech.StatusError)
    /// A servo's torque has gone off without anybody having asked for it.
    case torqueLost(servo: Int)
    /// A servo's own watchdog has stopped it: it takes no goals.
    case stoppedItself(servo: Int)
    /// A servo could not be set up again.
    case notReady(servo: Int, ServoObstacle)
    /// The operating system refused; errno(3).
    case systemCall(errno: Int32)
}

/// Why a servo cannot be set up again after a fault. `octo-arm check` names the register.
package enum ServoObstacle: UInt8, Equatable, Sendable, BitwiseCopyable {
    case hardwareError
    case otherCalibration
    case refusesRegister
    case torqueWhileChanging
    case shadowApart
    case beyondOwnLimits
    case unsteadyLine
    case sharesID
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
            "talking to the arm: servo \(servo) does not answer. Check its power and the cable of the servo before it."
        case .lateReply(let servo):
            "talking to the arm: servo \(servo) answers too late: the line has become slower than it was at the "
                + "start. Look for a USB hub, a busy machine, or the adapter's latency timer."
        case .implausible(let servo, let told, let before):
            "talking to the arm: servo \(servo) tells that it is at \(told), which it cannot have reached from "
                + "\(before), where it was read last. Check its cable and its supply; "
                + "if it goes on, the servo's encoder is broken."
        case .dynamixelError(let servo, let errors):
            "talking to the arm: servo \(servo) reports \(errors.isEmpty ? "a hardware error" : "\(errors)"). "
                + "\(errors.mend)"
        case .feetechError(let servo, let errors):
            "talking to the arm: servo \(servo) reports \(errors). \(errors.mend)"
        case .torqueLost(let servo):
            "watching the servos: the torque of servo \(servo) is off, although nobody switched it off. Its power was "
                + "interrupted, or it protects itself: check its plug and what it carries."
        case .stoppedItself(let servo):
            "watching the servos: servo \(servo) has stopped by itself, since it heard nothing for as long as its "
                + "watchdog waits. Check its cable."
        case .notReady(let servo, let obstacle): "setting servo \(servo) up again: \(obstacle)"
        case .systemCall(let errno):
            "talking to the arm: the port failed (\(String(cString: strerror(errno)))). "
                + "Plug the adapter in again and check its cable."
        }
    }
}

extension ServoObstacle: CustomStringConvertible {
    package var description: String {
        switch self {
        case .hardwareError: "it reports a hardware error. Free it or let it cool, then switch its power off and on."
        case .otherCalibration:
            "its registers are not those of the calibration file; is it another servo? 'octo-arm check' names them."
        case .refusesRegister:
            "it does not take its settings. Switch its power off and on; 'octo-arm check' names the register."
        case .torqueWhileChanging:
            "a setting has changed while its torque is on. Hold the arm and switch its power off and on."
        case .shadowApart: "it stands apart from the servo on the same joint. Check both horns."
        case .beyondOwnLimits:
            "it stands beyond its own limits, and with torque would go back at full speed. Move the joint inside by "
                + "hand."
        case .sharesID:
            "two servos answer to its id. Connect one of them alone and give it its own with 'octo-arm setup'."
        case .unsteadyLine: "its answers are lost again and again. Check the cable before it."
        }
    }
}

extension ArmDriverError {
    /// The servo that it is about; nil when it is about none.
    package var servo: Int? {
        switch self {
        case .noReply(let servo), .lateReply(let servo), .implausible(let servo, _, _), .dynamixelError(let servo, _),
            .feetechError(let servo, _), .torqueLost(let servo), .stoppedItself(let servo), .notReady(let servo, _):
            servo
        case .wrongJointCount, .setpointNotFinite, .systemCall: nil
        }
    }

    /// What setting servos up again ended with.
    init(_ error: ServoStartError) {
        switch error {
        case .missing(let found, let expected, _):
            self = .noReply(servo: Int(expected.first { !found.contains($0) } ?? 0))
        case .port(let errno, _): self = .systemCall(errno: errno)
        case .refused(let servo, _, _), .unconfirmed(let servo, _, _, _):
            self = .notReady(servo: Int(servo), .refusesRegister)
        case .hardwareError(let servo, _): self = .notReady(servo: Int(servo), .hardwareError)
        case .torqueIsOn(let servo, _, _, _): self = .notReady(servo: Int(servo), .torqueWhileChanging)
        case .sameID(let servo, _): self = .notReady(servo: Int(servo), .sharesID)
        case .otherProtocol(let servo, _, _, _), .answersTooLittle(let servo), .countsTurns(let servo, _),
            .offsetNotHeeded(let servo, _):
            self = .notReady(servo: Int(servo), .refusesRegister)
        case .otherCalibration(let servo, _, _, _): self = .notReady(servo: Int(servo), .otherCalibration)
        case .shadowApart(_, let shadow, _): self = .notReady(servo: Int(shadow), .shadowApart)
        case .beyondOwnLimits(let servo, _, _): self = .notReady(servo: Int(servo), .beyondOwnLimits)
        case .unsteady(let servo, _, _, _): self = .notReady(servo: Int(servo), .unsteadyLine)
        case .notEnoughTime, .slowLine: self = .notReady(servo: 0, .unsteadyLine)
        }
    }
}

extension DynamixelHardwareError {
    /// What a person does about it. The servo's torque is off until its power was switched off and on (ROBOTIS
    /// e-manual, Shutdown).
    var mend: String {
        let first =
            if contains(.overheating) {
                "Let it cool, and find out what makes it work so hard"
            } else if contains(.voltage) {
                "Check the power supply: its voltage, and whether it holds under load"
            } else if contains(.electricalShock) {
                "Look for a short circuit in its cable, and for a supply that is too weak"
            } else if contains(.encoder) { "If this comes again the servo is broken: replace it" } else {
                "Free it of what it pushes against"
            }
        return first + "; hold the arm, then switch its power off and on."
    }
}

extension Feetech.StatusError {
    /// What a person does about it.
    var mend: String {
        if contains(.overheating) { return "Let it cool, and find out what makes it work so hard." }
        if contains(.voltage) {
            return "Check the power supply: the servo's own limits, its voltage, and whether it holds under load."
        }
        if contains(.overcurrent) {
            return "Look for a short circuit or a blocked joint, then switch its power off and on."
        }
        if contains(.angleSensor) {
            return "Switch its power off and on; if this comes again the servo is broken: replace it."
        }
        if contains(.overload) { return "Free it of what it pushes against." }
        return "Switch its power off and on."
    }
}
