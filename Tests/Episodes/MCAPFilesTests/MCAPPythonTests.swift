import Foundation
import JSONTree
import MCAPFiles
import TestSupport
import Testing

/// Others' reader opens what we write.
@Suite struct MCAPPythonTests {
    private static let python = TestPython.path(with: ["mcap", "zstandard", "lz4"], namedBy: "OCTO_MCAP_PYTHON")
    private static let missing: Comment = "no python3 with mcap, zstandard and lz4; OCTO_MCAP_PYTHON can name one"

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func check(_ theirs: JSONNode, _ made: MadeRecording, _ compression: MCAP.Compression) throws {
        let expected = made.messages.map { message in
            let topic = Int(message.channelID) - 1
            return [
                "topic/\(topic)", "octo.Thing\(topic)", "\(message.sequence)", "\(message.logTime)",
                "\(message.publishTime)",
                hex(message.data),
            ]
        }
        for order in ["messages", "in_file_order"] {
            let found = theirs[order]?.array?.map { $0.array?.map { $0.string ?? "\($0.int ?? -1)" } ?? [] }
            #expect(found == expected, "\(order), \(compression)")
        }
        let count = made.messages.count
        #expect(theirs["streamed"]?.int == count && theirs["counts"]?.array?[0].int == count)
        #expect(theirs["counts"]?.array?[1].int == theirs["counts"]?.array?[2].int)
        #expect(theirs["compressions"]?.array?.map { $0.string } == [compression.name])
        #expect(theirs["attachments"]?.array?.first?.array?.first?.string == made.attachment.name)
        #expect(theirs["attachments"]?.array?.first?.array?.last?.string == hex(made.attachment.data))
        #expect(theirs["metadata"]?.array?.first?.array?.last?["cores"]?.string == "2")
    }

    @Test(.enabled(if: python != nil, missing))
    func thePythonReaderReadsWhatWeWriteAndWhatWeMend() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 13)
        let made = MadeRecording(messages: 100, using: &generator)
        var paths: [String] = []
        for (index, compression) in MCAPTests.compressions.enumerated() {
            let file = try made.file(.init(compression: compression, chunkBytes: 3000))
            paths.append(try folder.write(file, to: "\(index).mcap"))
            // Cut at the last record of its data, and mended.
            let (_, mended) = try MCAPRecovery.recover(
                Array(file[..<(file.count - 500)]), options: .init(compression: compression))
            paths.append(try folder.write(mended, to: "\(index)-mended.mcap"))
        }
        let (exitCode, output) = try TestPython.run(
            try #require(Self.python), "Tests/Episodes/MCAPFilesTests/mcap_check.py", paths)
        try #require(exitCode == 0, "its complaint stands above")
        let found = try #require(try JSONNode(parsing: output).array)
        try #require(found.count == paths.count)
        for (index, theirs) in found.enumerated() {
            try check(theirs, made, MCAPTests.compressions[index / 2])
        }
    }

    /// The check above can fail.
    @Test(.enabled(if: python != nil, missing))
    func thePythonReaderSeesADamagedFile() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 13)
        var file = try MadeRecording(messages: 50, using: &generator).file(.init())
        file[file.count / 2] ^= 1
        let path = try folder.write(file, to: "a.mcap")
        let run = try TestPython.run(
            try #require(Self.python), "Tests/Episodes/MCAPFilesTests/mcap_check.py", [path], quietly: true)
        #expect(run.exitCode != 0)
    }
}
