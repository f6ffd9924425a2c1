import Files

extension RGBImage {
    /// Reads a PNG or JPEG file; which of the two its first bytes say.
    ///
    /// Grey, palette and 16-bit pictures become 8-bit RGB; transparency is laid over black.
    /// - Throws: `ImageError` naming the file.
    package init(contentsOf path: String) throws(ImageError) {
        let bytes: SharedBytes
        do {
            bytes = try SharedBytes(contentsOf: path)
        } catch {
            throw .file(error)
        }
        try self.init(decoding: bytes, source: path)
    }

    /// Decodes the bytes of a PNG or JPEG file.
    /// - Parameter source: names the bytes in an error: a path, a camera.
    /// - Throws: `ImageError`, never traps: the bytes may be anything.
    package init(decoding encoded: SharedBytes, source: String) throws(ImageError) {
        self = try Self.decoded(encoded, source: source).image
    }

    /// Decodes the bytes of a PNG or JPEG file, and says whether they had to be mended: not quite as the standard has
    /// it, but with every pixel.
    /// - Parameter source: names the bytes in an error: a path, a camera.
    /// - Throws: `ImageError`, never traps: the bytes may be anything.
    package static func decoded(
        _ encoded: SharedBytes, source: String
    ) throws(ImageError) -> (image: RGBImage, isMended: Bool) {
        switch ImageFormat(startOf: encoded.bytes) {
        case .png: return (try PNGCodec.decode(encoded.bytes, source: source), false)
        case .jpeg: return try JPEGCodec.decode(encoded.bytes, source: source)
        case nil: throw .unknownFormat(source: source, start: Array(encoded.bytes.prefix(8)))
        }
    }

    /// The picture as a PNG file: 8-bit RGB, every pixel kept.
    package func pngData() throws(ImageError) -> SharedBytes { try PNGCodec.encode(self) }

    /// The picture as a PNG file, made some fifty times faster than `pngData`, and a little larger.
    package func packedPNGData() -> SharedBytes { PNGPacking.encode(self) }

    /// The picture as a JPEG file, chroma at half resolution.
    /// - Parameter quality: quality of the JPEG, 1 (small) ... 100.
    package func jpegData(quality: Int = 90) throws(ImageError) -> SharedBytes {
        precondition((1...100).contains(quality), "JPEG quality goes from 1 to 100, got \(quality)")
        return try JPEGCodec.encode(self, quality: quality)
    }

    /// Writes a PNG file; whoever reads `path` meanwhile finds the old file or the new one, never a part.
    package func writePNG(to path: String) throws(ImageError) {
        let encoded = try pngData()
        do {
            try encoded.write(to: path)
        } catch {
            throw .file(error)
        }
    }
}
