import ArgumentParser
import CShims
import Cameras
import Glibc
import Messages
import Time

/// Options that say how a device is to deliver frames.
struct StreamOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Take frames of this width.", valueName: "pixels"))
    var width = 640

    @Option(help: ArgumentHelp("Take frames of this height.", valueName: "pixels"))
    var height = 480

    @Option(help: "Take frames as mjpeg, yuyv, nv12 or rgb24; without it, as the camera likes best.")
    var format: String?

    @Flag(help: "Take RGB24 through libv4l's conversion, also where the camera has one of these formats.")
    var libv4l = false

    func validate() throws {
        if libv4l, format != nil, format != "rgb24" {
            throw ValidationError("--libv4l gives rgb24, not the --format \(format ?? "").")
        }
        guard (1...16_384).contains(width), (1...16_384).contains(height) else {
            throw ValidationError("--width, --height: give 1 to 16384 pixels.")
        }
        if let format, FrameEncoding(rawValue: format) == nil {
            let names = FrameEncoding.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--format: '\(format)' is none of \(names).")
        }
    }
}

/// The option that says how often a device is to deliver a frame.
struct RateOption: ParsableArguments {
    @Option(help: ArgumentHelp("Take so many frames a second.", valueName: "hertz"))
    var rate = 30.0

    func validate() throws {
        guard (0.1...1_000).contains(rate) else { throw ValidationError("--rate: give 0.1 to 1000.") }
    }
}

/// A camera of this machine for one command, outside a run.
struct DeviceStream {
    let device = KernelV4L2Device()
    let format: CameraFormat
    private var camera: AdjustedCamera<V4L2Camera<KernelV4L2Device>>

    /// Opens the camera with its settings.
    /// - Parameter calibration: path of the camera's calibration file; nil leaves the camera as it likes.
    /// - Throws: `FileError`, `JSONFileError`, `CameraError`.
    init(_ name: String, _ options: StreamOptions, rate: Double, calibration: String? = nil) throws {
        let calibration = try calibration.map(CameraCalibration.init(path:)) ?? CameraCalibration()
        camera = AdjustedCamera(
            V4L2Camera(
                .init(
                    name: name, path: name, width: options.width, height: options.height,
                    rate: Rate(hertz: rate), encoding: options.format.flatMap(FrameEncoding.init(rawValue:)),
                    isConverted: options.libv4l,
                    controls: calibration.controls),
                device: device),
            calibration: calibration)
        format = try camera.open(at: .now())
    }

    /// One line for people: what it delivers.
    var summary: String {
        "\(format.width)x\(format.height) at \((format.rate.hertz * 100).rounded() / 100) Hz: \(format.summary)"
    }

    /// Waits for a frame; the camera itself ends the wait when its device is silent.
    /// - Parameter signals: a descriptor that ends the wait as well, with nil.
    mutating func next(or signals: Int32? = nil) throws -> CameraFrame? {
        while case .readable(let descriptor, let deadline) = camera.wakeup {
            var polled = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
            if let signals { polled.append(pollfd(fd: signals, events: Int16(POLLIN), revents: 0)) }
            _ = octo_poll_until_ns(&polled, UInt32(polled.count), max(deadline.nanoseconds, 0))
            if signals != nil, polled[1].revents != 0 { return nil }
            guard let frame = try camera.nextFrame(at: .now()) else { continue }
            camera.prepare()
            return frame
        }
        return nil
    }

    mutating func close() { camera.close() }
}

/// Does something with a device that is opened for its controls alone.
/// - Throws: `ControlCommandError`, and what `body` throws beside troubles with the controls.
func withDevice<Result>(_ name: String, _ body: (KernelV4L2Device) throws -> Result) throws -> Result {
    let device = KernelV4L2Device()
    defer { device.close() }
    return try ControlCommandError.naming(name, device) {
        _ = try device.open(DeviceName(name))
        return try body(device)
    }
}

/// Why a camera's controls cannot be read or set.
struct ControlCommandError: Error, CustomStringConvertible {
    var device: String
    var problem: V4L2Problem

    var description: String { "asking the camera at \(device): \(problem)" }

    /// Names the device in what goes wrong with its controls.
    static func naming<Result>(
        _ name: String, _ device: KernelV4L2Device, _ work: () throws -> Result
    ) throws -> Result {
        do {
            return try work()
        } catch let failure as V4L2Failure {
            throw ControlCommandError(device: name, problem: V4L2Problem(failure, device: device))
        } catch let problem as V4L2Problem {
            throw ControlCommandError(device: name, problem: problem)
        }
    }
}
