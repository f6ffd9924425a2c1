import ArgumentParser
import Messages
import NodeShell
import Teleop

/// Moving a running robot by hand.
struct OctoTeleop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-teleop",
        abstract: "Move the arm of a running robot by keyboard, gamepad, SpaceMouse or leader arm.",
        discussion: """
            Everything goes through the arm's own safety envelope, and the policy gives way while you hold the arm.

              octo-launch launch/robot.json &
              octo-teleop                         whatever device is there
              octo-teleop goal cup                drive there, press p: the goal is taken
              octo-teleop devices                 what is there, and what permissions are missing
            """,
        version: OctoRuntime.version,
        subcommands: [DriveCommand.self, TakeGoalCommand.self, DevicesCommand.self],
        defaultSubcommand: DriveCommand.self)
}

OctoTeleop.runProgram()
