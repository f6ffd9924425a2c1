import ArgumentParser
import Messages
import NodeShell

/// Everything that has to do with one camera.
struct OctoCamera: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-camera", abstract: "Publish the frames of a camera, or look at the cameras of this machine.",
        discussion: """
            With a new camera: 'list' says what it is called, 'view' shows what it sees, 'tune' lets its automatic \
            modes find exposure, gain, white balance and focus and saves them as fixed values, and 'snapshot' takes a \
            goal picture with them. Automatic modes make today's picture differ from yesterday's goal, and the policy \
            compares the two.
            """,
        version: OctoRuntime.version,
        subcommands: [
            ListCommand.self, ViewCommand.self, SettingsCommand.self, TuneCommand.self, SnapshotCommand.self,
            RunCommand.self,
        ], defaultSubcommand: RunCommand.self)
}

OctoCamera.runProgram()
