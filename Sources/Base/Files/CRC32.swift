/// The CRC of zlib, PNG and Ethernet, 32 bits, that guards MCAP files: reflected polynomial 0xEDB88320, begun and ended
/// with all bits set. Source: RFC 1952 section 8. 0xCBF43926 for the nine characters "123456789".
package struct CRC32: Sendable {
    private static let tables = CRCTables(polynomial: 0xEDB8_8320)
    private var state = UInt32.max

    package init() {}

    /// Continues a checksum from the value at which another one ended.
    package init(continuing value: UInt32) { state = ~value }

    /// The checksum of the bytes so far; 0 before the first.
    package var value: UInt32 { ~state }

    /// - Parameter bytes: read during the call only, within their bounds.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) { state = Self.tables.crc(from: state, over: bytes) }

    /// The pointer does not leave the call.
    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32()
        crc.update(bytes)
        return crc.value
    }

    /// The pointer does not leave the call.
    package static func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }
    package static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }
}

/// Computes a reflected 32-bit CRC sixteen bytes a turn, after Kounavis and Berry, "Novel Table Lookup-Based Algorithms
/// for High-Performance CRC Generation" (2008).
struct CRCTables: Sendable {
    private static let places = 16
    /// Entry `256 * k + b` is the CRC of byte `b` followed by `k` zero bytes.
    private let entries: [UInt32]

    init(polynomial: UInt32) {
        var entries = [UInt32](repeating: 0, count: Self.places * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
            entries[byte] = crc
        }
        for place in 256..<entries.count {
            let before = entries[place - 256]
            entries[place] = before >> 8 ^ entries[Int(before & 0xFF)]
        }
        self.entries = entries
    }

    /// The CRC's inner state after the bytes, which are only read, within their bounds.
    func crc(from state: UInt32, over bytes: UnsafeRawBufferPointer) -> UInt32 {
        // Every index is a place (0...15) times 256 and a byte: within the table, so that its own check may be left
        // out.
        entries.withUnsafeBufferPointer { table in
            var crc = state
            var position = 0
            while position + Self.places <= bytes.count {
                let low = word(of: bytes, at: position) ^ UInt64(crc)
                let high = word(of: bytes, at: position + 8)
                crc = eight(low, table, from: 15) ^ eight(high, table, from: 7)
                position += Self.places
            }
            while position < bytes.count {
                crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[position])]
                position += 1
            }
            return crc
        }
    }

    @inline(__always)
    private func word(of bytes: UnsafeRawBufferPointer, at position: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// What eight bytes add, the first of which stands `place` bytes before the end of the sixteen.
    @inline(__always)
    private func eight(_ word: UInt64, _ table: UnsafeBufferPointer<UInt32>, from place: Int) -> UInt32 {
        @inline(__always) func entry(_ index: Int) -> UInt32 {
            table[(place - index) << 8 | Int(UInt8(truncatingIfNeeded: word >> UInt64(8 * index)))]
        }
        return entry(0) ^ entry(1) ^ entry(2) ^ entry(3) ^ entry(4) ^ entry(5) ^ entry(6) ^ entry(7)
    }
}
