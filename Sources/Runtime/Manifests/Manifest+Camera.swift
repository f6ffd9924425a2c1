import Time

extension Manifest {
    /// One camera, the frames it takes and what it is fixed to.
    package struct Camera: Equatable, Sendable {
        package enum Source: Equatable, Sendable {
            case images(ImageFolder)
            case device(Device)
            case simulated(Simulated)
        }
        package enum PixelFormat: String, CaseIterable, Sendable {
            case mjpeg
            case yuyv
        }
        /// A camera at this machine (V4L2).
        package struct Device: Equatable, Sendable {
            package var path: String
            /// Absolute path of the camera's calibration file; nil: the camera does as it likes.
            package var calibration: String?
            /// Width of the frames, pixels.
            package var width: Int
            /// Height of the frames, pixels.
            package var height: Int
            package var rate: Rate
            /// Pixel format of the frames; nil: as the camera likes best.
            package var format: PixelFormat?
        }
        /// A camera in the simulated world.
        package struct Simulated: Equatable, Sendable {
            /// Width of the frames, pixels.
            package var width: Int
            /// Height of the frames, pixels.
            package var height: Int
            package var rate: Rate
            /// Time from the capture until the frame is there.
            package var latency: Duration
            /// Standard deviation, as a share of white.
            package var noise: Double
            /// How far the brightness wanders, as a share of itself.
            package var exposureDrift: Double
            /// Probability with which a frame is lost.
            package var dropProbability: Double
            /// Time after the first frame from which on every frame shows the same; nil: never.
            package var freezesAfter: Duration?
            package var seed: UInt64
        }
        package struct ImageFolder: Equatable, Sendable {
            /// Absolute path of the folder.
            package var folder: String
            package var pattern: String
            package var rate: Rate
            /// Whether it starts over after the last frame.
            package var loops: Bool
        }
        package var name: String
        package var source: Source
        /// Whether the camera's view changes with every motion of the arm.
        package var ridesOnArm: Bool
        /// The name of the process that publishes its frames.
        package var node: String { "camera-\(name)" }
    }
}

extension Manifest.Camera {
    /// What the manifest says of a camera, whatever its name.
    struct Unnamed: Sendable {
        var source: Source
        var mount: Mount?
    }
    enum Mount: String, CaseIterable, Sendable {
        case scene
        case arm
    }

    init(name: String, _ said: Unnamed) {
        let mount = said.mount ?? (name.hasPrefix("wrist") ? .arm : .scene)
        self.init(name: name, source: said.source, ridesOnArm: mount == .arm)
    }

    /// What its frames are called, where they are files.
    var pattern: String? {
        switch source {
        case .images(let images): images.pattern
        case .device, .simulated: nil
        }
    }

    static let form = ManifestForm<Unnamed>.variants(
        ManifestName.Camera.source.rawValue,
        "Where the frames come from: 'v4l2' is a camera at this machine, 'simulated' one in the simulated world, "
            + "'images' plays a folder of image files.",
        [
            .init("images") { keys in Unnamed(.images(ImageFolder(&keys)), &keys) },
            .init(ManifestName.simulated) { keys in Unnamed(.simulated(Simulated(&keys)), &keys) },
            .init("v4l2") { keys in Unnamed(.device(Device(&keys)), &keys) },
        ])
}

extension Manifest.Camera.Unnamed {
    fileprivate init(_ source: Manifest.Camera.Source, _ keys: inout ManifestKeys) {
        self.source = source
        mount = keys.optional(
            "mount", .choice,
            "What the camera is fixed to. The view of one on the arm changes with every motion, so that a goal cannot "
                + "be told from a camera that was pushed. Left out, cameras named wrist are on the arm, all others in "
                + "the scene.")
    }
}

extension Manifest.Camera.ImageFolder {
    fileprivate init(_ keys: inout ManifestKeys) {
        folder = keys.required(ManifestName.Camera.folder.rawValue, .folder, "The folder with the image files.")
        pattern = keys.value(
            ManifestName.Camera.pattern.rawValue, .fileNamePattern, default: "*",
            "Which files of the folder are frames; * alone: all that are called .png, .jpg or .jpeg. They are played "
                + "in the order of the numbers in their names.")
        rate = keys.value(
            ManifestName.Camera.rate.rawValue, .hertz(0.1...240), default: Rate(hertz: 5),
            "How many frames are played in a second.")
        loops = keys.value("loop", .boolean, default: true, "Whether it starts over after the last frame.")
    }
}

extension Manifest.Camera.Simulated {
    fileprivate init(_ keys: inout ManifestKeys) {
        width = keys.value("width", .integer(16...640, unit: "pixels"), default: 256, "Width of its frames.")
        height = keys.value("height", .integer(16...480, unit: "pixels"), default: 256, "Height of its frames.")
        rate = keys.value(
            ManifestName.Camera.rate.rawValue, .hertz(0.5...60), default: Rate(hertz: 5),
            "How many frames it takes in a second.")
        latency = keys.value(
            "latency_s", .seconds(0...2), default: .zero, "How long after its capture a frame comes.")
        noise = keys.value(
            "noise", .number(0...0.5), default: 0,
            "Standard deviation of its noise; 1 is the way from black to white.")
        exposureDrift = keys.value(
            "exposure_drift", .number(0...0.9), default: 0,
            "How far its brightness wanders up and down, as a share of itself; once around in 20 s.")
        dropProbability = keys.value(
            "drop", .number(0...1), default: 0, "Probability with which a frame is lost.")
        freezesAfter = keys.optional(
            "freeze_after_s", .seconds(0...86_400),
            "From then on it shows one picture for ever, with new stamps. Left out, it never does.")
        seed = keys.value("seed", .seed, default: 0, "Seed of its noise and its losses.")
    }
}

extension Manifest.Camera.Device {
    fileprivate init(_ keys: inout ManifestKeys) {
        path = keys.required(
            "device", .text,
            "The camera's device, such as /dev/video0; names in /dev/v4l/by-id stay the same whatever else is plugged "
                + "in, and so do usb:SERIAL and usb-BUS as 'octo-camera list' shows them.")
        calibration = keys.optional(
            "calibration", .file,
            "The camera's settings, crop, lens and place, as 'octo-camera tune' writes them. Its controls are locked "
                + "whenever the camera is opened.")
        width = keys.value("width", .integer(16...8192, unit: "pixels"), default: 640, "Width of its frames.")
        height = keys.value("height", .integer(16...8192, unit: "pixels"), default: 480, "Height of its frames.")
        rate = keys.value(
            ManifestName.Camera.rate.rawValue, .hertz(1...240), default: Rate(hertz: 30),
            "How many frames it takes in a second.")
        format = keys.optional(
            "format", .choice,
            "How its frames come over the cable. Left out, it is 'mjpeg' where the camera has that, for two cameras "
                + "on one USB port seldom have room for more.")
    }
}
