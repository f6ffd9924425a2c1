import Images
import Messages

/// How a picture is exposed, from a few thousand of its pixels.
package struct ExposureShare: Equatable, Sendable {
    /// Shares of the pixels that are black, and that are saturated, 0...1.
    package var black: Double
    package var saturated: Double
    /// Mean of all pixels and channels, 0...255.
    package var brightness: Double

    /// Brightest channel of a black pixel, darkest of a saturated one: covered cameras show up to 8 of noise, and
    /// limited range ends a little below 255.
    private static let (blackLevel, saturatedLevel) = (UInt8(10), UInt8(247))
    /// Most pixels that are looked at.
    private static let sampleCount = 4_096

    package init(_ image: RGBImage) {
        let count = image.width * image.height
        // Odd, so that it does not walk down a column of a picture whose width is a power of two.
        let step = max(1, count / Self.sampleCount) | 1
        var (black, saturated, sum, looked) = (0, 0, 0, 0)
        let bytes = image.pixels.bytes
        for pixel in stride(from: 0, to: count, by: step) {
            let (red, green, blue) = (bytes[pixel * 3], bytes[pixel * 3 + 1], bytes[pixel * 3 + 2])
            if max(red, green, blue) <= Self.blackLevel { black += 1 }
            if min(red, green, blue) >= Self.saturatedLevel { saturated += 1 }
            sum += Int(red) + Int(green) + Int(blue)
            looked += 1
        }
        self.black = Double(black) / Double(looked)
        self.saturated = Double(saturated) / Double(looked)
        brightness = Double(sum) / Double(looked * 3)
    }

    /// Looks at a frame; nil when its JPEG cannot be decoded.
    package init?(_ frame: CameraFrame) {
        switch frame.pixels {
        case .rgb8(let image): self.init(image)
        case .jpeg(let bytes, _, _):
            do throws(ImageError) {
                self.init(try RGBImage(decoding: bytes, source: frame.camera))
            } catch {
                return nil
            }
        }
    }

    /// Share from which on a picture shows nothing: a lamp or a dark corner stays far below.
    private static let remarkable = 0.98

    /// What is wrong with it and what to do; nil when it can be seen.
    package var complaint: String? {
        func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) % of its pixels" }
        if black >= Self.remarkable {
            return
                "the image is black (\(percent(black))), expected a scene. Take the cap off, switch the light on, or "
                + "raise its "
                + "exposure with 'octo-camera tune'."
        }
        if saturated >= Self.remarkable {
            return
                "the image is saturated (\(percent(saturated))), expected a scene. Lower its exposure with "
                + "'octo-camera tune', or "
                + "turn it away from the light."
        }
        return nil
    }
}
