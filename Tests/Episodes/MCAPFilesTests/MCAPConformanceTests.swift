import Foundation
import JSONTree
import MCAPFiles
import TestSupport
import Testing

/// The format's own cases: each file is read to the records that its description tells, and written byte for byte.
@Suite struct MCAPConformanceTests {
    private static let shared = Fixture.shared("formats/mcap-conformance")
    private static let missing: Comment = "no MCAP conformance data (formats/mcap-conformance of the shared data)"

    /// The cases of a folder: name, file, description.
    private func cases(in folder: URL) throws -> [(name: String, file: [UInt8], json: JSONNode)] {
        var found: [(String, [UInt8], JSONNode)] = []
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        for case let url as URL in files where url.pathExtension == "mcap" {
            let json = try JSONNode(
                parsing: Data(contentsOf: url.deletingPathExtension().appendingPathExtension("json")))
            found.append((url.lastPathComponent, Array(try Data(contentsOf: url)), json))
        }
        return found
    }

    private func check(_ folder: URL) throws -> Int {
        let cases = try cases(in: folder)
        for (name, file, json) in cases {
            let expected = try MCAPConformance.records(json)
            for pieces in [1, 7, file.count] {
                let found = try MCAPParser.records(of: file, pieces: pieces).filter {
                    if case .messageIndex = $0 { false } else { true }
                }
                #expect(found == expected, "reading \(name) in pieces of \(pieces)")
            }
            let (features, padding) = MCAPConformance.features(of: json)
            var writer = MCAPWriter(.init(features: features, compression: .none, padding: padding))
            for record in expected {
                switch record {
                case .schema(let schema): if !writer.isFinished { try writer.write(schema) }
                case .channel(let channel): if !writer.isFinished { try writer.write(channel) }
                case .message(let message): try writer.write(message)
                case .attachment(let attachment): try writer.write(attachment)
                case .metadata(let metadata): try writer.write(metadata)
                case .dataEnd: try writer.finish()
                default: break
                }
            }
            #expect(writer.takeBytes() == file, "writing \(name)")
            try lookUp(name, file, expected)
            // A record, written again by itself, is the same bytes.
            for record in expected {
                var bytes: [UInt8] = []
                record.append(to: &bytes)
                #expect(try MCAP.Record(opcode: bytes[0], content: bytes[9...]) == record, "\(name)")
            }
        }
        return cases.count
    }

    /// By the summary or through the whole file: the same messages, in the order of their times.
    private func lookUp(_ name: String, _ file: [UInt8], _ expected: [MCAP.Record]) throws {
        let reader = try MCAPReader(MCAPBytes(file))
        var messages = reader.messages()
        var found: [MCAP.Message] = []
        while let item = try messages.next() { found.append(item.message) }
        let written = expected.compactMap { if case .message(let message) = $0 { message } else { nil } }
        let sorted = written.enumerated().sorted { ($0.element.logTime, $0.offset) < ($1.element.logTime, $1.offset) }
        #expect(found == sorted.map(\.element), "looking up \(name)")
        #expect(reader.problems.isEmpty && reader.statistics.messageCount == UInt64(written.count), "\(name)")
        let attachments = expected.compactMap { if case .attachment(let attachment) = $0 { attachment } else { nil } }
        #expect(try reader.attachments.map { try reader.attachment($0) } == attachments, "\(name)")
        let metadata = expected.compactMap { if case .metadata(let metadata) = $0 { metadata } else { nil } }
        #expect(try reader.metadata.map { try reader.metadata($0) } == metadata, "\(name)")
    }

    @Test(.enabled(if: shared != nil, missing))
    func all416CasesAreReadAsDescribedAndWrittenByteForByte() throws {
        #expect(try check(try #require(Self.shared)) == 416)
    }

    @Test func ourOwnCasesAreReadAsDescribedAndWrittenByteForByte() throws {
        #expect(try check(Fixture.url("mcap")) >= 4)
    }
}
