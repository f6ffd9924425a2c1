import Files
import Images
import Messages

/// The pixel formats that are understood, and how they become what goes out.
package enum FrameEncoding: String, CaseIterable, Sendable {
    // In the order of preference: JPEG leaves room for a second camera on the same USB port; RGB needs the most.
    case mjpeg
    case yuyv
    case nv12
    case rgb24

    /// Finds the encoding of a pixel format; nil: not understood.
    package init?(_ format: V4L2PixelFormat) {
        guard let encoding = Self.allCases.first(where: { $0.pixelFormats.contains(format) }) else { return nil }
        self = encoding
    }

    /// The kernel's names for it, the usual one first.
    package var pixelFormats: [V4L2PixelFormat] {
        switch self {
        case .mjpeg: [V4L2PixelFormat("MJPG"), V4L2PixelFormat("JPEG")]
        case .yuyv: [V4L2PixelFormat("YUYV")]
        case .nv12: [V4L2PixelFormat("NV12")]
        case .rgb24: [V4L2PixelFormat("RGB3")]
        }
    }

    /// The fewest bytes a line can have.
    package func lineBytes(width: Int) -> Int {
        switch self {
        case .mjpeg: 0
        case .yuyv: (width + 1) / 2 * 4
        case .nv12: (width + 1) / 2 * 2
        case .rgb24: width * 3
        }
    }

    /// Whether `bytes` are a whole frame of this size.
    /// - Parameter bytesPerLine: length of a line in the buffer, bytes, at least `lineBytes(width:)`.
    package func isWhole(_ bytes: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerLine: Int) -> Bool {
        if self == .mjpeg {
            guard let outline = JPEGOutline(bytes) else { return false }
            guard outline.width == width, outline.height == height else { return false }
            return outline.hasEnd || (try? RGBImage(decoding: SharedBytes(copying: bytes), source: "a camera")) != nil
        }
        let lines = self == .nv12 ? height + (height + 1) / 2 : height
        // The last line may come without what fills the others up.
        return bytes.count >= (lines - 1) * bytesPerLine + lineBytes(width: width)
    }

    /// A whole frame as it goes out; JPEG stays as it is.
    /// - Parameter bytes: a frame for which `isWhole` holds.
    package func pixels(
        of bytes: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerLine: Int
    ) -> CameraFrame.Pixels {
        precondition(
            isWhole(bytes, width: width, height: height, bytesPerLine: bytesPerLine),
            "\(bytes.count) bytes are no whole \(self) frame of \(width)x\(height)")
        if self == .mjpeg { return .jpeg(SharedBytes(copying: bytes), width: width, height: height) }
        let rgb = SharedBytes(count: width * height * 3) { (memory) throws(Never) in
            for y in 0..<height {
                let line = bytes.baseAddress.map { $0 + y * bytesPerLine }
                let target = memory.baseAddress.map { $0 + y * width * 3 }
                guard let line, let target else { return }
                switch self {
                case .mjpeg: break
                case .rgb24: target.copyMemory(from: line, byteCount: width * 3)
                case .yuyv:
                    for x in stride(from: 0, to: width, by: 2) {
                        let pair = line + x * 2
                        let chroma = VideoChroma(
                            u: pair.load(fromByteOffset: 1, as: UInt8.self),
                            v: pair.load(fromByteOffset: 3, as: UInt8.self))
                        VideoColour(y: pair.load(as: UInt8.self), chroma).store(at: target + x * 3)
                        guard x + 1 < width else { break }
                        VideoColour(y: pair.load(fromByteOffset: 2, as: UInt8.self), chroma).store(
                            at: target + x * 3 + 3)
                    }
                case .nv12:
                    // One line of chroma, U and V in turns, for two of luma.
                    let chroma = line + (height + y / 2 - y) * bytesPerLine
                    for x in stride(from: 0, to: width, by: 2) {
                        let pair = VideoChroma(
                            u: (chroma + x).load(as: UInt8.self),
                            v: (chroma + x).load(fromByteOffset: 1, as: UInt8.self))
                        VideoColour(y: (line + x).load(as: UInt8.self), pair).store(at: target + x * 3)
                        guard x + 1 < width else { break }
                        VideoColour(y: (line + x + 1).load(as: UInt8.self), pair).store(at: target + x * 3 + 3)
                    }
                }
            }
        }
        return .rgb8(RGBImage(width: width, height: height, pixels: rgb))
    }
}

/// What two neighbours share: what chroma adds to red, green and blue, in fixed point with 16 bits.
struct VideoChroma {
    let red: Int32
    let green: Int32
    let blue: Int32

    /// The inverse of BT.601's equations: 255/224 × 1.402, 0.344136, 0.714136, 1.772.
    @inline(__always) init(u: UInt8, v: UInt8) {
        let (u, v) = (Int32(u) - 128, Int32(v) - 128)
        // Each below 2^24: sums with a luma stay far from 2^31.
        (red, green, blue) = (104_597 &* v, -25_675 &* u &- 53_279 &* v, 132_201 &* u)
    }
}

/// A colour of ITU-R BT.601 in limited range, luma 16...235 and chroma 16...240 around 128: what cameras deliver unless
/// they say otherwise.
struct VideoColour {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    /// Computes one pixel, rounded to nearest: luma's coefficient is 255/219.
    @inline(__always) init(y: UInt8, _ chroma: VideoChroma) {
        let luma = (Int32(y) &- 16) &* 76_309 &+ 32_768
        red = Self.byte((luma &+ chroma.red) >> 16)
        green = Self.byte((luma &+ chroma.green) >> 16)
        blue = Self.byte((luma &+ chroma.blue) >> 16)
    }

    @inline(__always) private static func byte(_ value: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: max(0, min(255, value)))
    }

    @inline(__always) func store(at target: UnsafeMutableRawPointer) {
        target.storeBytes(of: red, as: UInt8.self)
        target.storeBytes(of: green, toByteOffset: 1, as: UInt8.self)
        target.storeBytes(of: blue, toByteOffset: 2, as: UInt8.self)
    }
}
