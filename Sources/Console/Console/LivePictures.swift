import Bus
import Files
import Images
import JSONTree
import Messages
import Time
import Wire

/// Makes pictures for pages out of bus messages. A JPEG file of a camera goes through as it is.
package enum LivePictures {
    /// JPEG quality of pictures that come uncompressed, high enough to compare them by eye.
    private static let quality = 85

    /// The picture of a camera's frame.
    /// - Returns: nil for a message that is no frame.
    static func frame(_ message: RawMessage) -> LivePicture? {
        guard let frame = message.read(as: CameraFrame.self) else { return nil }
        let file: SharedBytes
        switch frame.pixels {
        case .jpeg(let bytes, _, _): file = bytes
        case .rgb8(let image):
            guard let bytes = jpeg(of: image) else { return nil }
            file = bytes
        }
        return picture(
            "frame", of: frame.camera, time: frame.captureTime, sequence: frame.sequence, width: frame.width,
            height: frame.height, file)
    }

    /// What the network sees: the newest picture of each camera in an observation.
    static func network(_ message: RawMessage) -> [LivePicture] {
        guard let observation = message.read(as: PolicyObservation.self) else { return [] }
        return observation.views.compactMap { view in
            let count = view.width * view.height * 3
            guard count > 0, view.pixels.count >= count else { return nil }
            // Oldest first.
            let newest = SharedBytes(copying: view.pixels.bytes.suffix(count))
            let image = RGBImage(width: view.width, height: view.height, pixels: newest)
            guard let file = jpeg(of: image) else { return nil }
            return picture(
                "network", of: view.camera, time: view.captureTime, sequence: observation.tick, width: view.width,
                height: view.height, file)
        }
    }

    /// The answer to a request for a picture of the goal that is set.
    /// - Parameters:
    ///   - name: the picture's, "CAMERA.jpg".
    ///   - id: of the goal for which the page took it; the picture of another one must not be kept under its address.
    package static func answer(_ name: String, of goal: Goal?, id: String?) -> WebResponse {
        guard name.hasSuffix(".jpg") else { return .error(404, "pictures are called CAMERA.jpg") }
        let camera = String(name.dropLast(".jpg".count))
        guard let goal, let view = goal.views.first(where: { $0.camera == camera }) else {
            return .error(404, "the goal has no picture of camera '\(camera)'")
        }
        guard let file = jpeg(of: view.image) else { return .error(500, "the picture cannot be packed") }
        return withExtendedLifetime(file) { .jpeg(file.bytes, isLasting: id == goal.id) }
    }

    /// An image as a JPEG file.
    /// - Returns: nil for one that JPEG cannot hold, as no camera makes it.
    static func jpeg(of image: RGBImage) -> SharedBytes? {
        do throws(ImageError) {
            return try image.jpegData(quality: quality)
        } catch {
            return nil
        }
    }

    private static func picture(
        _ kind: String, of camera: String, time: MonotonicTime, sequence: UInt64, width: Int, height: Int,
        _ file: SharedBytes
    ) -> LivePicture {
        let head = """
            {"kind":"\(kind)","camera":\(JSONNode(camera).text()),"capture_ns":\(time.nanoseconds),\
            "sequence":\(sequence),"width":\(width),"height":\(height)}
            """
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 + head.utf8.count + file.count)
        bytes.append(UInt8(truncatingIfNeeded: head.utf8.count))
        bytes.append(UInt8(truncatingIfNeeded: head.utf8.count >> 8))
        bytes.append(contentsOf: head.utf8)
        bytes.append(contentsOf: file.bytes)
        return LivePicture(stream: "\(kind)/\(camera)", bytes: bytes)
    }
}
