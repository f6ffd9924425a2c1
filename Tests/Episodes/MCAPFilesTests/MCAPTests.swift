import Files
import Foundation
import MCAPFiles
import TestSupport
import Testing

@Suite struct MCAPTests {
    static let compressions: [MCAP.Compression] = [.none, .zstd(level: 1), .zstd(level: 3), .lz4]

    // MARK: The checksum

    @Test func theChecksumIsThatOfZlib() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(CRC32().value == 0 && CRC32.checksum([]) == 0)
        // From zlib's crc32: 1000 bytes of 0xA5.
        #expect(CRC32.checksum([UInt8](repeating: 0, count: 32)) == 0x190A_55AD)
    }

    @Test func theChecksumOfPiecesIsThatOfTheWholeByThePlainWayToo() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let bytes = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var plain = UInt32.max
        for byte in bytes {
            plain ^= UInt32(byte)
            for _ in 0..<8 { plain = plain & 1 == 1 ? plain >> 1 ^ 0xEDB8_8320 : plain >> 1 }
        }
        #expect(CRC32.checksum(bytes) == ~plain)
        for _ in 0..<100 {
            var crc = CRC32()
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            crc.update(Array(bytes[..<cut]))
            crc.update(Array(bytes[cut...]))
            #expect(crc.value == ~plain, "cut at \(cut), seed \(generator.seed)")
        }
    }

    // MARK: Writing and reading

    @Test(arguments: compressions)
    func whatIsWrittenIsReadInOrder(_ compression: MCAP.Compression) throws {
        var generator = SeededGenerator(seed: 5)
        let made = MadeRecording(messages: 500, using: &generator)
        let file = try made.file(.init(compression: compression, chunkBytes: 8192))
        let records = try MCAPParser.records(of: file, pieces: 1000)
        let messages = records.compactMap { if case .message(let message) = $0 { message } else { nil } }
        #expect(messages == made.messages)
        let reader = try MCAPReader(MCAPBytes(file))
        #expect(reader.isFinished && reader.problems.isEmpty)
        #expect(reader.statistics.messageCount == 500 && reader.statistics.chunkCount > 10)
        #expect(reader.topics == ["topic/0", "topic/1", "topic/2"])
        var cursor = reader.messages()
        #expect(try cursor.all().map(\.message) == made.messages)
        #expect(try reader.attachments.map { try reader.attachment($0) } == [made.attachment])
        #expect(try reader.metadata.map { try reader.metadata($0) } == [made.metadata])
    }

    @Test func topicsAndTimesAreChosen() throws {
        var generator = SeededGenerator(seed: 6)
        let made = MadeRecording(messages: 300, using: &generator)
        let reader = try MCAPReader(MCAPBytes(try made.file(.init(chunkBytes: 4096))))
        let times = made.messages[50].logTime...made.messages[120].logTime
        var cursor = reader.messages(of: ["topic/1"], in: times)
        let found = try cursor.all()
        #expect(found.map(\.message) == made.messages[50...120].filter { $0.channelID == 2 })
        #expect(found.allSatisfy { $0.channel.topic == "topic/1" })
        var none = reader.messages(of: ["topic/9"])
        #expect(try none.next() == nil)
    }

    @Test func messagesOfOverlappingChunksComeInTheOrderOfTheirTimes() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<20 {
            var made = MadeRecording(messages: 200, bytes: 30, using: &generator)
            for index in made.messages.indices {
                made.messages[index].logTime = UInt64.random(in: 0...50, using: &generator)
            }
            let features: MCAPWriter.Features = Bool.random(using: &generator) ? .all : [.chunks]
            let reader = try MCAPReader(
                MCAPBytes(try made.file(.init(features: features, compression: .none, chunkBytes: 700))))
            var cursor = reader.messages()
            let found = try cursor.all().map(\.message)
            let times = found.map(\.logTime)
            #expect(times == times.sorted() && found.count == 200, "seed \(generator.seed)")
            #expect(Set(found.map { "\($0)" }) == Set(made.messages.map { "\($0)" }), "seed \(generator.seed)")
        }
    }

    @Test func wrongUseOfTheWriterIsRefusedAndChangesNothing() throws {
        var writer = MCAPWriter(.init(compression: .none))
        let channel = MCAP.Channel(id: 1, schemaID: 2, topic: "a", messageEncoding: "")
        let message = MCAP.Message(channelID: 1, logTime: 0, publishTime: 0, data: [])
        #expect(throws: MCAPWriteError.undefined(.schema, id: 2)) { try writer.write(channel) }
        #expect(throws: MCAPWriteError.undefined(.channel, id: 1)) { try writer.write(message) }
        #expect(throws: MCAPWriteError.zeroSchemaID) {
            try writer.write(MCAP.Schema(id: 0, name: "", encoding: "", data: []))
        }
        let schema = MCAP.Schema(id: 2, name: "a", encoding: "", data: [])
        try writer.write(schema)
        try writer.write(schema)
        var other = schema
        other.name = "b"
        #expect(throws: MCAPWriteError.conflicting(.schema, id: 2)) { try writer.write(other) }
        try writer.write(channel)
        try writer.write(channel)
        #expect(throws: MCAPWriteError.conflicting(.channel, id: 1)) {
            try writer.write(MCAP.Channel(id: 1, schemaID: 2, topic: "b", messageEncoding: ""))
        }
        try writer.write(message)
        try writer.finish()
        #expect(throws: MCAPWriteError.finished) { try writer.write(message) }
        #expect(throws: MCAPWriteError.finished) { try writer.finish() }
        #expect(writer.statistics.messageCount == 1 && writer.statistics.schemaCount == 1)
        let records = try MCAPParser.records(of: writer.takeBytes())
        // In the chunk, and in the summary.
        #expect(records.filter { if case .schema = $0 { true } else { false } }.count == 2)
    }

    // MARK: Wrong bytes

    @Test func aByteThatChangesIsSeen() throws {
        var generator = SeededGenerator(seed: 8)
        let file = try MadeRecording(messages: 40, using: &generator).file(.init(chunkBytes: 2000))
        #expect(try MCAPParser.records(of: file).count > 40)
        for place in file.indices {
            var changed = file
            changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            let found = try? MCAPParser.records(of: changed)
            #expect(found == nil, "byte \(place) of \(file.count)")
        }
    }

    @Test func bytesBehindTheFieldsArePassedOver() throws {
        var generator = SeededGenerator(seed: 9)
        let made = MadeRecording(messages: 10, using: &generator)
        let plain = try MCAPParser.records(of: made.file(.init(compression: .none)))
        let padded = try MCAPParser.records(of: made.file(.init(compression: .none, padding: [9, 9, 9, 9])))
        #expect(plain.count == padded.count)
    }

    @Test func unknownRecordsArePassedOver() throws {
        var writer = MCAPWriter(.init(features: []))
        try writer.finish()
        var file = writer.takeBytes()
        var added: [UInt8] = []
        MCAP.Record.unknown(opcode: 0x80, content: [1, 2]).append(to: &added)
        let headerEnd = 8 + 9 + 8
        file.insert(contentsOf: added, at: headerEnd)
        #expect(throws: MCAPError.self) { try MCAPParser.records(of: file) }  // the data's checksum
        // With the checksum taken out it is a correct file.
        let end = headerEnd + added.count
        for place in end + 9..<end + 13 { file[place] = 0 }
        #expect(try MCAPParser.records(of: file).contains(.unknown(opcode: 0x80, content: [1, 2])))
    }

    @Test func aChunkThatClaimsTooMuchIsRefused() throws {
        var generator = SeededGenerator(seed: 10)
        let file = try MadeRecording(messages: 50, using: &generator).file(.init(chunkBytes: 1 << 20))
        #expect(throws: MCAPError.self) { try MCAPParser.records(of: file, limits: .init(chunkBytes: 1000)) }
        #expect(throws: MCAPError.self) { try MCAPParser.records(of: file, limits: .init(recordBytes: 1000)) }
    }

    @Test func errorsSayWhatToDo() throws {
        let errors: [MCAPError] = [
            .magic(offset: 0), .magic(offset: 9), .cut(offset: 1, needed: 2, found: 1),
            .content(.channel, offset: 3, .notText(field: "topic")), .zeroOpcode(offset: 1),
            .unknownRecord(opcode: 99, offset: 4), .tooLong(opcode: 6, offset: 1, length: 9, limit: 3),
            .misplaced(.chunk, offset: 1), .checksum(.chunk, offset: 1, stored: 1, computed: 2),
            .unknownCompression("xz", offset: 3), .decompression("lz4", offset: 1, found: 2, expected: 3),
            .bytesAfterEnd(offset: 7), .undefined(.channel, id: 3, offset: 1), .conflicting(.schema, id: 1, offset: 1),
            .noSummary, .rewriting(.undefined(.schema, id: 3), offset: 1),
        ]
        for error in errors {
            let text = error.description
            #expect(text.contains(": ") && text.contains("expected") && text.hasSuffix("."), "\(text)")
        }
        for error: MCAPWriteError in [
            .finished, .undefined(.channel, id: 1), .conflicting(.schema, id: 2), .zeroSchemaID,
        ] {
            #expect(error.description.contains("expected") && error.description.hasSuffix("."))
        }
        // A call that failed leaves to say what to do.
        #expect(
            MCAPError.file(path: "/a", step: "opening", errno: 2).description.hasPrefix(
                "opening /a: No such file or directory. Check that the folder is there"))
        #expect(
            MCAPWriteError.compression("zstd", byteCount: 1).description.hasPrefix(
                "compressing a chunk of 1 bytes: zstd failed. Memory is short"))
        for problem: MCAPFieldProblem in [
            .short(field: "id", needed: 2, found: 1), .uneven(field: "records", byteCount: 3), .zeroID,
            .checksum(stored: 1, computed: 2),
        ] {
            #expect(problem.description.contains("expected"))
        }
    }

    @Test func aFileOnDiskIsReadAsBytesAre() throws {
        var generator = SeededGenerator(seed: 11)
        let made = MadeRecording(messages: 100, using: &generator)
        let folder = try TemporaryFolder()
        let path = try folder.write(made.file(.init(chunkBytes: 4096)), to: "a.mcap")
        var cursor = try MCAPReader(MCAPFile(path: path)).messages()
        #expect(try cursor.all().map(\.message) == made.messages)
        #expect(throws: MCAPError.file(path: path + "x", step: "opening", errno: ENOENT)) {
            try MCAPFile(path: path + "x")
        }
        #expect(throws: MCAPError.magic(offset: 0)) { try MCAPReader(MCAPBytes([1, 2, 3])) }
    }
}
