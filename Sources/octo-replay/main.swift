import ArgumentParser
import NodeShell

/// Everything that has to do with episodes that were recorded.
struct OctoReplay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-replay",
        abstract: "Look at recorded episodes, and run them again.",
        subcommands: [VerifyCommand.self, ExportCommand.self, StatsCommand.self])
}

OctoReplay.runProgram()
