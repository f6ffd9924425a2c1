import Messages

/// Who moves the arm and who stopped it, by program and process: "octo-teleop (pid 1234)".
package struct ArmOperators: Equatable, Sendable {
    /// Who moved the arm by hand last; nil: nobody yet.
    package var mover: String?
    /// Who asked for the last emergency stop; nil: nobody, or that is not known.
    package var stopper: String?

    /// - Parameter stopper: as an earlier process of the run wrote it down.
    package init(mover: String? = nil, stopper: String? = nil) {
        self.mover = mover
        self.stopper = stopper
    }

    /// Takes note of a command that somebody gave.
    package mutating func note(_ command: ArmCommand) {
        if command.action == .emergencyStop { stopper = command.operatorID }
    }
}
