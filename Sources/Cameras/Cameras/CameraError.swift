import Files
import Images

/// Why a camera cannot deliver frames. `camera` is its name in the manifest.
package enum CameraError: Error, Equatable, Sendable {
    case folder(camera: String, error: FileError)
    /// The folder has no picture that matches; `found` holds the names that are there instead, in natural order.
    case noPictures(camera: String, folder: String, pattern: String?, found: [String])
    case picture(camera: String, error: ImageError)
    case sizesDiffer(camera: String, first: Picture, other: Picture)
    /// A simulated camera has lost its world, or never found it.
    case world(camera: String, socket: String, problem: String)
    /// A V4L2 device at `path`, when it was opened or later.
    case device(camera: String, path: String, isOpening: Bool, problem: V4L2Problem)
    /// A camera that its calibration does not fit.
    case calibration(camera: String, CalibrationMisfit)

    /// What of a calibration does not fit the camera; sizes in pixels.
    package enum CalibrationMisfit: Equatable, Sendable {
        case cropOutside(crop: String, width: Int, height: Int)
        case intrinsicsOfOtherSize(width: Int, height: Int, frameWidth: Int, frameHeight: Int)
    }

    /// A picture file with its size in pixels.
    package struct Picture: Equatable, Sendable {
        package let path: String
        package let width: Int
        package let height: Int
    }
}

extension CameraError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .folder(let camera, let error):
            "opening camera '\(camera)': \(error)"
        case .noPictures(let camera, let folder, let pattern, let found):
            "opening camera '\(camera)': \(folder) holds \(ImageFolder.summary(of: found)), expected at least one "
                + (pattern.map { "file that matches '\($0)'" } ?? "file that ends in .png, .jpg or .jpeg")
                + ". Correct the camera's folder or pattern in the manifest."
        case .picture(let camera, let error):
            "camera '\(camera)': \(error)"
        case .world(let camera, let socket, let problem):
            "camera '\(camera)' of the simulated world: \(problem), expected octo-sim at \(socket). See what the "
                + "simulation says; it is started again by itself."
        case .sizesDiffer(let camera, let first, let other):
            "opening camera '\(camera)': \(other.path) has \(other.width)x\(other.height) pixels, expected "
                + "\(first.width)x\(first.height) as in \(first.path). Narrow the camera's pattern to pictures of one "
                + "size, or bring them to one size."
        case .calibration(let camera, .cropOutside(let crop, let width, let height)):
            "opening camera '\(camera)': its calibration says \(crop), expected a part of its \(width)x\(height) "
                + "pixels. Correct \"crop\" in the calibration file, or the camera's width and height in the manifest."
        case .calibration(let camera, .intrinsicsOfOtherSize(let width, let height, let frameWidth, let frameHeight)):
            "opening camera '\(camera)': its calibration has intrinsics of \(width)x\(height) pixels, expected the "
                + "\(frameWidth)x\(frameHeight) of its frames after crop and rotation. Calibrate the lens at this "
                + "size, or correct the camera's width and height in the manifest."
        case .device(let camera, let path, let isOpening, let problem):
            "\(isOpening ? "opening" : "taking frames from") camera '\(camera)' at \(path): \(problem)"
        }
    }
}
