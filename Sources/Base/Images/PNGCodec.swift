import CPNG
import Files

/// Reads and writes PNG through libpng's simplified API, which returns its errors: the classic one leaves by longjmp,
/// and that must not cross Swift frames.
enum PNGCodec {
    static func header(of bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> ImageHeader {
        var image = emptyImage()
        defer { png_image_free(&image) }
        return try begin(&image, bytes, source)
    }

    /// Decodes a PNG. Grey, palette and 16-bit pictures become 8-bit RGB; a picture that states another gamma is
    /// converted to sRGB, one that states none is taken as sRGB. Where something is transparent it is refused: a camera
    /// sees no such thing.
    static func decode(_ bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> RGBImage {
        var image = emptyImage()
        defer { png_image_free(&image) }
        let header = try begin(&image, bytes, source)
        // 16-bit files without a stated gamma would otherwise be taken as linear light.
        image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        let hasAlpha = image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
        if hasAlpha { return try decodeOpaque(&image, header, source) }
        image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
        let pixels = try SharedBytes(count: header.width * header.height * 3) { (memory) throws(ImageError) in
            guard png_image_finish_read(&image, nil, memory.baseAddress, 0, nil) != 0 else {
                throw .undecodable(source: source, format: .png, problem: message(of: image))
            }
        }
        return RGBImage(width: header.width, height: header.height, pixels: pixels)
    }

    /// A picture with a channel for transparency, none of which is used.
    private static func decodeOpaque(
        _ image: inout png_image, _ header: ImageHeader, _ source: String
    ) throws(ImageError) -> RGBImage {
        image.format = UInt32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
        var pixels = [UInt8](repeating: 0, count: header.width * header.height * 4)
        guard png_image_finish_read(&image, nil, &pixels, 0, nil) != 0 else {
            throw .undecodable(source: source, format: .png, problem: message(of: image))
        }
        var rgb: [UInt8] = []
        rgb.reserveCapacity(header.width * header.height * 3)
        for start in stride(from: 0, to: pixels.count, by: 4) {
            guard pixels[start + 3] == 255 else { throw .transparent(source: source) }
            rgb += pixels[start..<start + 3]
        }
        return RGBImage(width: header.width, height: header.height, pixels: SharedBytes(copying: rgb))
    }

    static func encode(_ picture: RGBImage) throws(ImageError) -> SharedBytes {
        var image = emptyImage()
        defer { png_image_free(&image) }
        image.width = UInt32(picture.width)
        image.height = UInt32(picture.height)
        image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
        // One filter byte a row; zlib adds at most 5 bytes in 16 KiB to what it cannot compress, PNG 12 in 8 KiB.
        let raw = (picture.width * 3 + 1) * picture.height
        var size = png_alloc_size_t(raw + raw / 256 + 4096)
        var memory = [UInt8](repeating: 0, count: Int(size))
        let done = memory.withUnsafeMutableBytes {
            png_image_write_to_memory(&image, $0.baseAddress, &size, 0, picture.pixels.bytes.baseAddress, 0, nil)
        }
        guard done != 0 else {
            throw .notEncoded(format: .png, width: picture.width, height: picture.height, problem: message(of: image))
        }
        return SharedBytes(copying: memory[..<Int(size)])
    }

    private static func emptyImage() -> png_image {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        return image
    }

    private static func begin(
        _ image: inout png_image, _ bytes: UnsafeRawBufferPointer, _ source: String
    ) throws(ImageError) -> ImageHeader {
        guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
            throw .undecodable(source: source, format: .png, problem: message(of: image))
        }
        return try ImageHeader(format: .png, width: Int(image.width), height: Int(image.height), source: source)
    }

    private static func message(of image: png_image) -> String {
        withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
