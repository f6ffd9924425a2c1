import MCAPFiles
import TestSupport
import Testing

/// Files that are cut or damaged: what was written whole is there.
@Suite struct MCAPRecoveryTests {
    private func messages(_ file: [UInt8]) throws -> [MCAP.Message] {
        var cursor = try MCAPReader(MCAPBytes(file)).messages()
        return try cursor.all().map(\.message)
    }

    @Test(arguments: MCAPTests.compressions)
    func aFileThatIsCutAtAnyByteOfItsEndOpensAndIsMended(_ compression: MCAP.Compression) throws {
        var generator = SeededGenerator(seed: 1)
        let made = MadeRecording(messages: 60, bytes: 60, using: &generator)
        let pieces = try made.pieces(.init(compression: compression, chunkBytes: 900))
        let whole = pieces.flatMap { $0 }
        var ends: [(bytes: Int, messages: Int)] = []
        var bytes = 0
        var count = 0
        for piece in pieces {
            // A parser of the pieces tells how many messages were flushed with each of them.
            bytes += piece.count
            var parser = MCAPParser()
            parser.append(whole[..<bytes])
            count = 0
            while let record = try parser.next() { if case .message = record { count += 1 } }
            ends.append((bytes, count))
        }
        try #require(ends.count > 6 && count == 60)
        let first = ends[ends.count - 5].bytes
        for cut in first..<whole.count {
            let flushed = ends.last { $0.bytes <= cut }?.messages ?? 0
            let file = Array(whole[..<cut])
            let opened = try messages(file)
            #expect(opened.count >= flushed && opened == Array(made.messages[..<opened.count]), "opened, cut at \(cut)")
            let (report, mended) = try MCAPRecovery.recover(file, options: .init(compression: compression))
            #expect(!report.wasWhole && report.messages == UInt64(opened.count), "mended, cut at \(cut)")
            let reader = try MCAPReader(MCAPBytes(mended))
            #expect(reader.isFinished && reader.problems.isEmpty, "cut at \(cut)")
            #expect(try messages(mended) == opened, "cut at \(cut)")
            #expect(report.attachments == 1 && report.metadata == 1)
        }
        let (report, mended) = try MCAPRecovery.recover(whole)
        #expect(report.wasWhole && report.damages.isEmpty && report.lost == 0)
        #expect(try messages(mended) == made.messages)
    }

    /// zstd and LZ4 work in blocks: those that are there come out.
    @Test(arguments: MCAPTests.compressions)
    func theWholeBlocksOfACutChunkAreRead(_ compression: MCAP.Compression) throws {
        var generator = SeededGenerator(seed: 2)
        let made = MadeRecording(messages: 2000, bytes: 600, using: &generator)
        let file = try made.file(.init(compression: compression, chunkBytes: 1 << 30))
        let opened = try messages(Array(file[..<(file.count / 2)]))
        #expect(opened.count > 500 && opened == Array(made.messages[..<opened.count]))
    }

    @Test func aDamagedPlaceCostsOnlyItsChunk() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let made = MadeRecording(messages: 300, bytes: 100, using: &generator)
        let pieces = try made.pieces(.init(compression: .zstd(level: 1), chunkBytes: 3000))
        let whole = pieces.flatMap { $0 }
        let perChunk = 300 / (pieces.count - 2) + 5
        for _ in 0..<300 {
            var file = whole
            // 40 bytes behind the definitions are overwritten, wherever that is: prefixes, lengths, content.
            let place = Int.random(in: pieces[0].count..<whole.count - 40, using: &generator)
            for index in place..<place + 40 { file[index] = UInt8.random(in: 0...255, using: &generator) }
            let (report, mended) = try MCAPRecovery.recover(file)
            #expect(!report.wasWhole && !report.damages.isEmpty, "at \(place), seed \(generator.seed)")
            let found = try messages(mended)
            #expect(found.count >= 300 - 2 * perChunk, "\(found.count) at \(place), seed \(generator.seed)")
            let reader = try MCAPReader(MCAPBytes(mended))
            #expect(reader.isFinished && reader.metadata.contains { $0.name == MCAPRecovery.metadataName })
        }
    }

    @Test func aGapInTheMiddleIsReportedWithItsRanges() throws {
        var generator = SeededGenerator(seed: 4)
        let made = MadeRecording(messages: 90, topics: 1, bytes: 50, using: &generator)
        let pieces = try made.pieces(.init(compression: .none, chunkBytes: 900))
        // The records of the second chunk are gone, its index is left.
        var file = pieces.flatMap { $0 }
        let start = pieces[0].count
        let lengthPlace = start + 1
        let length = (0..<8).reduce(0) { $0 | Int(file[lengthPlace + $1]) << (8 * $1) }
        for index in start + 9 + 40..<start + 9 + length { file[index] = 0 }
        let (report, mended) = try MCAPRecovery.recover(file)
        let topic = try #require(report.topics.first)
        let missing = try #require(topic.missing.first)
        #expect(topic.missing.count == 1 && topic.lost == UInt64(missing.count) && topic.messages == 90 - topic.lost)
        #expect(report.lost == topic.lost && topic.lost > 5)
        let times = try #require(report.damages.first?.times)
        #expect(times.lowerBound == made.messages[Int(missing.lowerBound)].logTime)
        #expect(times.upperBound == made.messages[Int(missing.upperBound)].logTime)
        let reader = try MCAPReader(MCAPBytes(mended))
        let index = try #require(reader.metadata.first { $0.name == MCAPRecovery.metadataName })
        #expect(
            try reader.metadata(index).metadata["missing"] == "topic/0: \(missing.lowerBound)-\(missing.upperBound)")
    }

    @Test func definitionsAtTheEndServeWhereThoseAtTheBeginningAreLost() throws {
        var generator = SeededGenerator(seed: 5)
        let made = MadeRecording(messages: 100, bytes: 100, using: &generator)
        let pieces = try made.pieces(.init(chunkBytes: 2000))
        var file = pieces.flatMap { $0 }
        for index in 60..<pieces[0].count { file[index] = 0 }
        let (report, mended) = try MCAPRecovery.recover(file)
        #expect(report.orphanMessages == 0 && report.messages > 70)
        #expect(try MCAPReader(MCAPBytes(mended)).topics == ["topic/0", "topic/1", "topic/2"])
    }

    @Test func recordsBeforeTheFirstMagicBytesAreFoundToo() throws {
        var generator = SeededGenerator(seed: 6)
        let made = MadeRecording(messages: 50, bytes: 100, using: &generator)
        var file = try made.file(.init(chunkBytes: 2000))
        for index in 0..<8 { file[index] = 0 }
        let (report, _) = try MCAPRecovery.recover(file)
        #expect(report.messages == 50 && report.damages.first?.problem == .magic(offset: 0))
        let (nothing, empty) = try MCAPRecovery.recover([UInt8](repeating: 7, count: 5000))
        #expect(nothing.messages == 0)
        #expect(try MCAPReader(MCAPBytes(empty)).isFinished)
        #expect(try MCAPRecovery.recover([]).0.messages == 0)
    }
}
