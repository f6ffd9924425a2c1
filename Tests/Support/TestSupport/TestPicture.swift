import Files
import Images

extension RGBImage {
    /// A smooth picture with a different one for each `seed`: it survives JPEG with small errors.
    package static func waves(width: Int, height: Int, seed: Int) -> RGBImage {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                pixels.append(UInt8((x * 255 / max(width - 1, 1) + seed * 40) & 255))
                pixels.append(UInt8(y * 255 / max(height - 1, 1)))
                pixels.append(UInt8((seed * 37) & 255))
            }
        }
        return RGBImage(width: width, height: height, pixels: SharedBytes(copying: pixels))
    }

    /// A picture in which no pixel follows from its neighbours.
    package static func noise(width: Int, height: Int, using generator: inout SeededGenerator) -> RGBImage {
        let pixels = (0..<width * height * 3).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        return RGBImage(width: width, height: height, pixels: SharedBytes(copying: pixels))
    }
}

extension SharedBytes {
    /// The bytes as an array, for comparing and damaging.
    package var array: [UInt8] { Array(bytes) }
}
