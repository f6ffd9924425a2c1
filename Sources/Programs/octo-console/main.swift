import ArgumentParser
import Glibc
import Messages
import NodeShell

/// A run in the browser.
struct OctoConsole: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-console",
        abstract: "See a run in the browser: what the robot sees, the goal it goes for, the arm; stop it, judge it.",
        discussion: """
            The page shows the goal over the live picture with the verdict whether it fits, takes goals, moves and \
            stops the arm, records and replays episodes. The same address is a live source for Foxglove.

            'octo-launch MANIFEST --console' starts one with a run; beside a run it is started as follows.
            """,
        version: OctoRuntime.version,
        subcommands: [WatchCommand.self, TokenCommand.self, RunCommand.self],
        defaultSubcommand: WatchCommand.self)
}

// Goals and tokens are for this user alone.
umask(0o077)
OctoConsole.runProgram()
