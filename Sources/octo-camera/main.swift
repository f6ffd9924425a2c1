import ArgumentParser
import NodeShell

/// Everything that has to do with one camera.
struct OctoCamera: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-camera", abstract: "Publish the frames of a camera, or look at the cameras of this machine.",
        subcommands: [ListCommand.self, SnapshotCommand.self, RunCommand.self], defaultSubcommand: RunCommand.self)
}

OctoCamera.runProgram()
