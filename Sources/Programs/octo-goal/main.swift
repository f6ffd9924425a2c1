import ArgumentParser
import Glibc
import Messages
import NodeShell

/// Everything that has to do with goals.
struct OctoGoal: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-goal",
        abstract: "Take goals, set them while the robot runs, and see whether they fit the scene.",
        discussion: """
            A goal is what the policy is to reach: an image of each camera, a sentence, or both. The policy lays goal \
            and view over each other pixel by pixel, so a goal is good only if it was taken by the same camera in the \
            present scene, ideally right before the run:

              octo-launch launch/robot.json &     the arm holds as long as there is no goal
              octo-goal record cup                takes one from all cameras, once the pictures stand still
              octo-goal check cup                 green, amber or red, and why
              octo-goal set cup                   the policy goes for it with its next chunk
              octo-goal watch                     how it fits while the robot moves

            Goals lie in a library, one folder each. With a run alive it is that run's (goal.library), else --library, \
            else the folder 'goals'.
            """,
        version: OctoRuntime.version,
        subcommands: [
            ListCommand.self, ShowCommand.self, RecordCommand.self, FromEpisodeCommand.self, FromImageCommand.self,
            SetCommand.self, TextCommand.self, ClearCommand.self, CheckCommand.self, RankCommand.self,
            WatchCommand.self,
            ProbeCommand.self, DeleteCommand.self, RunCommand.self,
        ])
}

// Goals are pictures of somebody's rooms: for this user alone.
umask(0o077)
OctoGoal.runProgram()
