import ArgumentParser
import Messages
import NodeShell

/// Everything about starting what a manifest says, on the robot's machine and on one that computes for it.
struct OctoLaunch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-launch",
        abstract: "Start, watch and stop the processes of a robot.",
        usage: """
            octo-launch <manifest> [--set <path=value> ...] [--for <seconds>] [--console] [--json] [--quiet]
            octo-launch <manifest> --check
            octo-launch serve [--bind <address>] [--port <port>]
            """,
        discussion: """
            Ctrl-C stops the arm first (it holds), then the rest. 'octo-launch help run' has all options of a robot, \
            'octo-launch help serve' those of a machine that computes for robots elsewhere.
            """,
        version: OctoRuntime.version, subcommands: [LaunchCommand.self, ServeCommand.self],
        defaultSubcommand: LaunchCommand.self)
}

OctoLaunch.runProgram()
