/// How a JPEG's EXIF data says its pixels are to be turned or mirrored before somebody looks at them (EXIF 2.3, section
/// 4.6.4, tag 0112).
struct EXIFOrientation: Equatable {
    /// Orientation of the pixels: 1 as they are, 2...8 turned or mirrored.
    let value: Int
    var isTurned: Bool { (2...8).contains(value) }

    /// Reads the orientation of a JPEG file; nil where the file says nothing, or nothing that can be read.
    init?(of bytes: UnsafeRawBufferPointer) {
        guard bytes.starts(with: [0xff, 0xd8]) else { return nil }
        var at = 2
        // Segments up to the coded pixels; EXIF data is in one of the first.
        while at + 4 <= bytes.count, bytes[at] == 0xff, bytes[at + 1] != 0xda {
            let length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
            guard length >= 2, at + 2 + length <= bytes.count else { return nil }
            let content = UnsafeRawBufferPointer(rebasing: bytes[at + 4..<at + 2 + length])
            if bytes[at + 1] == 0xe1, content.starts(with: Array("Exif\0\0".utf8)) {
                guard let value = Self.orientation(UnsafeRawBufferPointer(rebasing: content.dropFirst(6))) else {
                    return nil
                }
                self.value = value
                return
            }
            at += 2 + length
        }
        return nil
    }

    /// Reads the orientation's number from EXIF data; nil if it is not there or the data is damaged.
    /// - Parameter tiff: the EXIF data, beginning with the byte order.
    private static func orientation(_ tiff: UnsafeRawBufferPointer) -> Int? {
        let isBig = tiff.starts(with: Array("MM".utf8))
        guard tiff.count >= 8, isBig || tiff.starts(with: Array("II".utf8)) else { return nil }
        func number(_ at: Int, bytes count: Int) -> Int? {
            guard at >= 0, at + count <= tiff.count else { return nil }
            return (0..<count).reduce(0) { sum, index in
                sum << 8 | Int(tiff[isBig ? at + index : at + count - 1 - index])
            }
        }
        guard let directory = number(4, bytes: 4), let count = number(directory, bytes: 2) else { return nil }
        for index in 0..<count {
            let entry = directory + 2 + index * 12
            guard let tag = number(entry, bytes: 2) else { return nil }
            if tag == 0x0112 { return number(entry + 8, bytes: 2) }
        }
        return nil
    }
}
