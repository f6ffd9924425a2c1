import ArgumentParser
import CShims
import Glibc

/// What programs share in which a person holds the arm.
package enum OperatorShell {
    /// A program that hangs while it stops is ended by the kernel after this many seconds.
    private static let stopDeadlineSeconds: UInt32 = 8
    /// How long the arm has for its first state.
    package static let firstStateTime = Duration.seconds(10)

    /// Signals become readable: SIGTERM, SIGINT and SIGHUP brake the arm before they end the program. Before any
    /// thread.
    /// - Returns: a descriptor for `octo_signal_read`.
    /// - Throws: `ExitCode`, once it was said why.
    package static func begin(_ program: String) throws -> Int32 {
        let signals = octo_signal_fd()
        guard signals >= 0 else {
            complain("error: receiving signals: errno \(-signals), expected a pipe. Start \(program) again.")
            throw NodeExit.failure
        }
        octo_exit_deadline_after_signal(stopDeadlineSeconds)
        // A screen that goes away must not end a program whose arm has yet to brake.
        signal(SIGPIPE, SIG_IGN)
        return signals
    }

    /// Whatever breaks is said, and ends the program only after the arm was let go.
    package static func attempt(_ work: () throws -> Void) -> Result<Void, any Error> {
        do {
            return .success(try work())
        } catch let error as ExitCode {
            return .failure(error)
        } catch {
            complain("error: \(error)")
            return .failure(NodeExit.failure)
        }
    }
}

/// The arm says nothing.
package struct NoStateError: Error, CustomStringConvertible {
    /// The arm in words, for people: "the run in /tmp/octo-1000/widowx".
    package let place: String

    package init(place: String) { self.place = place }

    package var description: String {
        "waiting for the state of \(place): none came within \(OperatorShell.firstStateTime), expected some in a "
            + "second. See 'octo-bus list' whether the arm's process is alive."
    }
}
