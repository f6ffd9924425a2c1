import ArgumentParser
import Messages
import NodeShell

/// Everything that has to do with episodes that were recorded.
struct OctoReplay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-replay",
        abstract: "Look at recorded episodes, play them again, check them, and make datasets of them.",
        discussion: """
            octo-record writes one file for each episode, episodes/SESSION/NAME.mcap, with every message of the run.

              octo-replay info episodes/today --short     what there is
              octo-replay info episodes/today/grasp.mcap  topics, gaps, latencies
              octo-replay frames EPISODE --sheet a.png    what the cameras saw
              octo-replay plot EPISODE --out a.svg        where the joints went
              octo-replay bus EPISODE                     the messages again, for octo-bus or a live policy
              octo-replay arm EPISODE                     the motion again, with the arm of the live run
              octo-replay verify EPISODE                  every decision computed again, bit for bit
              octo-replay export EPISODES --rlds data     a dataset for training
              octo-replay recover EPISODE                 a whole file of one that was cut
            """,
        version: OctoRuntime.version,
        subcommands: [
            InfoCommand.self,
            RecoverCommand.self,
            BusCommand.self,
            FramesCommand.self,
            PlotCommand.self,
            ArmReplayCommand.self,
            VerifyCommand.self,
            ExportCommand.self,
            StatsCommand.self,
        ])
}

OctoReplay.runProgram()
