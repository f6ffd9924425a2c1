import ArgumentParser
import Cameras
import Manifests
import NodeShell

/// Publishes the frames of one camera with the time they were captured.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Publish the frames of one camera on camera/NAME/image.",
        discussion: """
            octo-launch starts one such process for each entry of "cameras" in the manifest, for example

              octo-camera run --run /run/user/1000/octo/replay --node camera-primary

            The source "images" plays a folder of PNG or JPEG files at a fixed rate; "v4l2" takes frames from a camera \
            of this machine, "simulated" from the world of octo-sim. One that is unplugged or falls silent is opened \
            again, with longer and longer waits, and locked at its calibration's values again. A picture that stands \
            still, is black or saturated, and a control that something else has changed, make the status degraded.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in
            guard let section = context.run.manifest.cameras.first(where: { $0.node == context.name }) else {
                throw ValidationError("the manifest has no camera for the node '\(context.name)'")
            }
            var isDevice = false
            if case .device(let device) = section.source {
                isDevice = true
                if let warning = DeviceName(device.path).warning(among: VideoDeviceFiles.present(in: "/dev")) {
                    context.log.warning("\(warning)")
                }
            }
            return try CameraNode(
                Self.camera(section, worldAt: context.run.simulatedCameras), isDevice: isDevice, context: context)
        }
    }

    /// Makes the camera that a section of the manifest describes.
    /// - Parameter socket: path of the simulated world's socket, if there is one.
    /// - Throws: `FileError`, `JSONFileError`.
    private static func camera(_ section: Manifest.Camera, worldAt socket: String) throws -> any Camera {
        switch section.source {
        case .images(let images):
            return ImageFolderCamera(
                .init(
                    name: section.name, folder: images.folder, pattern: images.pattern, rate: images.rate,
                    loops: images.loops))
        case .simulated(let simulated):
            return SimulatedCamera(
                .init(
                    request: .init(
                        camera: section.name, width: simulated.width, height: simulated.height, rate: simulated.rate),
                    socket: socket,
                    imperfections: .init(
                        latency: simulated.latency, noise: simulated.noise, exposureDrift: simulated.exposureDrift,
                        dropProbability: simulated.dropProbability, freezesAfter: simulated.freezesAfter,
                        seed: simulated.seed)))
        case .device(let device):
            let calibration = try device.calibration.map(CameraCalibration.init(path:)) ?? CameraCalibration()
            let base = V4L2Camera(
                .init(name: section.name, device, controls: calibration.controls), device: KernelV4L2Device())
            return AdjustedCamera(base, calibration: calibration)
        }
    }
}

extension V4L2Camera.Configuration {
    /// A device section of a manifest.
    init(name: String, _ device: Manifest.Camera.Device, controls: [ControlSetting]) {
        self.init(
            name: name, path: device.path, width: device.width, height: device.height, rate: device.rate,
            encoding: device.format.map {
                switch $0 {
                case .mjpeg: .mjpeg
                case .yuyv: .yuyv
                }
            },
            controls: controls)
    }
}
