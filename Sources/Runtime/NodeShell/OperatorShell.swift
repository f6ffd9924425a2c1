import CShims
import Glibc
import Time

/// What programs share in which a person holds the arm.
package enum OperatorShell {
    /// A program that hangs while it stops is ended by the kernel after this many seconds.
    private static let stopDeadlineSeconds: UInt32 = 8
    /// How long the arm has for its first state.
    package static let firstStateTime = Duration.seconds(10)

    /// Makes signals readable: SIGTERM, SIGINT and SIGHUP brake the arm before they end the program. Before any
    /// thread.
    /// - Returns: a descriptor for `octo_signal_read`.
    /// - Throws: `WorkFailure`.
    package static func begin(_ program: String) throws -> Int32 {
        let signals = octo_signal_fd()
        guard signals >= 0 else {
            throw WorkFailure("receiving signals: errno \(-signals), expected a pipe. Start \(program) again.")
        }
        octo_exit_deadline_after_signal(stopDeadlineSeconds)
        // A screen that goes away must not end a program whose arm has yet to brake.
        signal(SIGPIPE, SIG_IGN)
        return signals
    }
}

/// An arm that says nothing.
package struct NoStateError: Error, CustomStringConvertible {
    /// The arm in words, for people: "the run in /tmp/octo-1000/widowx".
    package let place: String

    package init(place: String) { self.place = place }

    package var description: String {
        "no state of the arm within \(OperatorShell.firstStateTime.inSeconds.decimals(0)) s (\(place)); is its process "
            + "running? See octo-bus list."
    }
}
