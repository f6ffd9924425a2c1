import Files
import Glibc
import Images
import TestSupport

/// A world of soft blobs that can be looked at from anywhere: what a camera sees that was moved is computed, not
/// resampled.
struct TestScene {
    private struct Blob {
        var centre: SIMD2<Double>
        var size: Double
        var colour: SIMD3<Double>
    }
    private var blobs: [Blob]

    init(seed: UInt64, blobs count: Int = 60) {
        var generator = SeededGenerator(seed: seed)
        blobs = (0..<count).map { _ in
            Blob(
                centre: [.random(in: -80...240, using: &generator), .random(in: -80...240, using: &generator)],
                size: .random(in: 4...22, using: &generator),
                colour: [
                    .random(in: -90...90, using: &generator), .random(in: -90...90, using: &generator),
                    .random(in: -90...90, using: &generator),
                ])
        }
    }

    /// Adds a thing: large, dark, somewhere.
    mutating func add(at centre: SIMD2<Double>, size: Double = 14) {
        blobs.append(Blob(centre: centre, size: size, colour: [-110, -90, -20]))
    }

    /// - Parameters:
    ///   - shift: pixels, right and down; of what is seen.
    ///   - rotation: radians, clockwise, about the middle.
    ///   - noise: brightness of 255, uniform.
    func picture(
        side: Int = 160, shift: SIMD2<Double> = .zero, rotation: Double = 0, scale: Double = 1, gain: Double = 1,
        offset: Double = 0,
        noise: Double = 0, seed: UInt64 = 1
    ) -> RGBImage {
        var generator = SeededGenerator(seed: seed)
        let middle = Double(side - 1) / 2
        let (c, s) = (cos(rotation) / scale, sin(rotation) / scale)
        let pixels = SharedBytes(count: side * side * 3) { (memory) throws(Never) in
            for y in 0..<side {
                for x in 0..<side {
                    let (px, py) = (Double(x) - middle - shift.x, Double(y) - middle - shift.y)
                    let point = SIMD2(middle + c * px + s * py, middle - s * px + c * py)
                    var colour = SIMD3(120.0, 120.0, 120.0)
                    for blob in blobs {
                        let away = point - blob.centre
                        let distance = (away * away).sum() / (blob.size * blob.size)
                        if distance < 9 { colour += blob.colour * exp(-distance) }
                    }
                    for channel in 0..<3 {
                        let value =
                            colour[channel] * gain + offset
                            + (noise > 0 ? .random(in: -noise...noise, using: &generator) : 0)
                        memory[(y * side + x) * 3 + channel] = UInt8(min(max(value.rounded(), 0), 255))
                    }
                }
            }
        }
        return RGBImage(width: side, height: side, pixels: pixels)
    }
}
