import Glibc

/// Why a tool cannot go on.
package enum ServoToolError: Error, Equatable, CustomStringConvertible {
    case port(errno: Int32)
    case silent(servo: UInt8)
    /// The answers to a ping are damaged, or come twice.
    case sameID(servo: UInt8)
    /// The servo answers pings and no reads.
    case answersPingsOnly(servo: UInt8)
    case refused(servo: UInt8, field: ServoField, reason: String)
    case doesNotFit(servo: UInt8, field: ServoField, value: Int)
    case unconfirmed(servo: UInt8, field: ServoField, wrote: Int, found: Int)
    case apart(leader: UInt8, shadow: UInt8, pulses: Int)

    package var description: String {
        switch self {
        case .port(let errno):
            "talking to the servos: \(String(cString: strerror(errno))), expected an open line. Check the adapter's "
                + "cable."
        case .silent(let servo):
            "asking servo \(servo): it does not answer, expected it to. Check the arm's power and the cable before it; "
                + "'octo-arm scan' says which servos answer."
        case .sameID(let servo):
            "asking servo \(servo): what answers is damaged or comes twice, as of two servos with the id \(servo) "
                + "that talk at one time; expected one whole answer. Connect one of them alone and give it its own id "
                + "with 'octo-arm setup'. If there is only one with this id, check its cable."
        case .answersPingsOnly(let servo):
            "asking servo \(servo): it answers pings and no reads, expected it to answer both: its status return "
                + "level is 0. Connect it alone and run 'octo-arm setup', which sets it."
        case .refused(let servo, let field, let reason):
            "writing '\(field.rawValue)' of servo \(servo): it refuses (\(reason)), expected it to take it. Switch "
                + "the arm's power off and on, and try again."
        case .doesNotFit(let servo, let field, let value):
            "writing '\(field.rawValue)' of servo \(servo): \(value) does not fit its register, and was not written. "
                + "Turn the joint into the middle of its range, or mount its horn a notch further, and try again."
        case .unconfirmed(let servo, let field, let wrote, let found):
            "writing '\(field.rawValue)' of servo \(servo): it is \(found) after \(wrote) was written, expected "
                + "\(wrote). Check the cable, and try again."
        case .apart(let leader, let shadow, let pulses):
            "aligning servo \(shadow) with \(leader): they stand \(pulses) pulses apart on one joint, expected at most "
                + "\(ServoAlignment.tolerance). Loosen the horn of \(shadow) and mount it a notch further."
        }
    }
}

/// Servos that turn one joint together.
package enum ServoAlignment {
    /// The furthest that they may stand apart, pulses.
    package static var tolerance: Int { 40 }
}
