import Files
import Images
import Time

/// One image of one camera, with the time it was captured.
package struct CameraFrame: Equatable, Sendable {
    /// The pixels as the camera delivered them.
    package enum Pixels: Equatable, Sendable {
        case rgb8(RGBImage)
        /// A whole JPEG file, undecoded, of an image of this size.
        case jpeg(SharedBytes, width: Int, height: Int)
    }

    /// The camera's name in the manifest: `primary`, `wrist`.
    package var camera: String
    /// Identity of the source that stays the same when the machine restarts: a device id, or the folder of recorded
    /// frames.
    package var deviceID: String
    /// Counts captured frames from 0; a gap means that frames were lost before they could be published.
    package var sequence: UInt64
    /// Time at which the light fell in, as near as the source knows.
    package var captureTime: MonotonicTime
    package var pixels: Pixels
    /// XXH3 (64 bits) of the pixel bytes: a stalled camera repeats it.
    package var contentHash: UInt64
    /// How the device was set when it took the picture: exposure, gain, white balance as the device says them, crop and
    /// rotation as configured. Empty where nothing is known.
    package var settings: [Setting]
    /// SHA-256 of the camera's calibration file, as `sha256sum` prints it; empty: it has none.
    package var calibrationHash: String

    /// A control of the camera with its value, both as the driver names them.
    package struct Setting: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        camera: String, deviceID: String, sequence: UInt64, captureTime: MonotonicTime, pixels: Pixels,
        contentHash: UInt64, settings: [Setting] = [], calibrationHash: String = ""
    ) {
        self.camera = camera
        self.deviceID = deviceID
        self.sequence = sequence
        self.captureTime = captureTime
        self.pixels = pixels
        self.contentHash = contentHash
        self.settings = settings
        self.calibrationHash = calibrationHash
    }

    /// Size of the frame, pixels.
    package var width: Int {
        switch pixels {
        case .rgb8(let image): image.width
        case .jpeg(_, let width, _): width
        }
    }
    package var height: Int {
        switch pixels {
        case .rgb8(let image): image.height
        case .jpeg(_, _, let height): height
        }
    }
}
