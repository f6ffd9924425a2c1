import ArgumentParser
import Bus
import CShims
import Cameras
import Glibc
import Images
import Manifests
import Messages
import NodeShell
import Time
import Wire

/// Shows what a camera sees, as it happens.
struct ViewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "view", abstract: "Show a camera's live picture in the terminal, or in a file that refreshes.",
        discussion: """
            A camera of this machine, or one of a running robot, which goes on undisturbed:

              octo-camera view usb:4F2A91
              octo-camera view --camera wrist            # the run that is alive
              octo-camera view --camera wrist --file /tmp/wrist.png --rate 2

            The terminal has to know true colours (24 bits), as nearly all do; a small font shows more. --file \
            replaces the picture as a whole each time: most picture viewers follow it. Below the picture: its number, \
            age, brightness and settings. Ctrl-C ends it. Exit codes: 0 ended by you, 1 the camera failed or came to \
            an end, 2 it cannot be used like this.
            """)

    @Argument(help: "A camera of this machine, as 'octo-camera list' shows it; without it one of a running robot.")
    var device: String?

    @Option(help: ArgumentHelp("Show the camera of this name in the run; without it the first.", valueName: "name"))
    var camera: String?

    @OptionGroup var runOption: RunOption

    @Option(help: ArgumentHelp("Write the picture to this file instead (.png).", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("Show at most so many pictures a second.", valueName: "hertz"))
    var rate = 10.0

    @Option(name: .customShort("n"), help: ArgumentHelp("End after this many pictures.", valueName: "count"))
    var count: Int?

    @OptionGroup var stream: StreamOptions

    @Option(help: ArgumentHelp("Lock, crop and turn the device as this file says.", valueName: "file"))
    var calibration: String?

    func validate() throws {
        guard (0.05...60).contains(rate) else { throw ValidationError("--rate: give 0.05 to 60.") }
        if device != nil && (camera != nil || runOption.folder != nil) {
            throw ValidationError("Give a device of this machine, or --camera and --run of a running robot, not both.")
        }
        if let file, !file.lowercased().hasSuffix(".png") {
            throw ValidationError("--file: the name must end in .png, not \(file).")
        }
        if let count, count < 1 { throw ValidationError("-n: give at least 1.") }
    }

    func run() throws {
        // Before any thread exists, so that all of them leave Ctrl-C to this one.
        let signals = octo_signal_fd()
        guard signals >= 0 else {
            throw WorkFailure(
                "preparing for Ctrl-C: signalfd failed (error \(-signals)), expected a descriptor. Raise 'ulimit -n'.")
        }
        var screen = PictureScreen(file: file, rate: rate, count: count)
        defer { screen.end() }
        if let device { try show(device: device, &screen, signals) } else { try showRun(&screen, signals) }
    }

    private func show(device: String, _ screen: inout PictureScreen, _ signals: Int32) throws {
        var source = try DeviceStream(device, stream, rate: max(rate, 10), calibration: calibration)
        defer { source.close() }
        try working {
            while !screen.isDone, let frame = try source.next(or: signals) { try screen.show(frame) }
        }
    }

    private func showRun(_ screen: inout PictureScreen, _ signals: Int32) throws {
        let run = try runOption.load()
        let names = run.manifest.cameras.map(\.name)
        let name = camera ?? names.first ?? ""
        guard names.contains(name) else {
            throw ValidationError("--camera \(name): the run's cameras are \(names.joined(separator: ", ")).")
        }
        let bus = try BusNode(
            BusOptions(
                node: "octo-camera-view", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted(),
                security: run.busSecurity))
        let frames = try bus.subscribe(Topics.cameraImage(name))
        var patience = MonotonicTime.now() + .seconds(3)
        while !screen.isDone {
            try bus.wait(until: .now() + .milliseconds(500), alsoOn: [signals])
            if octo_signal_read(signals) != 0 { return }
            while let frame = frames.take() {
                patience = .now() + .seconds(3)
                try screen.show(frame.message)
            }
            guard MonotonicTime.now() >= patience else { continue }
            screen.tell(
                "no frame of camera '\(name)' for 3 s, expected some: see the status of 'camera-\(name)' in "
                    + "octo-launch's output"
            )
            patience = .now() + .seconds(3)
        }
    }
}
