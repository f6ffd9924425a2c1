import Digests
import Files
import TestSupport
import Testing

@Suite struct DigestTests {
    private func bytes(_ text: String) -> SharedBytes { SharedBytes(copying: Array(text.utf8)) }

    // MARK: XXH3

    /// Values of the reference implementation, xxHash 0.8.1.
    @Test(arguments: [("", 0x2d06_8005_38d3_94c2), ("a", 0xe6c6_32b6_1e96_4e1f), ("foobar", 0xd78f_da63_144c_5c84)])
    func xxh3IsTheReferences(text: String, expected: UInt64) { #expect(bytes(text).xxh3 == expected) }

    @Test func oneChangedByteChangesIt() {
        var generator = SeededGenerator(seed: 8)
        var bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let before = SharedBytes(copying: bytes).xxh3
        bytes[Int.random(in: 0..<1000, using: &generator)] ^= 1
        #expect(SharedBytes(copying: bytes).xxh3 != before, "seed \(generator.seed)")
    }

    // MARK: SHA-256

    /// Values published with the algorithm (FIPS 180-4, examples), as `sha256sum` prints them.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ]) func sha256IsThePublished(text: String, expected: String) { #expect(bytes(text).sha256 == expected) }

    @Test func aFilesDigestIsThatOfItsBytesHoweverLarge() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for count in [0, 1, 1 << 20, 3 << 20 + 5] {
            let content = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let path = try folder.write(content, to: "file")
            let (hex, byteCount) = try FileSystem.sha256(path).get()
            #expect(hex == SharedBytes(copying: content).sha256 && byteCount == count, "seed \(generator.seed)")
        }
        #expect(throws: SystemError.self) { _ = try FileSystem.sha256(folder.file("none")).get() }
        #expect(throws: SystemError.self) { _ = try FileSystem.sha256(folder.path).get() }
    }

    @Test func partsGiveTheSameAsTheWhole() {
        var parts = ContentDigest()
        let content: [UInt8] = [1, 2, 3, 4, 5]
        content[..<2].withUnsafeBytes { parts.combine($0) }
        content[2...].withUnsafeBytes { parts.combine($0) }
        #expect(parts.hex == SharedBytes(copying: content).sha256)
    }

    @Test func textsCannotBeSplitInAnotherWay() {
        var (a, b) = (ContentDigest(), ContentDigest())
        for text in ["ab", "c"] { a.combine(text) }
        for text in ["a", "bc"] { b.combine(text) }
        #expect(a.hex != b.hex)
    }
}
