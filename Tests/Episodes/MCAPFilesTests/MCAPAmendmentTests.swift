import Foundation
import MCAPFiles
import TestSupport
import Testing

/// A finished file learns something more.
@Suite struct MCAPAmendmentTests {
    private let added = MCAP.Metadata(name: "episode/amended", metadata: ["outcome": "success"])

    private func amended(_ file: [UInt8], with metadata: [MCAP.Metadata]) throws -> [UInt8] {
        let (offset, tail) = try MCAPAmendment.tail(of: MCAPBytes(file), adding: metadata)
        return Array(file[..<Int(offset)]) + tail
    }

    @Test(arguments: MCAPTests.compressions)
    func everythingStaysAndTheNewIsThere(_ compression: MCAP.Compression) throws {
        var generator = SeededGenerator(seed: 3)
        let made = MadeRecording(messages: 60, using: &generator)
        let file = try made.file(.init(compression: compression, chunkBytes: 2000))
        var mended = file
        for round in 1...3 {
            mended = try amended(mended, with: [added])
            let reader = try MCAPReader(MCAPBytes(mended))
            #expect(reader.isFinished && reader.problems.isEmpty)
            #expect(reader.metadata.map(\.name) == ["machine"] + Array(repeating: added.name, count: round))
            #expect(try reader.metadata(try #require(reader.metadata.last)) == added)
            #expect(reader.statistics.metadataCount == UInt32(1 + round) && reader.statistics.messageCount == 60)
            var messages = reader.messages()
            #expect(try messages.all().map(\.message) == made.messages)
        }
        // The checksum of the data is of all of it: recovery reads it through, and finds nothing to mend.
        let (report, _) = try MCAPRecovery.recover(mended)
        #expect(report.wasWhole && report.messages == 60 && report.metadata == 4)
    }

    @Test func aFileWithoutItsEndIsNotTouched() throws {
        var generator = SeededGenerator(seed: 4)
        let file = try MadeRecording(messages: 10, using: &generator).file(.init())
        for cut in [file.count - 1, file.count / 2, 30] {
            #expect(throws: MCAPError.self) { try amended(Array(file[..<cut]), with: [added]) }
        }
    }

    /// Whatever part of the new tail is there, and whatever of the old is left behind it: no message is lost.
    @Test func aKillAtAnyByteLosesNoMessage() throws {
        var generator = SeededGenerator(seed: 5)
        let made = MadeRecording(messages: 12, using: &generator)
        let file = try made.file(.init(chunkBytes: 1000))
        let (offset, tail) = try MCAPAmendment.tail(of: MCAPBytes(file), adding: [added])
        for written in 0...tail.count {
            let kept = Int(offset) + written
            let cut = Array(file[..<Int(offset)]) + tail[..<written] + (kept < file.count ? Array(file[kept...]) : [])
            let (report, mended) = try MCAPRecovery.recover(cut)
            #expect(report.messages == 12, "\(written) bytes written")
            let reader = try MCAPReader(MCAPBytes(mended))
            var messages = reader.messages()
            #expect(try messages.all().map(\.message) == made.messages)
        }
    }

    @Test func aFileOnDiskIsChangedInItsPlace() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 6)
        let path = try folder.write(try MadeRecording(messages: 10, using: &generator).file(.init()), to: "a.mcap")
        try MCAPAmendment.amend(path, adding: [added])
        let reader = try MCAPReader(MCAPFile(path: path))
        #expect(reader.isFinished && reader.metadata.last?.name == added.name)
        #expect(throws: MCAPError.self) { try MCAPAmendment.amend(path + "-none", adding: [added]) }
    }
}
