import ArgumentParser
import NodeShell

/// Everything that has to do with one arm.
struct OctoArm: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-arm", abstract: "Drive an arm, or stand in for one.",
        subcommands: [
            StopCommand.self, ResetCommand.self, JogCommand.self, HomeCommand.self, EmulateCommand.self, RunCommand.self,
        ])
}

OctoArm.runProgram()
