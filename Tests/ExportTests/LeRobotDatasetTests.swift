import Export
import Foundation
import Images
import JSONTree
import TestSupport
import Testing

@Suite struct LeRobotDatasetTests {
    private static let python = TestPython.path(with: ["pyarrow"], namedBy: "OCTO_PARQUET_PYTHON")
    private static let missing: Comment = "no python3 with pyarrow; OCTO_PARQUET_PYTHON can name one"

    private func dataset() throws -> [LeRobotDataset.File] {
        let runs = [try RecordedRun(.init(seconds: 2.5)), try RecordedRun(.init(seconds: 3.5, text: "put it down"))]
        let episodes = try runs.map { try $0.sampler().sample() }
        #expect(episodes.map(\.timesteps.count) == [8, 13])
        var dataset = try LeRobotDataset(robotType: "wx250s", like: episodes[0])
        for episode in episodes { try dataset.append(episode) }
        return dataset.files()
    }

    @Test func theDescriptionSaysWhatThereIs() throws {
        let files = Dictionary(uniqueKeysWithValues: try dataset().map { ($0.path, $0.bytes) })
        #expect(
            files.keys.sorted() == [
                "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet", "meta/info.json", "meta/stats.json",
                "meta/tasks.parquet",
            ])
        let info = try JSONNode(parsing: try #require(files["meta/info.json"]))
        #expect(info["codebase_version"]?.string == "v3.0" && info["fps"]?.int == 5 && info["robot_type"]?.string == "wx250s")
        #expect(info["total_episodes"]?.int == 2 && info["total_frames"]?.int == 21 && info["total_tasks"]?.int == 2)
        let image = info["features"]?["observation.images.primary"]
        #expect(image?["dtype"]?.string == "image" && image?["shape"]?.array?.compactMap(\.int) == [24, 32, 3])
        #expect(info["features"]?["action"]?["shape"]?.array?.compactMap(\.int) == [7])
        let statistics = try JSONNode(parsing: try #require(files["meta/stats.json"]))
        let state = try #require(statistics["observation.state"])
        #expect(state["count"]?.array?.compactMap(\.int) == [21] && state["mean"]?.array?.count == 7)
        #expect(state["min"]?.array?.last?.double == 0.75 && state["std"]?.array?.last?.double == 0)
        let colour = try #require(statistics["observation.images.primary"])
        let mean = colour["mean"]?.array?.first?.array?.first?.array?.first?.double
        #expect(mean.map { (0...1).contains($0) && $0 > 0.05 } == true, "three levels of lists, 0...1")
        for name in ["min", "max", "mean", "std", "q01", "q10", "q50", "q90", "q99"] { #expect(colour[name]?.array?.count == 3) }
    }

    @Test(.enabled(if: python != nil, missing)) func theTablesHoldTheEpisodesOneAfterTheOther() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("octo-lerobot-\(UUID().uuidString.prefix(8))")
        defer { try? FileManager.default.removeItem(at: folder) }
        var paths: [String] = []
        for file in try dataset() where file.path.hasSuffix(".parquet") {
            let url = folder.appendingPathComponent(file.path)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(file.bytes).write(to: url)
            paths.append(url.path)
        }
        let (exitCode, output) = try TestPython.run(try #require(Self.python), "Tests/ExportTests/parquet_check.py", paths.sorted())
        try #require(exitCode == 0)
        let found = try #require(try JSONNode(parsing: output).array)
        let (data, episodes, tasks) = (found[0]["columns"], found[1]["columns"], found[2])
        func whole(_ node: JSONNode?) -> [Int] { node?.array?.compactMap(\.int) ?? [] }
        #expect(whole(data?["index"]) == Array(0..<21) && whole(data?["frame_index"]) == Array(0..<8) + Array(0..<13))
        #expect(whole(data?["episode_index"]) == Array(repeating: 0, count: 8) + Array(repeating: 1, count: 13))
        #expect(data?["timestamp"]?.array?[9].double.map { Float($0) } == 0.2)
        let picture = data?["observation.images.wrist"]?.array?[5]["bytes"]?.string
        #expect(picture?.hasPrefix("ffd8ff") == true)
        #expect(whole(episodes?["length"]) == [8, 13] && whole(episodes?["dataset_from_index"]) == [0, 8])
        #expect(whole(episodes?["dataset_to_index"]) == [8, 21])
        #expect(episodes?["tasks"]?.array?.map { $0.array?.first?.string } == ["pick up the cup", "put it down"])
        #expect(tasks["metadata"]?["pandas"]?.string?.contains("\"index_columns\"") == true && whole(tasks["columns"]?["task_index"]) == [0, 1])
    }

    @Test func picturesOfAnotherSizeAreRefused() throws {
        let run = try RecordedRun(.init(seconds: 2))
        var dataset = try LeRobotDataset(robotType: "r", like: try run.sampler().sample())
        #expect(throws: ExportError.self) { try dataset.append(try run.sampler(.init(size: (16, 16))).sample()) }
        #expect(throws: ExportError.self) { try dataset.append(try run.sampler(.init(cameras: ["primary"])).sample()) }
    }
}
