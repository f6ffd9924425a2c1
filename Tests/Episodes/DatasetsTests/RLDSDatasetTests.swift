import Datasets
import Foundation
import Images
import JSONTree
import TestSupport
import Testing

@Suite struct RLDSDatasetTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var dataset: String { folder.file("reach/1.0.0") }

    private func files() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: dataset)) ?? []).sorted()
    }

    private func writer(
        splits: [String] = ["train", "val"], limit: RLDSDatasetWriter.ShardLimit = .episodes(2),
        overwriting: Bool = false,
        writeCall: @escaping RLDSDatasetWriter.WriteCall = { write($0, $1, $2) }
    ) throws(RLDSError) -> RLDSDatasetWriter {
        try RLDSDatasetWriter(
            creating: "reach", in: folder.path, features: .small, splits: splits, limit: limit,
            overwriting: overwriting,
            writeCall: writeCall)
    }

    private func episodes(_ count: Int, seed: UInt64 = 3) throws -> [RLDSEpisode] {
        var generator = SeededGenerator(seed: seed)
        return try (0..<count).map {
            try .made(steps: 1 + $0 % 3, success: $0 % 2 == 0, id: Int32($0), using: &generator)
        }
    }

    private func read(_ split: String = "train") throws(RLDSError) -> [RLDSEpisode] {
        let cursor = try RLDSDatasetReader(folder: dataset).episodes(of: split)
        var episodes: [RLDSEpisode] = []
        while let episode = try cursor.next() { episodes.append(episode) }
        return episodes
    }

    private func error<Value>(_ body: () throws -> Value) -> RLDSError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? RLDSError
        }
    }

    @discardableResult
    private func writeFive() throws -> [RLDSEpisode] {
        let episodes = try episodes(5)
        let writer = try writer(splits: ["train"])
        for episode in episodes { try writer.append(episode) }
        try writer.finish()
        return episodes
    }

    // MARK: Whole datasets

    @Test func whatIsWrittenIsRead() throws {
        let episodes = try episodes(7)
        let writer = try writer()
        for (index, episode) in episodes.enumerated() { try writer.append(episode, to: index < 5 ? "train" : "val") }
        let info = try writer.finish()
        #expect(
            files() == [
                "dataset_info.json", "features.json", "reach-train.tfrecord-00000-of-00003",
                "reach-train.tfrecord-00001-of-00003", "reach-train.tfrecord-00002-of-00003",
                "reach-val.tfrecord-00000-of-00001",
            ])
        #expect(info.splits.map(\.shardLengths) == [[2, 2, 1], [2]])
        let reader = try RLDSDatasetReader(folder: dataset)
        #expect(reader.info == info && reader.features == .small && reader.tree == RLDSFeatures.small.tree)
        #expect(try read() == Array(episodes[..<5]))
        #expect(try read("val") == Array(episodes[5...]))
        // Bytes of records without frames, as TFDS counts them.
        let size = try files().filter { $0.contains("train.tfrecord") }.reduce(0) {
            $0 + (try Data(contentsOf: URL(fileURLWithPath: dataset + "/" + $1)).count)
        }
        #expect(info.splits[0].byteCount == size - 5 * TFRecord.frameBytes)
    }

    @Test func shardsEndBeforeTheyAreTooLarge() throws {
        let episodes = try episodes(6)
        let sizes = try episodes.map { try $0.example(for: .small).encoded().count + TFRecord.frameBytes }
        let limit = sizes[0] + sizes[1]
        let writer = try writer(splits: ["train"], limit: .bytes(limit))
        for episode in episodes { try writer.append(episode) }
        let info = try writer.finish()
        #expect(info.splits[0].shardLengths.first == 2)
        var rest = sizes[...]
        for length in info.splits[0].shardLengths {
            let size = rest.prefix(length).reduce(0, +)
            rest = rest.dropFirst(length)
            // One that is too large by itself has a shard of its own.
            #expect(size <= limit || length == 1)
            if let next = rest.first { #expect(size + next > limit) }
        }
        #expect(rest.isEmpty)
        #expect(try read() == episodes)
    }

    @Test func splitsWithoutEpisodesAreLeftOut() throws {
        let writer = try writer()
        try writer.append(episodes(1)[0])
        #expect(try writer.finish().splits.map(\.name) == ["train"])
        #expect(error { try read("val") } == .noSuchSplit("val", known: ["train"]))
    }

    @Test func aFinishedDatasetIsNotOverwrittenUnasked() throws {
        let before = try writeFive()
        #expect(error { try writer() } == .exists(path: dataset))
        #expect(try read() == before)

        let second = try writer(overwriting: true)
        let others = try episodes(3, seed: 9)
        for episode in others { try second.append(episode) }
        // Until it is finished the old one is there.
        #expect(try read() == before)
        try folder.write([1], to: "reach/1.0.0/dataset_statistics_ab12.json")
        try second.finish()
        #expect(try read() == others)
        #expect(
            files() == [
                "dataset_info.json", "features.json", "reach-train.tfrecord-00000-of-00002",
                "reach-train.tfrecord-00001-of-00002",
            ])
    }

    @Test func anEpisodeThatDoesNotFitIsLeftOut() throws {
        let good = try episodes(2)
        var bad = good[0]
        bad.steps[0].action = []
        let writer = try writer()
        try writer.append(good[0])
        let problem = RLDSEpisode.Problem.count(step: 0, of: "action", found: 0, expected: 7)
        #expect(error { try writer.append(bad) } == .episode("logs/0.mcap", [problem]))
        #expect(error { try writer.append(good[1], to: "test") } == .noSuchSplit("test", known: ["train", "val"]))
        try writer.append(good[1])
        try writer.finish()
        #expect(try read() == good)
    }

    @Test func namesMustBeOnesThatTFDSFindsAgain() {
        func problem(_ name: String = "reach", version: String = "1.0.0", splits: [String] = ["train"]) -> RLDSError? {
            error {
                try RLDSDatasetWriter(
                    creating: name, version: version, in: folder.path, features: .small, splits: splits)
            }
        }
        #expect(problem() == nil)
        for name in ["", "Reach", "9lives", "a-b", "a/b", "..", "ä"] {
            guard case .name(name, of: "name", rule: _)? = problem(name) else {
                Issue.record("the name '\(name)' was taken")
                continue
            }
        }
        for version in ["", "1", "1.0", "1.0.0.0", "1.0.x", "1..0", "01.0.0", "1.0.-1", "1.0.+1"] {
            guard case .name(version, of: "version", rule: _)? = problem(version: version) else {
                Issue.record("the version '\(version)' was taken")
                continue
            }
        }
        for splits in [[], ["train", "train"], ["Train"], ["a/b"], ["all"]] {
            guard case .name(_, of: "split", rule: _)? = problem(splits: splits) else {
                Issue.record("the splits \(splits) were taken")
                continue
            }
        }
    }

    // MARK: Ends that are none

    @Test func aWriterThatIsDroppedLeavesNothing() throws {
        do {
            let writer = try writer()
            for episode in try episodes(3) { try writer.append(episode) }
            #expect(files() == ["reach-train.tfrecord-00000.unfinished", "reach-train.tfrecord-00001.unfinished"])
            #expect(error { try RLDSDatasetReader(folder: dataset) } != nil)
        }
        #expect(files() == [])
    }

    @Test func statisticsLieBesideTheDatasetAndGoWithIt() throws {
        let episodes = try episodes(2)
        let statistics = try DatasetStatistics(of: episodes.map { Trajectory($0) })
        let first = try writer()
        for episode in episodes { try first.append(episode) }
        try first.finish(statistics: statistics)
        #expect(files().contains(DatasetStatistics.fileName))
        let written = try Data(contentsOf: URL(fileURLWithPath: dataset + "/" + DatasetStatistics.fileName))
        #expect(try JSONNode(parsing: written).text() == statistics.json.text())
        // Another dataset in its place has not its statistics.
        let second = try writer(overwriting: true)
        try second.append(episodes[0])
        try second.finish()
        #expect(!files().contains(DatasetStatistics.fileName))
    }

    @Test func nothingToFinishIsAnError() throws {
        let empty = try writer()
        #expect(error { try empty.finish() } == .noEpisodes(path: dataset))
        try empty.append(episodes(1)[0])
        try empty.finish()
        #expect(error { try empty.finish() } == .closed(path: dataset))
        #expect(error { try empty.append(episodes(1)[0]) } == .closed(path: dataset))
        #expect(try read().count == 1)
    }

    @Test func onlyOneWriterAtATime() throws {
        let first = try writer()
        #expect(error { try writer() } == .otherWriter(path: dataset))
        try first.append(episodes(1)[0])
        first.giveUp()
        _ = try writer()
    }

    /// A killed process runs no deinit: its shards stay, but are no dataset, and do not hinder the next.
    @Test func aKilledWriterLeavesNoDataset() async throws {
        let variable = "OCTO_EPISODES_TEST_FOLDER"
        setenv(variable, folder.path, 1)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let folder = try #require(ProcessInfo.processInfo.environment["OCTO_EPISODES_TEST_FOLDER"])
            let writer = try RLDSDatasetWriter(
                creating: "reach", in: folder, features: .small, limit: .episodes(1))
            var generator = SeededGenerator(seed: 1)
            for _ in 0..<2 { try writer.append(.made(steps: 2, using: &generator)) }
            kill(getpid(), SIGKILL)
            withExtendedLifetime(writer) {}
        }
        #expect(files() == ["reach-train.tfrecord-00000.unfinished", "reach-train.tfrecord-00001.unfinished"])
        #expect(
            error { try RLDSDatasetReader(folder: dataset) }
                == .file(path: dataset + "/dataset_info.json", step: "reading the dataset's", errno: ENOENT))
        let episodes = try writeFive()
        #expect(try read() == episodes && files().count == 5)
    }

    /// Wherever writing fails, what is left is the old dataset.
    @Test func aFullDiskLeavesTheOldDataset() throws {
        let before = try writeFive()
        let others = try episodes(3, seed: 4)
        // Calls of write: three episodes, features.json, dataset_info.json.
        for good in 0..<6 {
            var calls = 0
            let full = try writer(splits: ["train"], overwriting: true) { file, bytes, count in
                calls += 1
                if calls <= good { return write(file, bytes, count) }
                errno = ENOSPC
                return -1
            }
            let failure = error {
                for episode in others { try full.append(episode) }
                try full.finish()
            }
            #expect(files().allSatisfy { !$0.hasSuffix(".unfinished") })
            if good == 5 {
                #expect(failure == nil)
                #expect(try read() == others)
                continue
            }
            guard case .file(let path, "writing", ENOSPC)? = failure else {
                Issue.record("\(good) calls: \(String(describing: failure))")
                continue
            }
            let expected = ["reach-train", "reach-train", "reach-train", "features.json", "dataset_info.json"][good]
            #expect(path.hasPrefix(dataset + "/" + expected))
            #expect(failure?.description.contains("No space left on device") == true)
            #expect(try read() == before)
            #expect(error { try full.finish() } == .closed(path: dataset))
        }
    }

    @Test func shortAndInterruptedWritesGoOn() throws {
        var turn = 0
        let slow = try writer(splits: ["train"]) { file, bytes, count in
            turn += 1
            if turn % 3 == 0 {
                errno = EINTR
                return -1
            }
            return write(file, bytes, min(count, 100))
        }
        let episodes = try episodes(2)
        for episode in episodes { try slow.append(episode) }
        try slow.finish()
        #expect(try read() == episodes && turn > 20)
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        try folder.write([1], to: "file")
        let failure = error {
            try RLDSDatasetWriter(creating: "reach", in: folder.file("file"), features: .small)
        }
        #expect(
            failure == .file(path: folder.file("file/reach"), step: "making the folder", errno: ENOTDIR)
                || failure == .file(path: folder.file("file"), step: "making the folder", errno: EEXIST))
        let text = failure?.description ?? ""
        #expect(
            text.hasPrefix("making the folder " + folder.path) && text.contains(". Check that the folder is there")
                && text.hasSuffix("left (df)."))
    }

    @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
    func aFolderThatMayNotBeWrittenIsNamed() throws {
        chmod(folder.path, 0o555)
        defer { chmod(folder.path, 0o755) }
        #expect(error { try writer() } == .file(path: folder.file("reach"), step: "making the folder", errno: EACCES))
    }

    // MARK: Damaged datasets

    private func damage(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: dataset + "/" + name)))
        change(&bytes)
        try folder.write(bytes, to: "reach/1.0.0/" + name)
    }

    @Test func damageIsFoundAndItsFileNamed() throws {
        let shard = "reach-train.tfrecord-00001-of-00003"
        let path = dataset + "/" + shard
        try writeFive()
        try damage(shard) { $0[100] ^= 1 }
        guard case .shard(path, .dataChecksum(offset: 0, _, _))? = error({ try read() }) else {
            Issue.record("the damage was not seen")
            return
        }
        try FileManager.default.removeItem(atPath: dataset)
        try writeFive()
        try damage(shard) { $0.removeLast() }
        guard case .shard(path, .truncated)? = error({ try read() }) else {
            Issue.record("the cut was not seen")
            return
        }
        try damage(shard) { $0 = TFRecord.encode([0x0a]) }
        #expect(error { try read() } == .record(path: path, record: 0, .damaged(.truncated(offset: 1))))
        try damage(shard) { $0 = TFRecord.encode(TrainingExample().encoded()) }
        #expect(
            error { try read() }
                == .notAnEpisode(
                    path: path, record: 0,
                    .init(key: "steps/language_instruction", found: "nothing", expected: "some byte strings")))
        try damage(shard) { $0 = [] }
        #expect(error { try read() } == .shardLength(path: path, found: 0, expected: 2))
        try FileManager.default.removeItem(atPath: path)
        #expect(error { try read() } == .file(path: path, step: "reading the shard", errno: ENOENT))
    }

    @Test func damagedDescriptionsAreNamed() throws {
        try writeFive()
        try damage("features.json") { $0 = Array("{}".utf8) }
        guard case .description(path: dataset + "/features.json", _)? = error({ try read() }) else {
            Issue.record("the features were taken")
            return
        }
        try damage("dataset_info.json") { $0.removeLast(3) }
        guard case .notJSON(path: dataset + "/dataset_info.json", _)? = error({ try read() }) else {
            Issue.record("the info was taken")
            return
        }
        try FileManager.default.removeItem(atPath: dataset + "/dataset_info.json")
        try FileManager.default.createDirectory(
            atPath: dataset + "/dataset_info.json", withIntermediateDirectories: true)
        #expect(
            error { try read() }
                == .file(path: dataset + "/dataset_info.json", step: "reading the dataset's", errno: EISDIR))
    }

    @Test func aRecordThatIsNoEpisodeIsPassedBy() throws {
        let episodes = try episodes(1)
        let writer = try writer()
        try writer.append(episodes[0])
        try writer.finish()
        let strange = TFRecord.encode(TrainingExample(["a": .integers([1])]).encoded())
        try damage("reach-train.tfrecord-00000-of-00001") { $0 = strange + $0 }
        let info = RLDSInfo(
            name: "reach", version: "1.0.0", splits: [.init(name: "train", shardLengths: [2], byteCount: 0)])
        try damage("dataset_info.json") { $0 = Array(info.json.text().utf8) }
        let cursor = try RLDSDatasetReader(folder: dataset).episodes(of: "train")
        #expect(throws: RLDSError.self) { try cursor.next() }
        #expect(try cursor.next() == episodes[0])
        #expect(try cursor.next() == nil)
    }

    @Test func recordsCanBeHadWithAllTheirFeatures() throws {
        let episodes = try writeFive()
        let cursor = try RLDSDatasetReader(folder: dataset).episodes(of: "train")
        #expect(try cursor.nextExample() == episodes[0].example(for: .small))
        #expect(try cursor.next() == episodes[1])
    }

    @Test func errorsSayWhatWhereAndWhatToDo() throws {
        let problem = RLDSJSONProblem(at: "splits", found: "nothing", expected: "an array")
        let record = RLDSRecordProblem(key: "k", found: "nothing", expected: "some")
        let errors: [RLDSError] = [
            .exists(path: "/x"), .otherWriter(path: "/x"),
            .name("/x", of: "name", rule: "r"), .noSuchSplit("/x", known: []), .episode("/x", [.noSteps]),
            .noEpisodes(path: "/x"), .closed(path: "/x"), .description(path: "/x", problem),
            .shard(path: "/x", .tooLong(offset: 0, length: 2, limit: 1)),
            .shardLength(path: "/x", found: 1, expected: 2),
            .record(path: "/x", record: 0, .damaged(.truncated(offset: 1))),
            .notAnEpisode(path: "/x", record: 0, record),
        ]
        for error in errors {
            let text = error.description
            #expect(text.contains("/x") && text.contains("expected") && text.hasSuffix("."), "\(text)")
        }
        #expect(
            RLDSError.file(path: "/x", step: "writing", errno: EROFS).description.hasPrefix(
                "writing /x: Read-only file system. Check that"))
    }
}
