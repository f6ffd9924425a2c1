import Files

/// FNV-1a with 64 bits (Fowler, Noll, Vo): tells one picture from the next. It is quick and stable across machines and
/// versions, and no protection against somebody who wants two pictures to look alike.
package struct ContentHash: Sendable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    /// Takes in `bytes`; the same bytes in several parts give the same value as in one.
    package mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        var hash = value
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        value = hash
    }

    /// Takes in the eight bytes of a number, least significant first.
    package mutating func combine(_ number: Int) {
        withUnsafeBytes(of: Int64(number).littleEndian) { combine($0) }
    }

    /// Takes in a text with its length, so that two texts in a row cannot be split in another way.
    package mutating func combine(_ text: String) {
        combine(text.utf8.count)
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }
}

extension SharedBytes {
    /// FNV-1a of all bytes: what `CameraFrame.contentHash` holds. It reads every byte, so keep the result.
    package var contentHash: UInt64 {
        var hash = ContentHash()
        hash.combine(bytes)
        return hash.value
    }
}
