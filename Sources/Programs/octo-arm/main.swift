import ArgumentParser
import Messages
import NodeShell

/// The program that does everything that has to do with one arm.
struct OctoArm: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-arm", abstract: "Drive an arm, or stand in for one.",
        version: OctoRuntime.version,
        subcommands: [
            FindPortCommand.self, ScanCommand.self, SetupCommand.self, CheckCommand.self, CalibrateCommand.self,
            LeRobotCommand.self,
            JogCommand.self, HomeCommand.self, StopCommand.self, ResetCommand.self, ResumeCommand.self,
            ClearCommand.self, EmulateCommand.self, RunCommand.self,
        ])
}

OctoArm.runProgram()
