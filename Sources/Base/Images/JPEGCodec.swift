import CMendedJPEG
import CTurboJPEG
import Files

/// Reads and writes JPEG through TurboJPEG.
enum JPEGCodec {
    static func header(of bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> ImageHeader {
        guard let decoder = tjInitDecompress() else { throw noMemory(source) }
        defer { tjDestroy(decoder) }
        return try header(of: bytes, decoder, source)
    }

    /// Decodes a JPEG. Grey and YCbCr pictures become RGB, with the accurate inverse transform and smooth chroma as
    /// other decoders do by default. A picture that its EXIF data says is to be turned is refused. A warning counts as
    /// an error: the codec warns of missing data, fills it in grey, and a policy must not act on that. But what is only
    /// not as the standard has it, while every pixel is there, is mended: webcams put stray bytes before markers, begin
    /// twice, or forget the end.
    static func decode(_ bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> (RGBImage, isMended: Bool)
    {
        if let orientation = EXIFOrientation(of: bytes), orientation.isTurned {
            throw .turned(source: source, orientation: orientation.value)
        }
        do throws(ImageError) {
            return (try decodeStrictly(bytes, source: source), false)
        } catch {
            guard case .undecodable = error, let mended = decodeMending(bytes) else { throw error }
            return (mended, true)
        }
    }

    /// Decodes a file that is not as the standard has it but whose pixels are all there.
    /// - Returns: nil where a pixel is missing or wrong.
    private static func decodeMending(_ bytes: UnsafeRawBufferPointer) -> RGBImage? {
        var rest = bytes
        while rest.count > 4, rest.starts(with: [0xff, 0xd8, 0xff, 0xd8]) {
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(2))
        }
        let start = rest.bindMemory(to: UInt8.self).baseAddress
        var (width, height): (Int32, Int32) = (0, 0)
        guard octo_jpeg_mend(start, rest.count, &width, &height, nil) != 0,
            (try? ImageHeader(format: .jpeg, width: Int(width), height: Int(height), source: "")) != nil
        else { return nil }
        var isThere = false
        let pixels = SharedBytes(count: Int(width) * Int(height) * 3) { (memory) throws(Never) in
            let target = memory.bindMemory(to: UInt8.self).baseAddress
            isThere = octo_jpeg_mend(start, rest.count, &width, &height, target) != 0
        }
        return isThere ? RGBImage(width: Int(width), height: Int(height), pixels: pixels) : nil
    }

    private static func decodeStrictly(_ bytes: UnsafeRawBufferPointer, source: String) throws(ImageError) -> RGBImage {
        guard let decoder = tjInitDecompress() else { throw noMemory(source) }
        defer { tjDestroy(decoder) }
        let header = try header(of: bytes, decoder, source)
        let flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
        let pixels = try SharedBytes(count: header.width * header.height * 3) { (memory) throws(ImageError) in
            let result = tjDecompress2(
                decoder, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count),
                memory.bindMemory(to: UInt8.self).baseAddress, Int32(header.width), 0, Int32(header.height),
                Int32(TJPF_RGB.rawValue), flags)
            guard result == 0 else {
                throw .undecodable(source: source, format: .jpeg, problem: message(of: decoder))
            }
        }
        return RGBImage(width: header.width, height: header.height, pixels: pixels)
    }

    static func encode(_ picture: RGBImage, quality: Int) throws(ImageError) -> SharedBytes {
        func failure(_ problem: String) -> ImageError {
            .notEncoded(format: .jpeg, width: picture.width, height: picture.height, problem: problem)
        }
        guard let encoder = tjInitCompress() else { throw failure("no encoder could be made") }
        defer { tjDestroy(encoder) }
        var output: UnsafeMutablePointer<UInt8>?
        var size: UInt = 0
        defer { tjFree(output) }
        let result = tjCompress2(
            encoder, picture.pixels.bytes.bindMemory(to: UInt8.self).baseAddress, Int32(picture.width), 0,
            Int32(picture.height), Int32(TJPF_RGB.rawValue), &output, &size, Int32(TJSAMP_420.rawValue),
            Int32(quality), TJFLAG_ACCURATEDCT)
        guard result == 0, let output else { throw failure(message(of: encoder)) }
        return SharedBytes(copying: UnsafeBufferPointer(start: output, count: Int(size)))
    }

    private static func header(
        of bytes: UnsafeRawBufferPointer, _ decoder: tjhandle, _ source: String
    ) throws(ImageError) -> ImageHeader {
        var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let result = tjDecompressHeader3(
            decoder, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), &width, &height, &subsampling,
            &colours)
        guard result == 0 else { throw .undecodable(source: source, format: .jpeg, problem: message(of: decoder)) }
        return try ImageHeader(format: .jpeg, width: Int(width), height: Int(height), source: source)
    }

    private static func noMemory(_ source: String) -> ImageError {
        .undecodable(source: source, format: .jpeg, problem: "no decoder could be made: \(message(of: nil))")
    }

    private static func message(of handle: tjhandle?) -> String {
        tjGetErrorStr2(handle).map { String(cString: $0) } ?? "no reason given"
    }
}
