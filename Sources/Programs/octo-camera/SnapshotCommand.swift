import ArgumentParser
import Cameras
import Images
import JSONTree
import Messages
import NodeShell
import Time

/// Saves one frame of a camera as a file: to see what it sees, or as a goal.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Save one frame of a camera of this machine as PNG or JPEG.",
        discussion: """
            For example a goal image of the size that the manifest's camera has, under the settings that the run will \
            use:

              octo-camera snapshot goals/primary.png --device usb:4F2A91 --calibration calibration/cameras/primary.json

            Exit codes: 0 saved, 1 the camera failed or came to an end, 2 it cannot be used like this.
            """)

    @Argument(help: "The file: .png, .jpg or .jpeg. A camera's JPEG is kept as it is.")
    var file: String

    @Option(help: "Use this camera, as 'octo-camera list' shows it.")
    var device: String

    @OptionGroup var stream: StreamOptions

    @OptionGroup var speed: RateOption

    @Option(help: ArgumentHelp("Lock, crop and turn the camera as this file says.", valueName: "file"))
    var calibration: String?

    @Option(
        help: ArgumentHelp("Take so many frames and save the last: exposure needs some to settle.", valueName: "count"))
    var frames = 10

    @Flag(help: "Print one JSON object a frame in place of text.")
    var json = false

    func validate() throws {
        guard ["png", "jpg", "jpeg"].contains(where: { file.lowercased().hasSuffix("." + $0) }) else {
            throw ValidationError("The file's name must end in .png, .jpg or .jpeg, not \(file).")
        }
        guard (1...100_000).contains(frames) else { throw ValidationError("--frames: give 1 to 100000.") }
    }

    func run() throws {
        var camera = try DeviceStream(device, stream, rate: speed.rate, calibration: calibration)
        note(camera.summary)
        try working {
            var last: CameraFrame?
            for _ in 0..<frames {
                guard let frame = try camera.next() else { break }
                if json { print(Self.json(frame)) }
                last = frame
            }
            guard let last else {
                throw WorkFailure("the camera at \(device) delivers no frame, expected one. Plug it in again.")
            }
            try save(last)
        }
    }

    private static func json(_ frame: CameraFrame) -> String {
        JSONNode.object([
            "sequence": JSONNode(Int64(clamping: frame.sequence)),
            "capture_time_ns": JSONNode(frame.captureTime.nanoseconds),
            "age_ns": JSONNode((MonotonicTime.now() - frame.captureTime).nanoseconds),
            "device_id": JSONNode(frame.deviceID), "width": JSONNode(frame.width), "height": JSONNode(frame.height),
            "content_hash": JSONNode(String(frame.contentHash, radix: 16)),
            "settings": JSONNode(.object(frame.settings.map { .init(key: $0.name, value: JSONNode($0.value)) })),
        ]).text()
    }

    private func save(_ frame: CameraFrame) throws {
        let isPNG = file.lowercased().hasSuffix(".png")
        switch frame.pixels {
        case .rgb8(let image): try (isPNG ? image.pngData() : image.jpegData(quality: 95)).write(to: file)
        case .jpeg(let bytes, _, _):
            // Decoded in either case: a file that cannot be shown is not worth keeping.
            let image = try RGBImage(decoding: bytes, source: "camera \(device)")
            try (isPNG ? image.pngData() : bytes).write(to: file)
        }
    }
}
