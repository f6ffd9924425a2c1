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
    /// What stays the same when the machine restarts: a device id, or the folder of recorded frames.
    package var deviceID: String
    /// Counts captured frames from 0; a gap means that frames were lost before they could be published.
    package var sequence: UInt64
    /// When the light fell in, as near as the source knows.
    package var captureTime: MonotonicTime
    package var pixels: Pixels
    /// FNV-1a of the pixel bytes: a stalled camera repeats it.
    package var contentHash: UInt64

    package init(
        camera: String, deviceID: String, sequence: UInt64, captureTime: MonotonicTime, pixels: Pixels,
        contentHash: UInt64
    ) {
        self.camera = camera
        self.deviceID = deviceID
        self.sequence = sequence
        self.captureTime = captureTime
        self.pixels = pixels
        self.contentHash = contentHash
    }

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
