import Images

/// A picture as a NumPy array file: uint8, `[height, width, 3]`, so that `numpy.load` gives the very tensor that goes into
/// the network. Version 1.0 of numpy.lib.format.
enum NumPyFile {
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    /// The data begin at a multiple of this.
    private static let alignment = 64

    static func bytes(of image: RGBImage) -> SharedBytes {
        let header = Self.header(width: image.width, height: image.height)
        return SharedBytes(count: header.count + image.pixels.count) { (memory) throws(Never) in
            memory.copyBytes(from: header)
            UnsafeMutableRawBufferPointer(rebasing: memory[header.count...]).copyMemory(from: image.pixels.bytes)
        }
    }

    /// - Returns: nil unless these are the bytes that `bytes(of:)` gives for a picture of this size.
    static func image(_ file: SharedBytes, width: Int, height: Int) -> RGBImage? {
        let header = Self.header(width: width, height: height)
        guard file.count == header.count + width * height * 3, file.bytes.starts(with: header) else { return nil }
        let pixels = withExtendedLifetime(file) { SharedBytes(copying: file.bytes[header.count...]) }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private static func header(width: Int, height: Int) -> [UInt8] {
        var text = Array("{'descr': '|u1', 'fortran_order': False, 'shape': (\(height), \(width), 3), }".utf8)
        let fixed = magic.count + 2
        let total = (fixed + text.count + 1 + alignment - 1) / alignment * alignment
        text += [UInt8](repeating: UInt8(ascii: " "), count: total - fixed - text.count - 1) + [UInt8(ascii: "\n")]
        return magic + [UInt8(text.count & 0xff), UInt8(text.count >> 8)] + text
    }
}
