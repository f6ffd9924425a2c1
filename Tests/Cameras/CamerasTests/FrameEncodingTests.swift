import Cameras
import Files
import Images
import Messages
import TestSupport
import Testing

@Suite struct FrameEncodingTests {
    private func rgb(
        _ encoding: FrameEncoding, _ bytes: [UInt8], width: Int, height: Int, bytesPerLine: Int? = nil
    ) -> [UInt8]? {
        let line = bytesPerLine ?? encoding.lineBytes(width: width)
        return bytes.withUnsafeBytes { memory in
            guard encoding.isWhole(memory, width: width, height: height, bytesPerLine: line) else { return nil }
            guard
                case .rgb8(let image) = encoding.pixels(of: memory, width: width, height: height, bytesPerLine: line)
            else { return nil }
            return image.pixels.array
        }
    }

    /// BT.601 in limited range with real numbers.
    private func reference(_ y: UInt8, _ u: UInt8, _ v: UInt8) -> [Double] {
        let luma = (Double(y) - 16) * 255 / 219
        let (blueness, redness) = ((Double(u) - 128) * 255 / 224, (Double(v) - 128) * 255 / 224)
        // Kr = 0.299, Kb = 0.114.
        let green = luma - (0.114 * 1.772 * blueness + 0.299 * 1.402 * redness) / 0.587
        return [luma + 1.402 * redness, green, luma + 1.772 * blueness].map { min(255, max(0, $0)) }
    }

    // MARK: Colour

    @Test func knownColoursAreRight() {
        let colours: [(yuv: [UInt8], rgb: [UInt8])] = [
            ([16, 128, 128], [0, 0, 0]), ([235, 128, 128], [255, 255, 255]), ([126, 128, 128], [128, 128, 128]),
            ([81, 90, 240], [254, 0, 0]), ([145, 54, 34], [0, 255, 1]), ([41, 240, 110], [0, 0, 255]),
            ([0, 0, 0], [0, 136, 0]), ([255, 255, 255], [255, 125, 255]),
        ]
        for (yuv, expected) in colours {
            let found = rgb(.yuyv, [yuv[0], yuv[1], yuv[0], yuv[2]], width: 2, height: 1)
            #expect(found == expected + expected, "\(yuv)")
        }
    }

    /// Every luma with every fifth chroma: never more than 1 from the reference, and mostly its rounding.
    @Test func everyColourIsWithinOneOfTheReference() throws {
        var (worst, exact, count) = (0.0, 0, 0)
        for u in stride(from: 0, through: 255, by: 5) {
            for v in stride(from: 0, through: 255, by: 5) {
                let bytes = (0..<256).flatMap { [UInt8($0), UInt8($0 % 2 == 0 ? u : v)] }
                let found = try #require(rgb(.yuyv, bytes, width: 256, height: 1))
                for y in 0..<256 {
                    for (channel, value) in reference(UInt8(y), UInt8(u), UInt8(v)).enumerated() {
                        let byte = Double(found[y * 3 + channel])
                        worst = max(worst, abs(byte - value))
                        exact += byte == value.rounded() ? 1 : 0
                        count += 1
                    }
                }
            }
        }
        #expect(worst < 0.51, "\(worst)")
        #expect(Double(exact) > 0.999 * Double(count), "\(exact) of \(count)")
    }

    // MARK: Layout

    @Test func yuyvPairsShareTheirChroma() throws {
        let found = try #require(rgb(.yuyv, [16, 90, 235, 240, 81, 90, 81, 240], width: 4, height: 1))
        #expect(Array(found[6..<9]) == Array(found[9..<12]) && found[0..<3] != found[3..<6])
        // An odd width: the last pair is half used.
        let odd = try #require(rgb(.yuyv, [16, 128, 235, 128, 126, 128, 0, 128], width: 3, height: 1))
        #expect(odd == [0, 0, 0, 255, 255, 255, 128, 128, 128])
    }

