import Files
import Images
import TestSupport
import Testing

@Suite struct ContentHashTests {
    /// Values published with the algorithm.
    @Test(arguments: [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)])
    func matchesThePublishedValues(text: String, expected: UInt64) {
        #expect(SharedBytes(copying: Array(text.utf8)).contentHash == expected)
    }

    @Test func partsGiveTheSameAsTheWhole() {
        var (whole, parts) = (ContentHash(), ContentHash())
        let bytes: [UInt8] = [1, 2, 3, 4, 5]
        bytes.withUnsafeBytes { whole.combine($0) }
        bytes[..<2].withUnsafeBytes { parts.combine($0) }
        bytes[2...].withUnsafeBytes { parts.combine($0) }
        #expect(whole.value == parts.value)
    }

    @Test func oneChangedByteChangesIt() {
        var generator = SeededGenerator(seed: 8)
        var bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let before = SharedBytes(copying: bytes).contentHash
        bytes[Int.random(in: 0..<1000, using: &generator)] ^= 1
        #expect(SharedBytes(copying: bytes).contentHash != before, "seed \(generator.seed)")
    }

    @Test func textsCannotBeSplitInAnotherWay() {
        var (a, b) = (ContentHash(), ContentHash())
        for text in ["ab", "c"] { a.combine(text) }
        for text in ["a", "bc"] { b.combine(text) }
        #expect(a.value != b.value)
    }
}
