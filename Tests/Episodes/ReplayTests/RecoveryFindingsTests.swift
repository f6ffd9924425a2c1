import EpisodeFixture
import JSONTree
import MCAPFiles
import Replay
import Testing

@Suite struct RecoveryFindingsTests {
    private struct Bytes: MCAPSource {
        let bytes: [UInt8]
        var byteCount: UInt64 { UInt64(bytes.count) }
        func read(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8] {
            guard offset < byteCount else { return [] }
            return Array(bytes[Int(offset)..<min(bytes.count, Int(offset) + count)])
        }
    }

    private func findings(_ bytes: [UInt8]) throws -> RecoveryFindings {
        RecoveryFindings(try MCAPRecovery.recover(Bytes(bytes: bytes)) { _ in }, path: "a.mcap", output: "b.mcap")
    }

    private func episode() throws -> [UInt8] {
        var episode = try RecordedEpisode.run(seconds: 2)
        return try MCAPFile(path: episode.finish()).read(at: 0, count: .max)
    }

    @Test func aWholeFileLosesNothing() throws {
        let found = try findings(episode())
        #expect(!found.isLossy && found.text.contains("nothing is lost"))
        #expect(found.json["was_whole"]?.bool == true)
    }

    @Test func everyCutIsALoss() throws {
        let whole = try episode()
        let all = try #require(try findings(whole).json["messages"]?.int)
        for share in [0.1, 0.3, 0.5, 0.9] {
            let found = try findings(Array(whole[..<Int(Double(whole.count) * share)]))
            #expect(found.isLossy && found.json["was_whole"]?.bool == false)
            let kept = try #require(found.json["messages"]?.int)
            #expect(kept > 0 && kept < all)
        }
    }

    /// A byte in the middle is wrong: its chunk is named with its times, and the topics with what they miss.
    @Test func aDamagedChunkIsNamedWithBytesTimesAndNumbers() throws {
        var bytes = try episode()
        bytes[bytes.count / 2] ^= 0xFF
        bytes[bytes.count / 2 + 1] ^= 0xFF
        let found = try findings(bytes)
        #expect(found.isLossy && found.text.contains("damaged: bytes"))
        let damages = try #require(found.json["damages"]?.array)
        #expect(
            damages.contains {
                ($0["first_byte"]?.int ?? 0) <= bytes.count / 2 && ($0["end_byte"]?.int ?? 0) > bytes.count / 2
            })
    }

    @Test func whatIsMissingIsListedByTopic() throws {
        let found = try findings(episode())
        let wrist = try #require(found.json["topics"]?.array?.first { $0["name"]?.string == "camera/wrist/image" })
        #expect(wrist["missing"]?.int == 1 && wrist["missing_sequences"] == [[7, 7]])
        #expect(found.text.contains("camera/wrist/image"))
    }
}
