/// What the markers of a JPEG say, found without decoding it.
///
/// A camera's JPEG that lost data on the cable ends early: it has no end marker, or not the announced size. Some
/// cameras forget the end marker, too: only decoding tells. Damage within the coded pixels only decoding finds, which
/// whoever decodes does. ITU-T T.81, annex B.
struct JPEGOutline: Equatable {
    var width: Int
    var height: Int
    /// Whether the end marker is there.
    var hasEnd: Bool

    /// Reads the markers; nil unless the bytes start with a picture that has coded pixels; what follows its end does
    /// not count, as cameras fill up their buffers. A second beginning, and bytes between segments, which some cameras
    /// send, are passed over.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.starts(with: [0xff, 0xd8]) else { return nil }
        var (at, size): (Int, (width: Int, height: Int)?) = (2, nil)
        var hasScan = false
        var hasSegment = false
        var padding = 0
        while at + 1 < bytes.count {
            guard bytes[at] == 0xff else {
                padding += 1
                guard padding <= Self.mostPadding else { return nil }
                at += 1
                continue
            }
            let marker = bytes[at + 1]
            switch marker {
            case 0xff:  // fill
                at += 1
                continue
            case 0xd9:  // end of image
                guard let size, hasScan, size.width > 0, size.height > 0 else { return nil }
                (width, height, hasEnd) = (size.width, size.height, true)
                return
            case 0x01, 0xd0...0xd7: at += 2  // without content
            case 0xd8 where !hasSegment: at += 2
            case 0x00, 0xd8: return nil
            default:
                hasSegment = true
                guard at + 3 < bytes.count else { return nil }
                let length = Self.number(bytes, at + 2)
                guard length >= 2, at + 2 + length <= bytes.count else { return nil }
                // Frame headers are C0...CF but for tables (C4, CC) and an extension (C8).
                if (0xc0...0xcf).contains(marker), ![0xc4, 0xc8, 0xcc].contains(marker) {
                    guard length >= 8 else { return nil }
                    size = (Self.number(bytes, at + 7), Self.number(bytes, at + 5))
                }
                at += 2 + length
                if marker == 0xda {  // start of scan: coded pixels up to the next marker
                    hasScan = true
                    at = Self.endOfScan(bytes, from: at)
                }
            }
        }
        guard let size, hasScan, size.width > 0, size.height > 0 else { return nil }
        (width, height, hasEnd) = (size.width, size.height, false)
    }

    /// Bytes between segments, more of which are no padding.
    private static let mostPadding = 4096

    private static func number(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        Int(bytes[at]) << 8 | Int(bytes[at + 1])
    }

    /// The end of coded pixels, in which FF is followed by 00 or a restart marker.
    private static func endOfScan(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var at = start
        while at + 1 < bytes.count {
            if bytes[at] == 0xff, bytes[at + 1] != 0, !(0xd0...0xd7).contains(bytes[at + 1]) { return at }
            at += 1
        }
        return bytes.count
    }
}
