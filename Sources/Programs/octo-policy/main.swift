import ArgumentParser
import Messages
import NodeShell

/// Everything about one checkpoint: running it, looking at it, checking it against the official code.
struct OctoPolicy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-policy",
        abstract: "Run an Octo checkpoint on the CPU, describe it, and check its results.",
        version: OctoRuntime.version,
        subcommands: [RunCommand.self, ServeCommand.self, InspectCommand.self, VerifyCommand.self, BenchCommand.self])
}

OctoPolicy.runProgram()
