import Images

/// Brightness as a plane of numbers, 0...255, rows from the top.
struct GreyImage: Sendable {
    let width: Int
    let height: Int
    private(set) var values: [Float]

    init(width: Int, height: Int, values: [Float]) {
        self.width = width
        self.height = height
        self.values = values
    }

    /// Computes the luma of ITU-R BT.601.
    init(_ image: RGBImage) {
        width = image.width
        height = image.height
        let pixels = image.pixels
        values = withExtendedLifetime(pixels) {
            let bytes = pixels.bytes
            return (0..<image.width * image.height).map { index in
                0.299 * Float(bytes[3 * index]) + 0.587 * Float(bytes[3 * index + 1]) + 0.114
                    * Float(bytes[3 * index + 2])
            }
        }
    }

    subscript(x: Int, y: Int) -> Float { values[y * width + x] }

    /// The image half as large, each pixel the mean of four.
    var halved: GreyImage {
        let (w, h) = (width / 2, height / 2)
        var result = [Float](repeating: 0, count: w * h)
        for y in 0..<h {
            for x in 0..<w {
                let row = 2 * y * width + 2 * x
                result[y * w + x] =
                    0.25 * (values[row] + values[row + 1] + values[row + width] + values[row + width + 1])
            }
        }
        return GreyImage(width: w, height: h, values: result)
    }

    /// The image smoothed by 1 2 1 in both directions: what is sharper than a pixel cannot be compared between two
    /// pictures.
    var smoothed: GreyImage {
        var across = values
        for y in 0..<height {
            for x in 1..<max(width - 1, 1) where width > 2 {
                let i = y * width + x
                across[i] = 0.25 * values[i - 1] + 0.5 * values[i] + 0.25 * values[i + 1]
            }
        }
        var result = across
        for y in 1..<max(height - 1, 1) where height > 2 {
            for x in 0..<width {
                let i = y * width + x
                result[i] = 0.25 * across[i - width] + 0.5 * across[i] + 0.25 * across[i + width]
            }
        }
        return GreyImage(width: width, height: height, values: result)
    }
}

/// How a picture lies in another: turned and scaled about the middle, then shifted.
///
/// A point p of the goal is seen in the live picture at middle + scale · R(rotation) · (p - middle) + shift.
package struct PictureMotion: Equatable, Sendable {
    /// Motion of the picture, pixels; right and down are positive.
    package var shift: SIMD2<Double>
    /// Turn of the picture, radians, clockwise as it is seen.
    package var rotation: Double
    /// Scale of the picture: 1 is the same size, more is closer.
    package var scale: Double

    package init(shift: SIMD2<Double> = .zero, rotation: Double = 0, scale: Double = 1) {
        self.shift = shift
        self.rotation = rotation
        self.scale = scale
    }
}
