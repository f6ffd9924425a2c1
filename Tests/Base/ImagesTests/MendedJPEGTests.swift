import Files
import Foundation
import Images
import TestSupport
import Testing

/// JPEGs as webcams really send them. The picture has a restart marker after each of its three rows of blocks.
@Suite struct MendedJPEGTests {
    private let whole: [UInt8]
    private let picture: RGBImage

    init() throws {
        whole = Array(try Data(contentsOf: Fixture.url("pictures/restarts.jpg")))
        let (picture, isMended) = try RGBImage.decoded(SharedBytes(copying: whole), source: "whole")
        #expect(!isMended && picture.width == 64 && picture.height == 48)
        self.picture = picture
    }

    /// Where a marker stands.
    private func place(of marker: UInt8) throws -> Int {
        try #require(zip(whole, whole.dropFirst()).enumerated().first { $0.element == (0xff, marker) }?.offset)
    }

    private func decoded(_ bytes: [UInt8]) throws -> (image: RGBImage, isMended: Bool) {
        try RGBImage.decoded(SharedBytes(copying: bytes), source: "camera")
    }

    @Test(arguments: [[0x12], [0x00, 0x00, 0x07], [1, 2, 3, 4, 5, 6, 7, 8]] as [[UInt8]])
    func strayBytesBeforeARestartMarkerCostNoPixel(stray: [UInt8]) throws {
        for marker in [0xd0, 0xd1, 0xd9] as [UInt8] {
            var bytes = whole
            bytes.insert(contentsOf: stray, at: try place(of: marker))
            let found = try decoded(bytes)
            #expect(found.image == picture, "before \(String(marker, radix: 16))")
            // A single one the decoder may have read ahead, and dropped with the filling bits.
            #expect(found.isMended || stray.count == 1)
        }
    }

    @Test func aSecondBeginningAMissingEndAndPaddingAreMended() throws {
        var padded = whole
        padded.insert(contentsOf: [0, 0, 0, 0], at: try place(of: 0xdb))
        for (name, bytes) in [
            ("begins twice", [0xff, 0xd8] + whole), ("no end", Array(whole.dropLast(2))), ("padding", padded),
        ] {
            let found = try decoded(bytes)
            #expect(found.image == picture && found.isMended, "\(name)")
        }
        // Cameras fill up their buffers behind the end.
        let filled = try decoded(whole + [UInt8](repeating: 0, count: 500))
        #expect(filled.image == picture && !filled.isMended)
    }

    @Test func whatLacksPixelsIsRefused() throws {
        let (first, second, end) = (try place(of: 0xd0), try place(of: 0xd1), try place(of: 0xd9))
        let cut = Array(whole[..<(end - 20)])
        let lacksRow = Array(whole[..<(first + 2)] + whole[second...])
        let lacksMarker = Array(whole[..<first] + whole[(first + 2)...])
        let muchStray = Array(whole[..<first] + [UInt8](repeating: 7, count: 200) + whole[first...])
        for (name, bytes) in [
            ("cut", cut), ("cut, with an end", cut + [0xff, 0xd9]), ("a row lacks", lacksRow),
            ("a marker lacks", lacksMarker),
            ("much stray", muchStray),
        ] {
            #expect(throws: ImageError.self, "\(name)") { try decoded(bytes) }
        }
    }

    @Test(arguments: [false, true]) func aPictureThatIsToBeTurnedIsRefusedByName(isBig: Bool) throws {
        func exif(_ orientation: UInt8) -> [UInt8] {
            let little: [UInt8] = [
                0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0,
            ]
            let big: [UInt8] = [
                0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0,
            ]
            let content = Array("Exif\0\0".utf8) + (isBig ? big : little)
            return [0xff, 0xe1, 0, UInt8(content.count + 2)] + content
        }
        let (start, rest) = (whole[..<2], whole[2...])
        #expect(try decoded(start + exif(1) + rest).image == picture)
        #expect(throws: ImageError.turned(source: "camera", orientation: 6)) { try decoded(start + exif(6) + rest) }
        // Half of it: nothing is known.
        var short = exif(6)
        short[3] = 12
        short.removeLast(short.count - 14)
        #expect(try decoded(start + short + rest).image == picture)
    }
}
