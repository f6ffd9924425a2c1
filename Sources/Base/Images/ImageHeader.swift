/// The kinds of picture file that are understood.
package enum ImageFormat: String, Equatable, Sendable {
    case png = "PNG"
    case jpeg = "JPEG"

    /// Recognises the format by the first bytes; the file's name does not count.
    package init?(startOf bytes: UnsafeRawBufferPointer) {
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
            self = .png
        } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
            self = .jpeg
        } else {
            return nil
        }
    }
}

/// What a picture file says about itself before any pixel is decoded.
package struct ImageHeader: Equatable, Sendable {
    package let format: ImageFormat
    /// Width of the picture, pixels.
    package let width: Int
    /// Height of the picture, pixels.
    package let height: Int

    /// Most pixels a side, and in all (8K video): a few bytes of a damaged header must not claim all memory.
    package static let maximumSide = 16_384
    /// Most pixels of a picture that is read, those of 8K: a damaged header must not claim all memory.
    package static let maximumPixels = 7_680 * 4_320

    /// Reads the header of a PNG or JPEG file.
    /// - Parameter source: name of the bytes in an error.
    /// - Throws: `ImageError` when the bytes are no PNG or JPEG, the header is damaged, or the size is beyond bounds.
    package init(of bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) {
        switch ImageFormat(startOf: bytes) {
        case .png: self = try PNGCodec.header(of: bytes, source: source)
        case .jpeg: self = try JPEGCodec.header(of: bytes, source: source)
        case nil: throw .unknownFormat(source: source, start: Array(bytes.prefix(8)))
        }
    }

    init(format: ImageFormat, width: Int, height: Int, source: String) throws(ImageError) {
        guard width > 0 && height > 0 else {
            throw .undecodable(source: source, format: format, problem: "it has \(width)x\(height) pixels")
        }
        guard width <= Self.maximumSide && height <= Self.maximumSide && width * height <= Self.maximumPixels else {
            throw .tooLarge(source: source, width: width, height: height)
        }
        self.format = format
        self.width = width
        self.height = height
    }
}