    @Test(arguments: [0, 2, 48])
    func everyFormatMayHaveLongerLines(gap: Int) throws {
        var generator = SeededGenerator(seed: 11)
        let (width, height) = (6, 4)
        for encoding in [FrameEncoding.yuyv, .nv12, .rgb24] {
            let line = encoding.lineBytes(width: width)
            let lines = encoding == .nv12 ? height * 3 / 2 : height
            let rows = (0..<lines).map { _ in (0..<line).map { _ in UInt8.random(in: 0...255, using: &generator) } }
            let packed = try #require(rgb(encoding, rows.flatMap(\.self), width: width, height: height))
            // The last line comes without a gap: as little as a device can send.
            let wide = Array(rows.map { $0 + Array(repeating: 7, count: gap) }.joined().dropLast(gap))
            #expect(
                rgb(encoding, wide, width: width, height: height, bytesPerLine: line + gap) == packed, "\(encoding)")
            #expect(
                rgb(encoding, wide.dropLast(), width: width, height: height, bytesPerLine: line + gap) == nil,
                "\(encoding) lacks a byte")
        }
    }

    @Test func nv12IsYuyvWithTheChromaOfEverySecondLine() throws {
        var generator = SeededGenerator(seed: 12)
        let (width, height) = (8, 6)
        let luma = (0..<width * height).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let chroma = (0..<width * height / 2).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var interleaved: [UInt8] = []
        for y in 0..<height { for x in 0..<width { interleaved += [luma[y * width + x], chroma[y / 2 * width + x]] } }
        let found = rgb(.nv12, luma + chroma, width: width, height: height)
        #expect(found != nil && found == rgb(.yuyv, interleaved, width: width, height: height))
    }

    @Test func rgbStaysAsItIs() {
        let bytes = (0..<12).map { UInt8($0 * 20) }
        #expect(rgb(.rgb24, bytes, width: 2, height: 2) == bytes)
    }

    // MARK: JPEG

    private func isWhole(_ bytes: some Sequence<UInt8>, width: Int = 64, height: Int = 48) -> Bool {
        Array(bytes).withUnsafeBytes { FrameEncoding.mjpeg.isWhole($0, width: width, height: height, bytesPerLine: 0) }
    }

    @Test func wholeJPEGsAreToldFromShortOnesAtEveryLength() throws {
        let jpeg = try RGBImage.waves(width: 64, height: 48, seed: 5).jpegData().array
        #expect(isWhole(jpeg) && !isWhole(jpeg, width: 63) && !isWhole(jpeg, height: 47))
        for length in 0..<jpeg.count - 2 { #expect(!isWhole(jpeg.prefix(length)), "\(length) of \(jpeg.count)") }
        // Nothing but the end marker lacks, or something is there twice or besides.
        #expect(isWhole(jpeg.dropLast()) && isWhole(jpeg.dropLast(2)) && isWhole([0xff, 0xd8] + jpeg))
        #expect(
            isWhole(jpeg[..<2] + [0, 0, 0] + jpeg[2...])
                && !isWhole(jpeg[..<2] + [UInt8](repeating: 0, count: 9_000) + jpeg[2...]))
        // What a buffer holds after the end does not count, even another frame's end.
        #expect(isWhole(jpeg + [0, 0]) && isWhole(jpeg + [0xff, 0xff, 0x12]) && isWhole(jpeg + jpeg.suffix(9)))
        #expect(!isWhole([]) && !isWhole([0xff, 0xd8, 0xff, 0xd9]))
    }

    /// Motion JPEG may leave the standard Huffman tables out; decoders know them.
    @Test func aJPEGWithoutHuffmanTablesIsWholeAndDecodes() throws {
        let picture = RGBImage.waves(width: 64, height: 48, seed: 5)
        let jpeg = try picture.jpegData().array
        var (bare, at) = (Array(jpeg.prefix(2)), 2)
        while jpeg[at + 1] != 0xda {
            let length = 2 + Int(jpeg[at + 2]) << 8 + Int(jpeg[at + 3])
            if jpeg[at + 1] != 0xc4 { bare += jpeg[at..<at + length] }
            at += length
        }
        bare += jpeg[at...]
        #expect(bare.count < jpeg.count && isWhole(bare))
        let decoded = try RGBImage(decoding: SharedBytes(copying: bare), source: "a camera")
        #expect(decoded == (try RGBImage(decoding: SharedBytes(copying: jpeg), source: "a camera")))
    }

    @Test func anyBytesAreSurvived() throws {
        var generator = SeededGenerator(seed: 13)
        let jpeg = try RGBImage.waves(width: 64, height: 48, seed: 5).jpegData().array
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = jpeg
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                // Most damage goes where the structure is.
                let limit = Bool.random(using: &generator) ? bytes.count : 700
                bytes[Int.random(in: 0..<min(limit, bytes.count), using: &generator)] = .random(
                    in: 0...255, using: &generator)
            }
            if !isWhole(bytes) { refused += 1 }
            _ = isWhole(
                (0..<64).map { _ in [0xff, 0xd8, 0xda, 0xd9, 0xc0, 0, 8].randomElement(using: &generator) ?? 0 })
        }
        #expect(refused > 100)
    }

    // MARK: Names

    @Test func pixelFormatsAreNamedAsTheKernelDoes() {
        #expect(V4L2PixelFormat("YUYV").rawValue == 0x5659_5559)
        #expect(V4L2PixelFormat("MJPG").description == "MJPG")
        #expect(V4L2PixelFormat("Y16 ").description == "Y16")
        #expect(V4L2PixelFormat(rawValue: V4L2PixelFormat("Y16 ").rawValue | 1 << 31).description == "Y16-BE")
        #expect(V4L2PixelFormat(rawValue: 0x0102_0304).description == "????")
    }
}
