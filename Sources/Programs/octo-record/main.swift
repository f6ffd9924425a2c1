import ArgumentParser
import Messages
import NodeShell

/// Records what happens in a run.
struct OctoRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-record",
        abstract: "Record episodes: every message of a run in one MCAP file each.",
        discussion: """
            A run that octo-launch starts has a recorder unless its manifest says "record": {"enabled": false}. With \
            "start": "on_command" you say where episodes begin and end:

              octo-record start cup-01        what happened in the last seconds is in it, too
              octo-record success             or: failure, discard; 'note TEXT' as often as you like
              octo-record stop

            Each run has a folder in 'episodes', each episode a file in it. octo-replay reads them; so do Foxglove, \
            Rerun and the mcap libraries. At the end of each file stands which messages of each topic are in it, and \
            which are missing.
            """,
        version: OctoRuntime.version,
        subcommands: [
            StartCommand.self, StopCommand.self, SuccessCommand.self, FailureCommand.self, DiscardCommand.self,
            NoteCommand.self, StatusCommand.self, RunCommand.self,
        ])
}

OctoRecord.runProgram()
