import Files
import Images
import Time

/// What goes over the socket between a simulated camera and the world it is in: one request, then frames for ever.
package enum SimulatedCameraLink {
    /// What a camera asks for, as one line of text.
    package struct Request: Equatable, Sendable {
        package var camera: String
        package var width: Int
        package var height: Int
        package var rate: Rate

        package init(camera: String, width: Int, height: Int, rate: Rate) {
            self.camera = camera
            self.width = width
            self.height = height
            self.rate = rate
        }

        package var line: [UInt8] {
            Array("octo-camera-1 \(camera) \(width) \(height) \(rate.periodNanoseconds)\n".utf8)
        }

        /// Reads the first line that a simulated camera's socket says; nil if it is none.
        /// - Parameter line: the line without its end.
        package init?(parsing line: some Collection<UInt8>) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count == 5, words[0] == "octo-camera-1", let width = Int(words[2]), let height = Int(words[3]),
                let period = Int64(words[4]), (1...4096).contains(width), (1...4096).contains(height),
                (1_000_000...60_000_000_000).contains(period)
            else { return nil }
            self.init(camera: String(words[1]), width: width, height: height, rate: Rate(hertz: 1e9 / Double(period)))
        }

        /// Bytes of a frame's pixels.
        package var pixelBytes: Int { width * height * 3 }
    }

    /// Bytes before the pixels of a frame: sequence and capture stamp, eight each, least significant first.
    package static let headerBytes = 16

    package static func header(sequence: UInt64, captureTime: MonotonicTime) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [sequence, UInt64(bitPattern: captureTime.nanoseconds)] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        return bytes
    }

    /// Collects the bytes of frames.
    package struct Reader: Sendable {
        private let pixelBytes: Int
        private var bytes: [UInt8] = []

        package init(pixelBytes: Int) { self.pixelBytes = pixelBytes }

        package mutating func append(_ more: some Collection<UInt8>) { bytes += more }

        /// The newest whole frame; older ones are passed over.
        package mutating func takeNewest() -> (sequence: UInt64, captureTime: MonotonicTime, pixels: SharedBytes)? {
            let size = SimulatedCameraLink.headerBytes + pixelBytes
            let whole = bytes.count / size
            guard whole > 0 else { return nil }
            let start = (whole - 1) * size
            func number(at offset: Int) -> UInt64 {
                (0..<8).reduce(0) { $0 | UInt64(bytes[start + offset + $1]) << UInt64(8 * $1) }
            }
            let frame = (
                number(at: 0), MonotonicTime(nanoseconds: Int64(bitPattern: number(at: 8))),
                SharedBytes(copying: bytes[(start + SimulatedCameraLink.headerBytes)..<(start + size)])
            )
            bytes.removeFirst(whole * size)
            return frame
        }
    }
}
