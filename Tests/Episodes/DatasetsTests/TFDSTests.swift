import Datasets
import Foundation
import Images
import JSONTree
import TestSupport
import Testing

/// TensorFlow's own reader opens what we write; we open what it wrote.
@Suite(.serialized) struct TFDSTests {
    private static let python = TestPython.path(
        with: ["tensorflow", "tensorflow_datasets"], namedBy: "OCTO_TFDS_PYTHON")
    private static let missing: Comment = """
        no python3 with tensorflow and tensorflow-datasets; OCTO_TFDS_PYTHON can name one
        """
    private static let bridge = Fixture.shared("rlds/bridge_dataset/1.0.0")?.path
    private static let missingBridge: Comment = "no recorded Bridge dataset (rlds/bridge_dataset of the shared data)"

    private func run(_ folders: [String], quietly: Bool = false) throws -> (exitCode: Int32, output: Data) {
        try TestPython.run(
            try #require(Self.python), "Tests/Episodes/DatasetsTests/tfds_check.py", folders, quietly: quietly)
    }

    private func numbers(_ node: JSONNode?) -> [Double] { node?.array?.compactMap(\.double) ?? [] }
    private func rows(_ node: JSONNode?) -> [[Float]] {
        node?.array?.map { numbers($0).map { Float($0) } } ?? []
    }

    private func compare(_ ours: RLDSEpisode, _ theirs: JSONNode, features: RLDSFeatures) throws {
        #expect(ours.steps.map(\.action) == rows(theirs["action"]))
        #expect(ours.steps.map(\.state) == rows(theirs["state"]))
        #expect(ours.steps.map(\.languageInstruction) == theirs["instruction"]?.array?.compactMap(\.string))
        #expect(
            ours.steps.map { [$0.isFirst, $0.isLast, $0.isTerminal] }
                == theirs["flags"]?.array?.map { $0.array?.compactMap(\.bool) })
        #expect(ours.steps.map { Double($0.reward) } == numbers(theirs["reward"]))
        #expect(ours.steps.map { Double($0.discount) } == numbers(theirs["discount"]))
        let stamps = theirs["timestamp_ns"]?.array?.compactMap { $0.int.map(Int64.init) }
        #expect(ours.steps.compactMap(\.timestampNanoseconds) == stamps)
        #expect(ours.metadata.filePath == theirs["metadata"]?["file_path"]?.string)
        #expect(Int(ours.metadata.episodeID) == theirs["metadata"]?["episode_id"]?.int)
        for picture in features.pictures {
            let found = theirs["pictures"]?[picture.key]
            #expect(numbers(found?["shape"]) == [picture.height, picture.width, 3].map(Double.init))
            let means = try ours.steps.map { step in
                let file = try #require(step.pictures[picture.key])
                let pixels = try RGBImage(decoding: file, source: picture.key).pixels
                return Double(pixels.bytes.reduce(0) { $0 + Int($1) }) / Double(pixels.count)
            }
            // JPEG decoders round and fill in colours in their own ways (0.93 apart here); pictures of other steps are
            // further off.
            for (a, b) in zip(means, numbers(found?["mean"])) { #expect(abs(a - b) < 1.5, "\(picture.key)") }
            #expect(numbers(found?["mean"]).count == means.count)
        }
    }

    private func compare(_ ours: DatasetStatistics.Spread?, _ theirs: JSONNode?) throws {
        let ours = try #require(ours)
        for (key, values) in [
            ("mean", ours.mean), ("std", ours.std), ("max", ours.max), ("min", ours.min), ("p99", ours.p99),
            ("p01", ours.p01),
        ] {
            let expected = numbers(theirs?[key])
            #expect(values.count == expected.count && !values.isEmpty)
            for (a, b) in zip(values, expected) { #expect(abs(a - b) <= 1e-12 * max(1, abs(b)), "\(key)") }
        }
    }

    private func readAll(_ reader: RLDSDatasetReader, _ split: String) throws(RLDSError) -> [RLDSEpisode] {
        let cursor = try reader.episodes(of: split)
        var episodes: [RLDSEpisode] = []
        while let episode = try cursor.next() { episodes.append(episode) }
        return episodes
    }

    /// Everything in the folders, as TFDS and as we read it.
    private func compareAll(_ folders: [String]) throws {
        let (exitCode, output) = try run(folders)
        try #require(exitCode == 0, "TFDS's complaint stands above")
        let found = try #require(try JSONNode(parsing: output).array)
        try #require(found.count == folders.count)
        for (folder, theirs) in zip(folders, found) { try compare(RLDSDatasetReader(folder: folder), theirs) }
    }

    private func compare(_ reader: RLDSDatasetReader, _ theirs: JSONNode) throws {
        #expect(theirs["name"]?.string == reader.info.name && theirs["version"]?.string == reader.info.version)
        #expect(theirs["splits"]?.object?.count == reader.info.splits.count)
        for split in reader.info.splits {
            let found = theirs["splits"]?[split.name]
            #expect(found?["shards"]?.int == split.shardLengths.count && found?["bytes"]?.int == split.byteCount)
            let episodes = try readAll(reader, split.name)
            let described = try #require(found?["episodes"]?.array)
            #expect(episodes.count == described.count && episodes.count == split.episodes)
            for (ours, theirs) in zip(episodes, described) { try compare(ours, theirs, features: reader.features) }
            let statistics = try DatasetStatistics(of: episodes.map { Trajectory($0) })
            try compare(statistics.action, found?["action"])
            try compare(statistics.proprio, found?["proprio"])
        }
    }

    @Test(.enabled(if: python != nil, missing))
    func tensorFlowReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var folders: [String] = []
        for (name, features) in [
            ("reach", RLDSFeatures.small),
            (
                "plain",
                RLDSFeatures(pictures: [
                    .init("image_0", width: 256, height: 256), .init("image_1", width: 128, height: 128),
                ])
            ),
            ("joints", RLDSFeatures(pictures: [], actionCount: 14, stateCount: 6)),
        ] {
            let writer = try RLDSDatasetWriter(
                creating: name, version: "1.2.3", in: folder.path, features: features, splits: ["train", "val"],
                limit: .episodes(2))
            for index in 0..<4 {
                let episode = try RLDSEpisode.made(
                    steps: 1 + 2 * index, success: index % 2 == 0, features: features,
                    instruction: index == 1 ? "" : "put the \"cup\" on the plâte", id: Int32(index), using: &generator)
                try writer.append(episode, to: index < 3 ? "train" : "val")
            }
            try writer.finish()
            folders.append(writer.folder)
        }
        try compareAll(folders)
    }

    /// The check above can fail.
    @Test(.enabled(if: python != nil, missing))
    func tensorFlowSeesAWrongShardLength() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 2)
        let writer = try RLDSDatasetWriter(creating: "reach", in: folder.path, features: .small)
        try writer.append(.made(steps: 2, using: &generator))
        try writer.finish()
        let wrong = RLDSInfo(
            name: "reach", version: "1.0.0", splits: [.init(name: "train", shardLengths: [2], byteCount: 1)])
        try folder.write(wrong.json.text().utf8, to: "reach/1.0.0/dataset_info.json")
        #expect(try run([writer.folder], quietly: true).exitCode == 1)
        #expect(throws: RLDSError.self) { try readAll(RLDSDatasetReader(folder: writer.folder), "train") }
    }

    // MARK: The recorded Bridge dataset, which TFDS wrote

    @Test(.enabled(if: bridge != nil, missingBridge))
    func weReadWhatTensorFlowWrote() throws {
        let reader = try RLDSDatasetReader(folder: try #require(Self.bridge))
        #expect(reader.info.name == "bridge_dataset" && reader.info.version == "1.0.0")
        #expect(reader.features.pictures == (0..<4).map { .init("image_\($0)", width: 64, height: 64) })
        #expect(reader.features.actionCount == 7 && reader.features.stateCount == 7 && !reader.features.hasTimestamps)
        #expect(reader.tree["steps"] != nil)
        for split in ["train", "val"] {
            let episodes = try readAll(reader, split)
            #expect(episodes.count == 25 && episodes.allSatisfy { $0.steps.count == 10 })
            #expect(episodes.allSatisfy { $0.steps.allSatisfy { !$0.isLast && !$0.isTerminal } })
            #expect(episodes.allSatisfy { $0.problems(for: reader.features).isEmpty })
        }
        let first = try #require(try readAll(reader, "train").first)
        #expect(first.steps[0].languageInstruction == "put cup from counter or drying rack into sink")
        // Eight digits of each, as NumPy prints them.
        let state: [Float] = [0.23381479, 0.11244296, 0.17504855, 0.10004316, -0.21381886, 0.21333793, 1.0008161]
        let action: [Float] = [
            -1.7841698e-03, 1.5979254e-04, 2.4016541e-03, 3.3817787e-02, -1.4594038e-02, -1.9557068e-01, 1.0,
        ]
        for (a, b) in zip(first.steps[0].state + first.steps[1].action, state + action) {
            #expect(abs(a - b) <= 2 * b.ulp)
        }
        let example = try #require(try reader.episodes(of: "train").nextExample())
        if case .floats(let embedding)? = example["steps/language_embedding"] {
            #expect(embedding.count == 5120)
        } else {
            Issue.record("no language embedding")
        }
    }

    @Test(.enabled(if: bridge != nil, missingBridge))
    func recordsThatTensorFlowWroteAreFramedAndEncodedAlike() throws {
        let path = try #require(Self.bridge) + "/bridge_dataset-train.tfrecord-00000-of-00001"
        let file = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var reader = TFRecordReader()
        reader.append(file)
        var again: [UInt8] = []
        while let record = try reader.next() {
            let example = try TrainingExample(decoding: record)
            #expect(try TrainingExample(decoding: example.encoded()) == example)
            #expect(example.encoded() == record)
            again += TFRecord.encode(record)
        }
        try reader.finish()
        #expect(again == file)
    }

    @Test(.enabled(if: bridge != nil && python != nil, "needs both the recorded Bridge dataset and TFDS"))
    func weReadTheSameAsTensorFlow() throws {
        try compareAll([try #require(Self.bridge)])
    }
}
