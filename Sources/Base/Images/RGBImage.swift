import Files

/// An 8-bit RGB picture, rows from the top, pixels from the left, three bytes each, no padding: shape
/// `[height, width, 3]`, row-major, as the policy network takes it.
package struct RGBImage: Equatable, Sendable {
    /// Width, pixels.
    package let width: Int
    /// Height, pixels.
    package let height: Int
    package let pixels: SharedBytes

    /// Makes an image of row-major RGB bytes.
    /// - Parameter pixels: exactly `width × height × 3` bytes.
    package init(width: Int, height: Int, pixels: SharedBytes) {
        precondition(
            width > 0 && height > 0 && pixels.count == width * height * 3,
            "\(pixels.count) bytes are not an RGB image of \(width)x\(height)")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Makes an image with one grey value everywhere. Black stands for a goal image that was never given (official
    /// behaviour).
    package init(width: Int, height: Int, filledWith value: UInt8) {
        self.init(
            width: width, height: height, pixels: SharedBytes(copying: repeatElement(value, count: width * height * 3)))
    }
}
