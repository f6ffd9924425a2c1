/// The Castagnoli CRC, 32 bits, that guards TFRecord files: reflected polynomial 0x82F63B78, begun and ended with all
/// bits set. Source: RFC 3720 appendix B.4.
package enum CRC32C {
    private static let tables = CRCTables(polynomial: 0x82F6_3B78)

    /// The checksum of all bytes, which are only read, within their bounds; 0xE3069283 for the nine characters
    /// "123456789".
    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 { ~tables.crc(from: .max, over: bytes) }

    /// The checksum of an array or a slice of one. The pointer does not leave the call.
    package static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }
    package static func checksum(_ bytes: [UInt8]) -> UInt32 { checksum(bytes[...]) }

    /// The form that is stored: turned by 15 bits and moved, so that the CRC of data which holds CRCs stays telling.
    /// Source: the RLDS layout as TFDS 4.9 reads it.
    package static func masked(_ crc: UInt32) -> UInt32 { (crc >> 15 | crc << 17) &+ 0xA282_EAD8 }
}
