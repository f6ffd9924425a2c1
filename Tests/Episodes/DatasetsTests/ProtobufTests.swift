import Datasets
import Foundation
import JSONTree
import TestSupport
import Testing

/// Shards that we write, read by Google's protobuf and others' checksums.
@Suite struct ProtobufTests {
    private static let python = TestPython.path(with: ["crc32c", "numpy", "tfrecord"])
    private static let missing: Comment = """
        no python3 with tfrecord and crc32c; .ci/python puts one into .build/python
        """

    private func read(_ files: [String], quietly: Bool = false) throws -> (exitCode: Int32, output: Data) {
        try TestPython.run(
            try #require(Self.python), "Tests/Episodes/DatasetsTests/tfrecord_check.py", files, quietly: quietly)
    }

    /// A record in the form of the script.
    private func json(_ example: TrainingExample) -> JSONNode {
        func list(_ values: [JSONNode]) -> JSONNode { JSONNode(.array(values)) }
        func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        return list(
            example.entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { entry in
                switch entry.feature {
                case .bytes(let values):
                    [JSONNode(entry.name), "bytes_list", list(values.map { JSONNode(hex($0)) })]
                case .floats(let values):
                    [JSONNode(entry.name), "float_list", list(values.map { JSONNode(number: Double($0)) })]
                case .integers(let values):
                    [JSONNode(entry.name), "int64_list", list(values.map { JSONNode($0) })]
                case .unset:
                    [JSONNode(entry.name), nil, []]
                }
            })
    }

    @Test(.enabled(if: python != nil, missing))
    func googlesProtobufReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let writer = try RLDSDatasetWriter(creating: "reach", in: folder.path, features: .small, limit: .episodes(2))
        let episodes = try (0..<3).map { index in
            try RLDSEpisode.made(
                steps: 1 + 4 * index, features: .small, instruction: index == 1 ? "" : "take the tâsse",
                id: Int32(index),
                using: &generator)
        }
        for episode in episodes { try writer.append(episode) }
        try writer.finish()
        var strange = TrainingExample(["steps/action": .floats([0.1, 2, 3, 4, 5, 6, -1e-30]), "none": .unset])
        strange["empty"] = .integers([])
        strange["all"] = .integers([.min, -1, 0, .max])
        let other = try folder.write(TFRecord.encode(strange.encoded()), to: "strange.tfrecord")

        let shards = (0..<2).map {
            writer.folder + "/" + RLDSInfo.shardFileName(dataset: "reach", split: "train", shard: $0, of: 2)
        }
        let (exitCode, output) = try read(shards + [other])
        try #require(exitCode == 0, "its complaint stands above")
        let found = try #require(try JSONNode(parsing: output).array)
        let examples = try episodes.map { try $0.example(for: .small) }
        for (place, expected) in [[examples[0], examples[1]], [examples[2]], [strange]].enumerated() {
            #expect(found[place]["records"] == JSONNode(.array(expected.map(json))), "seed \(generator.seed)")
        }
        let statistics = try DatasetStatistics(of: episodes.prefix(2).map { Trajectory($0) }).json["action"]
        for (key, values) in try #require(found[0]["action"]?.object).map({ ($0.key, $0.value) }) {
            let (ours, theirs) = (statistics?[key]?.array ?? [], values.array ?? [])
            #expect(ours.count == 7 && theirs.count == 7)
            for (a, b) in zip(ours, theirs) {
                #expect(abs((a.double ?? .nan) - (b.double ?? .nan)) < 1e-12, "\(key), seed \(generator.seed)")
            }
        }
    }

    /// The check above can fail.
    @Test(.enabled(if: python != nil, missing))
    func damageIsSeenByOthersToo() throws {
        let folder = try TemporaryFolder()
        let record = TrainingExample(["steps/action": .floats([1, 2, 3, 4, 5, 6, 7])]).encoded()
        let frame = TFRecord.encode(record)
        #expect(try read([folder.write(frame, to: "good")], quietly: true).exitCode == 0)
        for place in [0, 9, 20, frame.count - 1] {
            var damaged = frame
            damaged[place] ^= 4
            #expect(try read([folder.write(damaged, to: "bad")], quietly: true).exitCode == 1, "byte \(place)")
        }
    }
}
