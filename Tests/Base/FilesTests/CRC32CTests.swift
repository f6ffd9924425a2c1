import Files
import TestSupport
import Testing

@Suite struct CRC32CTests {
    /// One bit at a time, straight from the definition.
    private func plain(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return ~crc
    }

    /// RFC 3720, appendix B.4, and the check value of the polynomial.
    @Test func agreesWithPublishedValues() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8]()) == 0)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum([UInt8](0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum([UInt8]((0..<32).reversed())) == 0x113F_DB5C)
    }

    @Test func theStoredFormIsMasked() {
        #expect(CRC32C.masked(0xE306_9283) == 0xC78A_B0E5)
    }

    @Test func eightBytesAtATimeAreAsGoodAsOneBit() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let bytes = (0..<200).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        for first in 0..<9 {
            for end in first...bytes.count {
                let slice = bytes[first..<end]
                #expect(CRC32C.checksum(slice) == plain(slice), "\(first)..<\(end), seed \(generator.seed)")
            }
        }
    }
}
