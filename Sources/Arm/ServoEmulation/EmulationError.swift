import Foundation

/// Why emulated servos cannot be reached, or do not understand.
package enum EmulationError: Error, CustomStringConvertible {
    case noTerminal(errno: Int32)
    case noSignals(errno: Int32)
    case linkExists(String)
    /// The link leads to a terminal that lives.
    case linkInUse(String)
    case noLink(String, errno: Int32)
    case unwritable(String)
    case unknownFault(String)
    case otherServos(calibration: String, found: String, wanted: String)

    package var description: String {
        switch self {
        case .noTerminal(let errno):
            "opening a pseudo-terminal: \(String(cString: strerror(errno))). Mount devpts at /dev/pts, or close other "
                + "terminals."
        case .noSignals(let errno):
            "receiving signals: \(String(cString: strerror(errno))). Raise the limit of open files (ulimit -n)."
        case .linkExists(let path):
            "linking '\(path)' to the pseudo-terminal: a file lies there, expected nothing or a link. Choose another "
                + "--link."
        case .linkInUse(let path):
            "linking '\(path)' to the pseudo-terminal: it leads to something that is alive, as other emulated servos' "
                + "link does, expected none. End those, choose another --link, or remove it."
        case .noLink(let path, let errno):
            "linking '\(path)' to the pseudo-terminal: \(String(cString: strerror(errno))). Choose a --link in a "
                + "folder that can be written."
        case .unwritable(let path):
            "writing '\(path)': it cannot be created, expected a file. Choose another --register-log."
        case .unknownFault(let line):
            "reading the fault '\(line)': it is not known, or not of this servo, expected one of 'octo-arm help "
                + "emulate' with a servo that is there. Correct it."
        case .otherServos(let calibration, let found, let wanted):
            "reading the servos in \(calibration): found \(found), expected \(wanted) as --driver says. Give --driver "
                + "\(found), or another --calibration."
        }
    }
}
