import Foundation

/// Where a test starts programs, and with whose keys.
struct TestMachine {
    /// This computer, as it is.
    static let here = TestMachine()

    /// Words before a command line that make it run there, under the process id that it would have anyway.
    var prefix: [String] = []
    var environment: [String: String] = [:]

    func start(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], input: Pipe? = nil,
        terminal: TestTerminal? = nil
    ) throws -> RunningProgram {
        let line = prefix + [Program.path(program)] + arguments
        return try RunningProgram(
            executable: line[0], Array(line.dropFirst()), environment: self.environment.merging(environment) { $1 },
            input: input, terminal: terminal)
    }

    /// Runs a program to its end.
    func run(_ program: String, _ arguments: [String], limit: Double = 60) throws -> Program.Outcome {
        try start(program, arguments).waitForEnd(limit: limit)
    }
}
