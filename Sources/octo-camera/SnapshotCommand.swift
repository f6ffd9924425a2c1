import ArgumentParser
import CShims
import Cameras
import Glibc
import Images
import JSONTree
import Messages
import NodeShell
import Time

/// One frame of a camera as a file: to see what it sees, or as a goal.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Saves one frame of a camera of this machine as PNG or JPEG.",
        discussion: """
            For example a goal image of the size that the manifest's camera has:

              octo-camera snapshot goal.png --device /dev/video0 --width 640 --height 480

            Exit codes: 0 saved, 1 the camera failed or came to an end, 2 it cannot be used like this.
            """)

    @Argument(help: "The file: .png, .jpg or .jpeg. A camera's JPEG is kept as it is.")
    var file: String

    @Option(help: "The camera's device, as 'octo-camera list' shows it.")
    var device: String

    @Option(help: "Pixels.")
    var width = 640

    @Option(help: "Pixels.")
    var height = 480

    @Option(help: ArgumentHelp("Frames a second.", valueName: "hertz"))
    var rate = 30.0

    @Option(help: "mjpeg, yuyv, nv12 or rgb24; without it, as the camera likes best.")
    var format: String?

    @Option(help: ArgumentHelp("Takes so many frames and saves the last: exposure needs some to settle.", valueName: "count"))
    var frames = 10

    @Flag(help: "Prints one JSON object a frame.")
    var json = false

    func validate() throws {
        guard ["png", "jpg", "jpeg"].contains(where: { file.lowercased().hasSuffix("." + $0) }) else {
            throw ValidationError("The file's name must end in .png, .jpg or .jpeg, not \(file).")
        }
        guard (1...16_384).contains(width), (1...16_384).contains(height) else {
            throw ValidationError("--width, --height: give 1 to 16384 pixels.")
        }
        guard (0.1...1_000).contains(rate) else { throw ValidationError("--rate: give 0.1 to 1000.") }
        guard (1...100_000).contains(frames) else { throw ValidationError("--frames: give 1 to 100000.") }
        if let format, FrameEncoding(rawValue: format) == nil {
            let names = FrameEncoding.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--format: '\(format)' is none of \(names).")
        }
    }

    func run() throws {
        var camera = V4L2Camera(
            .init(
                name: "snapshot", path: device, width: width, height: height, rate: Rate(hertz: rate),
                encoding: format.flatMap(FrameEncoding.init(rawValue:))),
            device: KernelV4L2Device())
        do {
            let format = try camera.open(at: .now())
            let hertz = (format.rate.hertz * 100).rounded() / 100
            Self.note("\(format.width)x\(format.height) at \(hertz) Hz: \(format.summary)")
        } catch {
            throw Self.refuse(error, NodeExit.badInput)
        }
        do {
            var last: CameraFrame?
            for _ in 0..<frames { last = try next(&camera) ?? last }
            guard let last else { throw NodeExit.failure }
            try save(last)
        } catch let code as ExitCode {
            throw code
        } catch {
            throw Self.refuse(error, NodeExit.failure)
        }
    }

    /// Waits for a frame; the camera itself ends the wait when its device is silent.
    private func next(_ camera: inout some Camera) throws -> CameraFrame? {
        while case .readable(let descriptor, let deadline) = camera.wakeup {
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = octo_poll_until_ns(&polled, 1, max(deadline.nanoseconds, 0))
            guard let frame = try camera.nextFrame(at: .now()) else { continue }
            if json {
                print(
                    JSONNode.object([
                        "sequence": JSONNode(Int64(clamping: frame.sequence)),
                        "capture_time_ns": JSONNode(frame.captureTime.nanoseconds),
                        "age_ns": JSONNode((MonotonicTime.now() - frame.captureTime).nanoseconds),
                        "device_id": JSONNode(frame.deviceID), "width": JSONNode(frame.width), "height": JSONNode(frame.height),
                        "content_hash": JSONNode(String(frame.contentHash, radix: 16)),
                    ]).text())
            }
            return frame
        }
        return nil
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

    private static func note(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    private static func refuse(_ error: any Error, _ code: ExitCode) -> ExitCode {
        note("error: \(error)")
        return code
    }
}
