/// A movie (MP4) of JPEG files as they are: nothing is encoded anew, and every frame can be sought. Grows at its end
/// only; what says where the frames lie comes last. Source: ISO/IEC 14496-12 (boxes), 14496-1 (the descriptor; object
/// type 0x6C is JPEG, ISO/IEC 10918-1).
package struct JPEGMovie {
    /// A frame lasts so many units of time.
    private static let frameUnits: UInt32 = 1000

    private let width: Int
    private let height: Int
    private let framesPerSecond: Int
    /// Bytes that were not handed out yet.
    private var bytes: [UInt8]
    private var handedOut = 0
    /// Places of the frames, oldest first.
    private var places: [(offset: UInt64, size: UInt32)] = []

    /// Makes a movie without frames.
    /// - Parameters:
    ///   - width: width of all frames, pixels.
    ///   - framesPerSecond: number of frames per second, above 0.
    package init(width: Int, height: Int, framesPerSecond: Int) {
        precondition((1...65_535).contains(width) && (1...65_535).contains(height) && framesPerSecond > 0)
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
        bytes = Self.box("ftyp", Self.text("isom") + Self.word(0x200) + ["isom", "iso2", "mp41"].flatMap(Self.text))
    }

    package var frameCount: Int { places.count }
    /// Number of bytes of the file so far.
    package var byteCount: Int { handedOut + bytes.count }

    package mutating func append(_ jpeg: some Collection<UInt8>) {
        bytes += Self.word(UInt32(jpeg.count + 8)) + Self.text("mdat")
        places.append((UInt64(byteCount), UInt32(jpeg.count)))
        bytes += jpeg
    }

    /// Hands out what the file has so far and was not handed out yet.
    package mutating func takeBytes() -> [UInt8] {
        defer {
            handedOut += bytes.count
            bytes = []
        }
        return bytes
    }

    /// Ends the file and hands out the rest of it.
    package consuming func finished() -> [UInt8] {
        let tail = movie
        return bytes + tail
    }

    // MARK: Boxes

    private var duration: UInt32 { UInt32(clamping: frameCount) &* Self.frameUnits }
    private var timescale: UInt32 { UInt32(framesPerSecond) * Self.frameUnits }

    private var movie: [UInt8] {
        let header = Self.fullBox(
            "mvhd",
            Self.word(0) + Self.word(0) + Self.word(timescale) + Self.word(duration) + Self.word(0x0001_0000)
                + Self.half(0x0100)
                + Self.zeros(10) + Self.matrix + Self.zeros(24) + Self.word(2))
        return Self.box("moov", header + Self.box("trak", trackHeader + media))
    }

    private var trackHeader: [UInt8] {
        // Enabled, in the movie, in the preview.
        Self.fullBox(
            "tkhd", flags: 7,
            Self.word(0) + Self.word(0) + Self.word(1) + Self.word(0) + Self.word(duration) + Self.zeros(16)
                + Self.matrix
                + Self.word(UInt32(width) << 16) + Self.word(UInt32(height) << 16))
    }

    private var media: [UInt8] {
        // Language "und", three letters of five bits.
        let header = Self.fullBox(
            "mdhd",
            Self.word(0) + Self.word(0) + Self.word(timescale) + Self.word(duration) + Self.half(0x55C4) + Self.half(0))
        let handler = Self.fullBox(
            "hdlr", Self.word(0) + Self.text("vide") + Self.zeros(12) + Self.text("pictures") + [0])
        // The data are in this file.
        let references = Self.box("dinf", Self.fullBox("dref", Self.word(1) + Self.fullBox("url ", flags: 1, [])))
        let information = Self.box("minf", Self.fullBox("vmhd", flags: 1, Self.zeros(8)) + references + sampleTable)
        return Self.box("mdia", header + handler + information)
    }

    private var sampleTable: [UInt8] {
        let count = UInt32(frameCount)
        let entry = Self.box(
            "mp4v",
            Self.zeros(6) + Self.half(1) + Self.zeros(16) + Self.half(UInt16(width)) + Self.half(UInt16(height))
                // 72 dots an inch, one frame a sample, no name, 24 bits.
                + Self.word(0x0048_0000) + Self.word(0x0048_0000) + Self.word(0) + Self.half(1) + Self.zeros(32)
                + Self.half(24)
                + Self.half(0xFFFF) + Self.descriptor)
        var sizes = Self.word(0) + Self.word(count)
        var offsets = Self.word(count)
        for place in places {
            sizes += Self.word(place.size)
            offsets +=
                Self.word(UInt32(truncatingIfNeeded: place.offset >> 32))
                + Self.word(UInt32(truncatingIfNeeded: place.offset))
        }
        return Self.box(
            "stbl",
            Self.fullBox("stsd", Self.word(1) + entry)
                + Self.fullBox("stts", Self.word(1) + Self.word(count) + Self.word(Self.frameUnits))
                + Self.fullBox("stsc", Self.word(1) + Self.word(1) + Self.word(1) + Self.word(1))
                + Self.fullBox("stsz", sizes)
                + Self.fullBox("co64", offsets))
    }

    /// "esds": an elementary stream of pictures in JPEG, all rates unknown.
    private static let descriptor = fullBox(
        "esds", [3, 21] + half(0) + [0] + [4, 13, 0x6C, 0x11] + zeros(11) + [6, 1, 2])

    private static let matrix = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000].flatMap { word(UInt32($0)) }

    private static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
        word(UInt32(content.count + 8)) + text(type) + content
    }

    private static func fullBox(_ type: String, flags: UInt32 = 0, _ content: [UInt8]) -> [UInt8] {
        box(type, word(flags) + content)
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    private static func half(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

    private static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }
}
