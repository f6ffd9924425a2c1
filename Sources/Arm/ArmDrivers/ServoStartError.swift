import Glibc

/// Why a driver does not begin: found while the arm was still at rest.
package enum ServoStartError: Error, Equatable {
    case missing(found: [UInt8], expected: [UInt8], port: String)
    /// The answers to a ping are damaged, or come twice.
    case sameID(servo: UInt8, port: String)
    case otherProtocol(servo: UInt8, speaks: ServoTongue, expected: ServoTongue, port: String)
    /// A servo that answers pings, and still no reads after its status return level was set.
    case answersTooLittle(servo: UInt8)
    /// A Feetech servo whose positions count turns: what they say depends on what it did since the power came.
    case countsTurns(servo: UInt8, phase: Int)
    /// A Dynamixel servo's homing offset that it does not heed in position mode.
    case offsetNotHeeded(servo: UInt8, offset: Int)
    case port(errno: Int32, port: String)
    case refused(servo: UInt8, register: String, reason: String)
    case unconfirmed(servo: UInt8, register: String, wrote: Int, found: Int)
    case hardwareError(servo: UInt8, errors: String)
    case torqueIsOn(servo: UInt8, register: String, found: Int, expected: Int)
    case otherCalibration(servo: UInt8, register: String, found: Int, file: Int)
    case shadowApart(leader: UInt8, shadow: UInt8, pulses: Int)
    case notEnoughTime(rateHertz: Double, highestHertz: Double, bytes: Int, baud: Int)
    /// A servo stands outside the limits in its own registers, pulses.
    case beyondOwnLimits(servo: UInt8, found: Int, limits: ClosedRange<Int>)
    /// A servo that left so many of so many questions in a row without a whole answer.
    case unsteady(servo: UInt8, lost: Int, asked: Int, port: String)
    /// The line as it was measured does not fit into a control tick.
    case slowLine(LineCost, rateHertz: Double, cause: String)
}

extension ServoStartError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let found, let expected, let port):
            let seen = found.isEmpty ? "none" : found.map(String.init).joined(separator: " ")
            return "looking for the servos on \(port): found \(seen), expected "
                + "\(expected.map(String.init).joined(separator: " ")). "
                + (found.isEmpty
                    ? "Check the arm's power and the cable; 'octo-arm scan' tries every baud rate."
                    : "Check the cable behind the last one that answers.")
        case .sameID(let servo, let port):
            return
                "looking for servo \(servo) on \(port): what answers is damaged or comes twice, as of two servos with "
                + "the id "
                + "\(servo) that talk at one time; expected one whole answer. Connect one of them alone and give it "
                + "its own id with 'octo-arm setup'. If there is only one with this id, check its cable."
        case .otherProtocol(let servo, let speaks, let expected, let port):
            return "looking for servo \(servo) on \(port): it answers in \(speaks.name), expected \(expected.name). "
                + speaks.advice
        case .answersTooLittle(let servo):
            return
                "setting up servo \(servo): it answers pings, but neither reads nor writes, and 'status return level' "
                + "could not "
                + "be set so that it does; expected an answer to everything. Switch the arm's power off and on; if "
                + "that does not help, connect the servo alone and run 'octo-arm setup'."
        case .countsTurns(let servo, let phase):
            return
                "comparing servo \(servo) with the calibration file: its positions count turns ('phase', register 18, "
                + "is "
                + "\(phase): bit 16 is set), expected one turn, 0 to 4095: angles would be whole turns wrong. Run "
                + "'octo-arm calibrate', which clears the bit."
        case .offsetNotHeeded(let servo, let offset):
            return
                "comparing servo \(servo) with the calibration file: 'homing offset' is \(offset), expected -1024 to "
                + "1024: in "
                + "position mode the servo heeds no more, and angles would be wrong. Mount its horn a notch further, "
                + "and run 'octo-arm calibrate'."
        case .port(let errno, let port):
            return
                "talking to the servos on \(port): \(String(cString: strerror(errno))), expected an open line. Check "
                + "the "
                + "cable of the adapter."
        case .refused(let servo, let register, let reason):
            return
                "setting up servo \(servo): it does not take '\(register)' (\(reason)), expected it to. Switch the "
                + "arm's power "
                + "off and on; if that does not help, the servo is of another kind than the calibration says."
        case .unconfirmed(let servo, let register, let wrote, let found):
            return
                "setting up servo \(servo): '\(register)' is \(found) after \(wrote) was written. The line is bad or "
                + "the "
                + "servo broken: check its cable."
        case .hardwareError(let servo, let errors):
            return
                "setting up the arm: servo \(servo) reports a hardware error (\(errors)), expected none. Let it cool, "
                + "free what "
                + "blocks it, then switch the arm's power off and on."
        case .torqueIsOn(let servo, let register, let found, let expected):
            return
                "setting up servo \(servo): '\(register)' is \(found), expected \(expected), and it cannot be changed "
                + "while "
                + "torque is on. Support the arm, switch its power off and on, and start again."
        case .otherCalibration(let servo, let register, let found, let file):
            return
                "comparing servo \(servo) with the calibration file: '\(register)' is \(found) in the servo and "
                + "\(file) in the "
                + "file, expected the same: angles would be wrong. Calibrate the arm, or choose its own file."
        case .shadowApart(let leader, let shadow, let pulses):
            return
                "setting up the arm: servos \(leader) and \(shadow) move one joint and stand \(pulses) pulses apart, "
                + "expected "
                + "at most 40: they would work against each other. Align their horns or correct the homing offset of "
                + "\(shadow)."
        case .beyondOwnLimits(let servo, let found, let limits):
            return
                "switching the torque of servo \(servo) on: it stands at \(found), its own limits are "
                + "\(limits.lowerBound) ... "
                + "\(limits.upperBound), and with torque it would go back at full speed. Move the joint inside by hand."
        case .unsteady(let servo, let lost, let asked, let port):
            return
                "listening to the servos on \(port): servo \(servo) did not answer \(lost) of \(asked) questions, "
                + "expected whole "
                + "answers before the arm may move. Check the cable before it, its power, and other devices on the "
                + "line."
        case .slowLine(let cost, let rate, let cause):
            return "timing the servo bus: \(cost), more than a control tick of \(rate) Hz has. \(cause)"
        case .notEnoughTime(let rate, let highest, let bytes, let baud):
            return "planning the servo bus: \(bytes) bytes a tick at \(baud) baud and \(rate) Hz do not fit. Set "
                + "arm.control_rate_hz to at most \(Int(highest)), or raise the servos' baud rate."
        }
    }
}
