import ArgumentParser
import Cameras
import Launch
import NodeShell

/// Publishes the frames of one camera with the time they were captured.
struct OctoCamera: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-camera",
        abstract: "Publishes the frames of one camera on camera/NAME/image.",
        discussion: """
            octo-launch starts one such process for each entry of "cameras" in the manifest, for example

              octo-camera --run /run/user/1000/octo/replay --node camera-primary

            The source "images" plays a folder of PNG or JPEG files at a fixed rate.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in
            guard let section = context.run.manifest.cameras.first(where: { $0.node == context.name }) else {
                throw ValidationError("the manifest has no camera for the node '\(context.name)'")
            }
            switch section.source {
            case .images(let images):
                let camera = ImageFolderCamera(
                    .init(
                        name: section.name, folder: images.folder, pattern: images.pattern, rate: images.rate,
                        loops: images.loops))
                return try CameraNode(camera, context: context)
            case .device(let device):
                throw ValidationError("camera '\(section.name)', \(device.path): this version cannot take frames from V4L2 yet")
            }
        }
    }
}

OctoCamera.runProgram()
