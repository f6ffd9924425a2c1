import ArgumentParser
import Glibc

extension ParsableCommand {
    /// The whole life of a program: parses the command line, runs the command, ends the process.
    ///
    /// A wrong command line ends with exit code 2, as every other input that cannot be used; ArgumentParser's own is
    /// 64.
    package static func runProgram() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
            exit(withError: nil)
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            let text = Array((fullMessage(for: error) + "\n").utf8)
            _ = write(STDERR_FILENO, text, text.count)
            exit(withError: NodeExit.badInput)
        }
    }
}
