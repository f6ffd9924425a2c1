import CPNG

/// PNG through libpng's simplified API, which returns its errors: the classic one leaves by longjmp, and that must not
/// cross Swift frames.
enum PNGCodec {
    static func header(of bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> ImageHeader {
        var image = emptyImage()
        defer { png_image_free(&image) }
        return try begin(&image, bytes, source)
    }

    /// Grey, palette and 16-bit pictures become 8-bit RGB; transparency is laid over black; a picture that states
    /// another gamma is converted to sRGB, one that states none is taken as sRGB.
    static func decode(_ bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> RGBImage {
        var image = emptyImage()
        defer { png_image_free(&image) }
        let header = try begin(&image, bytes, source)
        // 16-bit files without a stated gamma would otherwise be taken as linear light.
        image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
        var black = png_color(red: 0, green: 0, blue: 0)
        let pixels = try SharedBytes(count: header.width * header.height * 3) { (memory) throws(ImageError) in
            guard png_image_finish_read(&image, &black, memory.baseAddress, 0, nil) != 0 else {
                throw .undecodable(source: source, format: .png, problem: message(of: image))
            }
        }
        return RGBImage(width: header.width, height: header.height, pixels: pixels)
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
