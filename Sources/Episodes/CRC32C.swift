/// The Castagnoli CRC, 32 bits, that guards TFRecord files: reflected polynomial 0x82F63B78, begun and ended with all
/// bits set. Source: RFC 3720 appendix B.4; eight bytes a turn after Kounavis and Berry, "Novel Table Lookup-Based
/// Algorithms for High-Performance CRC Generation" (2008).
package enum CRC32C {
    private static let polynomial: UInt32 = 0x82F6_3B78

    /// Eight tables of 256: entry `256 * k + b` is the CRC of byte `b` followed by `k` zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
            tables[byte] = crc
        }
        for place in 256..<tables.count {
            let before = tables[place - 256]
            tables[place] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    /// The checksum of all bytes, which are only read, within their bounds; 0xE3069283 for the nine characters "123456789".
    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let tables = Self.tables
        var crc = UInt32.max
        var position = 0
        while position + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)) ^ UInt64(crc)
            crc = 0
            for place in 0..<8 {
                crc ^= tables[(7 - place) << 8 | Int(truncatingIfNeeded: word >> (8 * UInt64(place)) & 0xFF)]
            }
            position += 8
        }
        while position < bytes.count {
            crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[position])) & 0xFF)]
            position += 1
        }
        return ~crc
    }

    /// The checksum of an array or a slice of one. The pointer does not leave the call.
    package static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }
    package static func checksum(_ bytes: [UInt8]) -> UInt32 { checksum(bytes[...]) }

    /// The form that is stored: turned by 15 bits and moved, so that the CRC of data which holds CRCs stays telling.
    /// Source: the RLDS layout as TFDS 4.9 reads it.
    package static func masked(_ crc: UInt32) -> UInt32 { (crc >> 15 | crc << 17) &+ 0xA282_EAD8 }
}
