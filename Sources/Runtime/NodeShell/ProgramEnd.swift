import ArgumentParser

extension ParsableCommand {
    /// The whole life of a program: parses the command line, runs the command, tells what it throws, ends the process
    /// with the exit code for it.
    /// - Parameter arguments: without the program's own name; nil: those it was started with.
    package static func runProgram(_ arguments: [String]? = nil) -> Never {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            exit(withError: nil)
        } catch {
            guard let end = ProgramEnd(of: error, in: Self.self) else { exit(withError: error) }
            if let words = end.words { note(words) }
            exit(withError: end.code)
        }
    }
}

/// What a program says on standard error when its command threw something, and its exit code.
package struct ProgramEnd: Equatable {
    /// Text for standard error; nil where everything has been said.
    package let words: String?
    package let code: ExitCode

    /// Finds what to say of an error that a command threw, and the exit code.
    /// - Returns: nil for what is no error: a request for help, the version or a completion script.
    package init?(of error: any Error, in command: any ParsableCommand.Type) {
        switch command.exitCode(for: error) {
        case .success: return nil
        // A wrong command line is input that cannot be used; ArgumentParser's own code for it is 64.
        case .validationFailure: (words, code) = (command.fullMessage(for: error), .badInput)
        case let given where error is ExitCode: (words, code) = (nil, given)
        default: (words, code) = ("error: \(error)", error is WorkFailure ? .failure : .badInput)
        }
    }
}
