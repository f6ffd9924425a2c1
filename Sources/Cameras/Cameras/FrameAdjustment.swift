import Files
import Images
import Messages

/// Which part of a camera's picture counts, and which way up: cropped, then mirrored, then turned.
package struct FrameAdjustment: Equatable, Sendable {
    /// A rectangle of the camera's picture, pixels from its upper left corner.
    package struct Crop: Equatable, Sendable {
        package var x: Int
        package var y: Int
        package var width: Int
        package var height: Int

        package init(x: Int, y: Int, width: Int, height: Int) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }
    }
    /// `horizontal` swaps left and right.
    package enum Flip: String, CaseIterable, Sendable {
        case horizontal
        case vertical
    }
    /// A turn of the picture, degrees clockwise.
    package enum Rotation: Int, CaseIterable, Sendable {
        case none = 0
        case quarter = 90
        case half = 180
        case threeQuarters = 270
    }

    package var crop: Crop?
    package var flip: Flip?
    package var rotation: Rotation

    package init(crop: Crop? = nil, flip: Flip? = nil, rotation: Rotation = .none) {
        self.crop = crop
        self.flip = flip
        self.rotation = rotation
    }

    /// Whether it leaves every picture alone.
    package var isNone: Bool { crop == nil && flip == nil && rotation == .none }

    /// The part that is left of a picture of this size; nil where the crop is not within it.
    private func part(width: Int, height: Int) -> Crop? {
        guard let crop else { return Crop(x: 0, y: 0, width: width, height: height) }
        // Without sums, which a file's numbers could overflow.
        guard crop.x >= 0, crop.y >= 0, crop.width > 0, crop.height > 0, crop.width <= width, crop.height <= height,
            crop.x <= width - crop.width, crop.y <= height - crop.height
        else { return nil }
        return crop
    }

    /// Size in pixels of what becomes of a picture of this size; nil where the crop is not within it.
    package func size(width: Int, height: Int) -> (width: Int, height: Int)? {
        part(width: width, height: height).map {
            rotation == .quarter || rotation == .threeQuarters ? ($0.height, $0.width) : ($0.width, $0.height)
        }
    }

    /// The picture after crop, flip and rotation.
    /// - Parameter image: a picture that is large enough for the crop.
    package func apply(to image: RGBImage) -> RGBImage {
        guard !isNone else { return image }
        guard let part = part(width: image.width, height: image.height),
            let size = size(width: image.width, height: image.height)
        else { preconditionFailure("a crop to \(self) needs a larger picture than \(image.width)x\(image.height)") }
        let source = image.pixels
        // Where the first pixel comes from, and how far it is from there to the next in a line and in a column; pixels.
        let (left, right) = flip == .horizontal ? (part.width - 1, -1) : (0, 1)
        let (top, down) = flip == .vertical ? (part.height - 1, -image.width) : (0, image.width)
        let (farRight, farDown) = (right * (part.width - 1), down * (part.height - 1))
        let origin = (part.y + top) * image.width + part.x + left
        let (first, across, along) =
            switch rotation {
            case .none: (origin, right, down)
            case .quarter: (origin + farDown, -down, right)
            case .half: (origin + farRight + farDown, -right, -down)
            case .threeQuarters: (origin + farRight, down, -right)
            }
        let pixels = SharedBytes(count: size.width * size.height * 3) { (memory) throws(Never) in
            guard let from = source.bytes.baseAddress, let to = memory.baseAddress else { return }
            for y in 0..<size.height {
                let (line, target) = (first + y * along, to + y * size.width * 3)
                if across == 1 {
                    target.copyMemory(from: from + line * 3, byteCount: size.width * 3)
                    continue
                }
                for x in 0..<size.width {
                    (target + x * 3).copyMemory(from: from + (line + x * across) * 3, byteCount: 3)
                }
            }
        }
        return RGBImage(width: size.width, height: size.height, pixels: pixels)
    }

    /// The adjustment as it travels with each frame, under the keys of a calibration file.
    package var frameSettings: [CameraFrame.Setting] {
        [
            crop.map { .init(name: "crop", value: "\($0.width)x\($0.height)+\($0.x)+\($0.y)") },
            flip.map { .init(name: "flip", value: $0.rawValue) },
            rotation == .none ? nil : .init(name: "rotate_deg", value: "\(rotation.rawValue)"),
        ].compactMap(\.self)
    }

    /// The adjustment in words for people; empty when it leaves every picture alone.
    package var summary: String {
        [
            crop.map { "cropped to \($0.width)x\($0.height) at \($0.x),\($0.y)" },
            flip.map { "flipped \($0.rawValue)ly" },
            rotation == .none ? nil : "rotated by \(rotation.rawValue) degrees",
        ].compactMap(\.self).joined(separator: ", ")
    }
}
