import Digests
import Images
import Messages
import Time

/// A camera whose frames are cropped, mirrored or turned before anybody sees them. JPEG is decoded only for that.
package struct AdjustedCamera<Base: Camera>: Camera {
    private var base: Base
    private let adjustment: FrameAdjustment
    private let calibrationHash: String
    /// The size that the lens was calibrated at; nil: it was not.
    private let calibratedSize: (width: Int, height: Int)?

    package init(_ base: Base, calibration: CameraCalibration) {
        self.base = base
        adjustment = calibration.adjustment
        calibrationHash = calibration.sha256
        calibratedSize = calibration.intrinsics.map { ($0.width, $0.height) }
    }

    package var name: String { base.name }
    package var wakeup: CameraWakeup { base.wakeup }
    package var remark: String? {
        guard let loss, lastFrame - loss.time < Self.remarkTime else { return base.remark }
        return
            "\(losses) \(losses == 1 ? "frame" : "frames") by now could not be decoded, the last because it is "
            + "\(loss.problem). "
            + "Check the cable; if it goes on, set the camera's \"format\" to \"yuyv\"."
    }

    /// Number of frames that could not be decoded.
    private var losses = 0
    /// The last frame that could not be decoded: when it was captured, and what it lacked.
    private var loss: (time: MonotonicTime, problem: String)?
    /// Capture time of the last frame of all.
    private var lastFrame = MonotonicTime.zero
    /// How long a loss is told of.
    private static var remarkTime: Duration { .seconds(10) }

    /// Opens the camera, and checks that crop and intrinsics fit its frames.
    /// - Throws: what the camera does; `CameraError.calibration` where the crop is not within the camera's picture, or
    ///   the intrinsics are of frames of another size.
    package mutating func open(at now: MonotonicTime) throws(CameraError) -> CameraFormat {
        var format = try base.open(at: now)
        let camera = (format.width, format.height)
        guard let (width, height) = adjustment.size(width: format.width, height: format.height) else {
            base.close()
            throw .calibration(camera: name, .cropOutside(crop: adjustment.summary, width: camera.0, height: camera.1))
        }
        if let calibratedSize, calibratedSize != (width, height) {
            base.close()
            throw .calibration(
                camera: name,
                .intrinsicsOfOtherSize(
                    width: calibratedSize.width, height: calibratedSize.height, frameWidth: width, frameHeight: height))
        }
        (format.width, format.height) = (width, height)
        if !adjustment.isNone { format.summary += ", \(adjustment.summary)" }
        return format
    }

    package mutating func nextFrame(at now: MonotonicTime) throws(CameraError) -> CameraFrame? {
        guard var frame = try base.nextFrame(at: now) else { return nil }
        frame.calibrationHash = calibrationHash
        lastFrame = frame.captureTime
        guard !adjustment.isNone else { return frame }
        frame.settings += adjustment.frameSettings
        let image: RGBImage
        switch frame.pixels {
        case .rgb8(let pixels): image = pixels
        case .jpeg(let bytes, _, _):
            // What looked like a whole JPEG and is none: a gap of the sequence, like other damaged frames, that is told
            // of.
            do throws(ImageError) {
                image = try RGBImage(decoding: bytes, source: "camera '\(name)'")
            } catch {
                losses += 1
                loss = (frame.captureTime, error.problem)
                return nil
            }
        }
        let adjusted = adjustment.apply(to: image)
        frame.pixels = .rgb8(adjusted)
        frame.contentHash = adjusted.pixels.xxh3
        return frame
    }

    package mutating func prepare() { base.prepare() }
    package mutating func close() { base.close() }
}
