import Glibc
import Time

/// Why a V4L2 device cannot deliver frames: what was found, what was expected, what to do.
package enum V4L2Problem: Error, Equatable, Sendable {
    /// No such device; `present` holds the names of the cameras that are there.
    case absent(present: [String])
    case forbidden
    /// Several devices go by its name.
    case ambiguous([String])
    /// Another program uses the device.
    case busy
    /// The path is that of no V4L2 device.
    case notVideo
    /// A device file of a camera, or another device, that delivers no frames.
    case noFrames(card: String, present: [String])
    case formatNotOffered(wanted: String, offers: [V4L2Offer])
    case sizeNotOffered(width: Int, height: Int, offers: [V4L2Offer])
    case formatDiffers(wanted: V4L2Format, given: V4L2Format, offers: [V4L2Offer])
    case tooFewBuffers(Int)
    /// The USB port has not enough room for the stream.
    case noBandwidth
    case unplugged(errno: Int32)
    /// No whole frame came for so long; `damaged` ones did.
    case silent(Duration, damaged: Int)
    case refused(V4L2Failure)
    /// Settings that its controls do not take: everything that is wrong with them.
    case controls([ControlProblem])

    /// Says what a failed request means.
    package init(_ failure: V4L2Failure, device: some V4L2Device) { self.init(failure, present: device.presentPaths) }

    /// Says what a failed request means.
    init(_ failure: V4L2Failure, present: () -> [String]) {
        self =
            switch (failure.request, failure.errno) {
            case (.open, ENOENT), (.open, ENODEV), (.open, ENXIO), (.open, ENOTDIR): .absent(present: present())
            case (.open, EACCES), (.open, EPERM): .forbidden
            case (_, EBUSY): .busy
            case (.queryCapability, ENOTTY), (.queryCapability, EINVAL): .notVideo
            case (.start, ENOSPC): .noBandwidth
            case (_, ENODEV), (_, ENXIO), (_, EIO): .unplugged(errno: failure.errno)
            default: .refused(failure)
            }
    }
}

extension V4L2Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .absent(let present):
            "there is no such device, expected a camera. " + Self.choice(present)
        case .forbidden:
            "it may not be read and written, expected access to it. Join the group that owns it (sudo usermod -aG "
                + "video $USER), and log in again."
        case .ambiguous(let paths):
            "\(paths.count) devices go by this name, expected one: some makers give all cameras one serial number. "
                + "Set the camera's device in the manifest to one of \(paths.joined(separator: ", "))."
        case .busy:
            "another program has it, expected it free. End that program; 'fuser -v' with the device's path says which "
                + "it is."
        case .notVideo:
            "it is no video device, expected a camera. Set the camera's device in the manifest to one that "
                + "'octo-camera list' shows."
        case .noFrames(let card, let present):
            "it is '\(card)' and delivers no frames, expected a camera; cameras have further device files for other "
                + "ends. "
                + Self.choice(present)
        case .formatNotOffered(let wanted, let offers):
            "it offers \(Self.text(offers)), expected \(wanted). Set the camera's format in the manifest to one of "
                + "them, or leave it out."
        case .sizeNotOffered(let width, let height, let offers):
            "it offers \(Self.text(offers)), expected \(width)x\(height). Set the camera's width and height in the "
                + "manifest to one of them."
        case .formatDiffers(let wanted, let given, let offers):
            "it gives \(Self.text(given)), expected \(Self.text(wanted)). It says it offers \(Self.text(offers)): set "
                + "the camera's width, height and format in the manifest to one of them."
        case .tooFewBuffers(let count):
            "it has room for \(count) frames in memory, expected at least 2. Ask for a smaller size, and check that "
                + "memory is left (free -m)."
        case .noBandwidth:
            "its USB port has no room for the stream, expected enough. Plug it into another port than the other "
                + "cameras, or set its format to mjpeg, or a smaller size or rate."
        case .unplugged(let errno):
            "it is gone or unplugged (\(String(cString: strerror(errno)))), expected frames. Check its cable, and "
                + "plug it in again."
        case .silent(let time, let damaged):
            "no whole frame for \(Self.seconds(time)) (\(damaged) damaged ones), expected several. Check "
                + "its cable and plug it in anew."
        case .refused(let failure):
            "it refuses \(failure.request.rawValue) (\(String(cString: strerror(failure.errno)))), expected a camera "
                + "that streams. Plug it in anew, and look for its driver's complaint (dmesg)."
        case .controls(let problems):
            "of its controls, \(problems.map(\.description).joined(separator: "; ")). Correct them: 'octo-camera "
                + "settings' with this device shows what it has, 'octo-camera tune' writes a calibration file that it "
                + "takes."
        }
    }

    private static func choice(_ present: [String]) -> String {
        present.isEmpty
            ? "Plug it in: no video device is there."
            : "Set the camera's device in the manifest to one that is there: \(present.joined(separator: ", "))."
    }

    /// Offers in words, those that are understood first; some drivers have a hundred formats.
    private static func text(_ offers: [V4L2Offer]) -> String {
        guard !offers.isEmpty else { return "no formats" }
        let understood = offers.filter { FrameEncoding($0.format) != nil }
        let others = offers.filter { FrameEncoding($0.format) == nil }.map(\.format.description)
        let names = others.prefix(4).joined(separator: " ") + (others.count > 4 ? " and \(others.count - 4) more" : "")
        return (understood.map(\.description) + (others.isEmpty ? [] : ["\(names), not understood"])).joined(
            separator: "; ")
    }

    private static func text(_ format: V4L2Format) -> String {
        "\(format.pixelFormat) \(format.width)x\(format.height)"
            + (format.isWhole ? "" : " in fields of interlaced video")
            + (format.bytesPerLine > 0 ? " with \(format.bytesPerLine) bytes a line" : "")
    }

    private static func seconds(_ time: Duration) -> String { "\((time.inSeconds * 10).rounded() / 10) s" }
}
