import CPNG
import Files
import Glibc
import Images
import TestSupport
import Testing

@Suite struct PictureFileTests {
    // MARK: PNG

    @Test(arguments: [(1, 1), (3, 2), (256, 256), (641, 7)])
    func pngKeepsEveryPixel(width: Int, height: Int) throws {
        var generator = SeededGenerator(seed: 4)
        let picture = RGBImage.noise(width: width, height: height, using: &generator)
        let encoded = try picture.pngData()
        #expect(try RGBImage(decoding: encoded, source: "memory") == picture)
        let header = try ImageHeader(of: encoded.bytes, source: "memory")
        #expect(header.format == .png && header.width == width && header.height == height)
    }

    /// Read by libpng: pictures of every kind of bytes, among them those whose Huffman code would be longer than it may
    /// be.
    @Test func aPackedPictureKeepsEveryPixel() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let (width, height) = (
                Int.random(in: 1...400, using: &generator), Int.random(in: 1...160, using: &generator)
            )
            let kind = round % 5
            // Each value half as frequent as the one before: as many lengths of codes as there are values.
            func rare() -> UInt8 { UInt8(UInt64.random(in: 1...UInt64.max, using: &generator).trailingZeroBitCount) }
            let spread = UInt8.random(in: 1...255, using: &generator)
            var sum: UInt8 = 0
            let pixels = (0..<width * height * 3).map { place -> UInt8 in
                switch kind {
                case 0: return spread
                case 1: return UInt8.random(in: 0...255, using: &generator)
                case 2:
                    return UInt8(truncatingIfNeeded: place / width)
                        &+ UInt8.random(in: 0...spread / 32, using: &generator)
                case 3:
                    sum &+= rare() &* 3
                    return sum
                default: return place % 977 == 0 ? UInt8.random(in: 0...255, using: &generator) : rare()
                }
            }
            let picture = RGBImage(width: width, height: height, pixels: SharedBytes(copying: pixels))
            let packed = picture.packedPNGData()
            #expect(try RGBImage(decoding: packed, source: "memory") == picture, "seed \(seed), round \(round)")
            if kind == 1 { #expect(packed.count < pixels.count * 21 / 20 + 1000, "noise gets little larger") }
        }
    }

    /// A PNG with any of libpng's simple pixel formats; 0 is grey. The compound macros do not reach Swift.
    private func png(
        _ format: UInt32, width: Int, height: Int, pixels: [UInt8], colours: [UInt8] = []
    ) throws
        -> SharedBytes
    {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        image.width = UInt32(width)
        image.height = UInt32(height)
        image.format = format
        image.colormap_entries = UInt32(colours.count / 3)
        var output = [UInt8](repeating: 0, count: 10_000)
        var size = png_alloc_size_t(output.count)
        try #require(
            png_image_write_to_memory(&image, &output, &size, 0, pixels, 0, colours.isEmpty ? nil : colours) != 0)
        return SharedBytes(copying: output[..<Int(size)])
    }

    @Test func greyBecomesThreeEqualChannels() throws {
        let encoded = try png(0, width: 2, height: 2, pixels: [0, 90, 200, 255])
        let picture = try RGBImage(decoding: encoded, source: "grey")
        #expect(picture.pixels.array == [0, 0, 0, 90, 90, 90, 200, 200, 200, 255, 255, 255])
    }

    @Test(arguments: [255, 254, 0] as [UInt8])
    func whatIsTransparentIsRefusedByName(alpha: UInt8) throws {
        let encoded = try png(
            PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA, width: 2, height: 1,
            pixels: [10, 20, 30, 255, 200, 100, 50, alpha])
        if alpha == 255 {
            #expect(try RGBImage(decoding: encoded, source: "alpha").pixels.array == [10, 20, 30, 200, 100, 50])
        } else {
            #expect(throws: ImageError.transparent(source: "alpha")) {
                try RGBImage(decoding: encoded, source: "alpha")
            }
        }
    }

    @Test func palettesAreLookedUp() throws {
        let encoded = try png(
            PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP, width: 3, height: 1, pixels: [2, 0, 1],
            colours: [1, 2, 3, 40, 50, 60, 250, 251, 252])
        #expect(
            try RGBImage(decoding: encoded, source: "palette").pixels.array == [250, 251, 252, 1, 2, 3, 40, 50, 60])
    }

    @Test func sixteenBitsWithoutAGammaAreTakenAsDisplayValues() throws {
        // Written by hand: one row of two grey pixels, 0x8080 and 0xffff, no gAMA chunk.
        let header: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 1, 16, 0, 0, 0, 0]
        let row: [UInt8] = [0, 0x80, 0x80, 0xff, 0xff]
        let stored: [UInt8] = [0x78, 0x01, 1, 5, 0, 0xfa, 0xff] + row + adler32(row)
        let file =
            [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + chunk("IHDR", header) + chunk("IDAT", stored)
            + chunk("IEND", [])
        let picture = try RGBImage(decoding: SharedBytes(copying: file), source: "16 bit")
        #expect(picture.pixels.array == [128, 128, 128, 255, 255, 255])
    }

    private func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
        func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        var crc: UInt32 = ~0
        for byte in Array(name.utf8) + body {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return bigEndian(UInt32(body.count)) + Array(name.utf8) + body + bigEndian(~crc)
    }

    private func adler32(_ bytes: [UInt8]) -> [UInt8] {
        var (a, b) = (1, 0)
        for byte in bytes {
            a = (a + Int(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return [UInt8(b >> 8), UInt8(b & 255), UInt8(a >> 8), UInt8(a & 255)]
    }

    @Test func aHeaderThatClaimsTooMuchIsRefusedBeforeAllocating() throws {
        let header: [UInt8] = [0, 0, 0x40, 0, 0, 0, 0x40, 0, 8, 2, 0, 0, 0]  // 16384 × 16384
        let file = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + chunk("IHDR", header) + chunk("IDAT", [0])
        #expect(throws: ImageError.tooLarge(source: "bomb.png", width: 16_384, height: 16_384)) {
            try RGBImage(decoding: SharedBytes(copying: file), source: "bomb.png")
        }
    }

    // MARK: JPEG

    @Test func jpegComesBackNearlyTheSame() throws {
        let picture = RGBImage.waves(width: 160, height: 120, seed: 0)
        let encoded = try picture.jpegData(quality: 95)
        let decoded = try RGBImage(decoding: encoded, source: "memory")
        #expect(decoded.width == 160 && decoded.height == 120)
        let largest = zip(decoded.pixels.bytes, picture.pixels.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 255
        #expect(largest <= 8, "largest difference \(largest)")
        #expect(try ImageHeader(of: encoded.bytes, source: "memory").format == .jpeg)
        #expect(try picture.jpegData(quality: 30).count < encoded.count)
    }

    @Test func aTruncatedJPEGIsRefusedInsteadOfFilledWithGrey() throws {
        let whole = try RGBImage.waves(width: 64, height: 64, seed: 1).jpegData().array
        for length in [whole.count - 3, whole.count / 2] {
            #expect(throws: ImageError.self) {
                try RGBImage(decoding: SharedBytes(copying: whole[..<length]), source: "cut.jpg")
            }
        }
    }

    // MARK: Damaged bytes

    /// Damages files in every way that is cheap to think of. A decoder that reads beyond its input or trusts a length
    /// field crashes here sooner or later; the errors themselves must name the source.
    @Test(arguments: [5, 6, 7] as [UInt64])
    func damagedFilesNeverTrap(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let picture = RGBImage.noise(width: 31, height: 17, using: &generator)
        let wave = RGBImage.waves(width: 48, height: 40, seed: 3)
        let originals = try [picture.pngData(), picture.jpegData(), wave.pngData(), wave.jpegData(quality: 40)].map(
            \.array)
        var refused = 0
        for _ in 0..<1_500 {
            guard var bytes = originals.randomElement(using: &generator) else { return }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
            case 1:
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8(
                        truncatingIfNeeded: generator.next())
                }
            case 2:  // The headers, where lengths and sizes are.
                bytes[Int.random(in: 0..<min(200, bytes.count), using: &generator)] =
                    [0, 1, 0x7f, 0x80, 0xff].randomElement(
                        using: &generator) ?? 0
            default:
                let start = Int.random(in: 0..<bytes.count, using: &generator)
                bytes.removeSubrange(start..<Int.random(in: start...bytes.count, using: &generator))
            }
            do {
                let decoded = try RGBImage(decoding: SharedBytes(copying: bytes), source: "damaged")
                #expect(decoded.pixels.count == decoded.width * decoded.height * 3, "seed \(seed)")
            } catch {
                refused += 1
                #expect(error.description.contains("damaged"), "seed \(seed): \(error)")
            }
        }
        #expect(refused > 500, "seed \(seed): only \(refused) of 1500 damaged files were refused")
    }

    @Test func everyTruncationOfAPNGIsRefusedUntilThePixelsAreComplete() throws {
        let whole = try RGBImage.waves(width: 12, height: 9, seed: 2).pngData().array
        // The last chunk, IEND, is twelve bytes; the check sum of the pixels stands before it.
        for length in 0..<whole.count - 16 {
            #expect(throws: ImageError.self, "\(length) of \(whole.count) bytes") {
                try RGBImage(decoding: SharedBytes(copying: whole[..<length]), source: "cut.png")
            }
        }
    }

    // MARK: Files

    @Test func writesAFileThatReadsBackAndLeavesNothingBeside() throws {
        let folder = try TemporaryFolder()
        let picture = RGBImage.waves(width: 20, height: 10, seed: 4)
        try RGBImage(width: 1, height: 1, filledWith: 9).writePNG(to: folder.file("goal.png"))
        try picture.writePNG(to: folder.file("goal.png"))
        #expect(try RGBImage(contentsOf: folder.file("goal.png")) == picture)
        #expect(try ImageFolder(path: folder.path).allNames == ["goal.png"])
    }

    @Test func aFailedWriteLeavesNothingBehind() throws {
        let folder = try TemporaryFolder()
        // A folder stands where the file should go: all works but the last step.
        try #require(mkdir(folder.file("goal.png"), 0o700) == 0)
        #expect(throws: ImageError.file(.notWritten(path: folder.file("goal.png"), errno: EISDIR))) {
            try RGBImage.waves(width: 4, height: 4, seed: 0).writePNG(to: folder.file("goal.png"))
        }
        #expect(try ImageFolder(path: folder.path).allNames == ["goal.png"])
    }

    @Test func theContentDecidesNotTheName() throws {
        let folder = try TemporaryFolder()
        let picture = RGBImage.waves(width: 16, height: 16, seed: 5)
        let path = try folder.write(picture.pngData().array, to: "really-a-png.jpg")
        #expect(try RGBImage(contentsOf: path) == picture)
    }

    @Test func errorsNameTheFileAndTheMend() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ImageError.file(.missing(path: folder.file("absent.png")))) {
            try RGBImage(contentsOf: folder.file("absent.png"))
        }
        #expect(throws: ImageError.file(.notAFile(path: folder.path))) { try RGBImage(contentsOf: folder.path) }
        try #require(mkfifo(folder.file("pipe.png"), 0o600) == 0)
        #expect(throws: ImageError.file(.notAFile(path: folder.file("pipe.png")))) {
            try RGBImage(contentsOf: folder.file("pipe.png"))
        }
        let text = try folder.write(Array("GIF89a, not one of ours".utf8), to: "moving.gif")
        #expect(throws: ImageError.unknownFormat(source: text, start: Array("GIF89a, ".utf8))) {
            try RGBImage(contentsOf: text)
        }
        let empty = try folder.write([], to: "empty.png")
        let error = #expect(throws: ImageError.self) { try RGBImage(contentsOf: empty) }
        #expect(
            error?.description == """
                reading the picture \(empty): it starts with nothing (it is empty), expected a PNG \
                (89 50 4e 47) or a JPEG (ff d8 ff). Convert it to PNG, or correct the path.
                """)
        #expect(throws: ImageError.self) {
            try RGBImage(width: 1, height: 1, filledWith: 0).writePNG(to: folder.file("no/such/folder.png"))
        }
    }

    @Test func aFileBeyondTheLimitIsNotRead() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1, 2, 3, 4], to: "four")
        #expect(try SharedBytes(contentsOf: path, limit: 4).array == [1, 2, 3, 4])
        #expect(throws: FileError.tooLarge(path: path, bytes: 4, limit: 3)) {
            try SharedBytes(contentsOf: path, limit: 3)
        }
    }
}
