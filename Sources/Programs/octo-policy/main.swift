import ArgumentParser
import NodeShell

/// Everything about one checkpoint: running it, looking at it, checking it against the official code.
struct OctoPolicy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-policy",
        abstract: "Runs an Octo checkpoint on the CPU, says what one is, checks the results.",
        subcommands: [RunCommand.self, InspectCommand.self, VerifyCommand.self, BenchCommand.self])
}

OctoPolicy.runProgram()
