import Datasets
import Foundation
import Images
import JSONTree
import TestSupport
import Testing
import Time

@Suite struct LeRobotDatasetTests {
    private static let python = TestPython.path(with: ["pyarrow"], namedBy: "OCTO_PARQUET_PYTHON")
    private static let missing: Comment = "no python3 with pyarrow; OCTO_PARQUET_PYTHON can name one"

    /// What was written, by path.
    private final class Files {
        var bytes: [String: [UInt8]] = [:]
        func append(_ path: String, _ more: [UInt8]) { bytes[path, default: []] += more }
    }

    private func dataset(
        _ space: LeRobotDataset.Space = .eef, _ pictures: LeRobotDataset.Pictures = .images
    ) throws -> [String: [UInt8]] {
        let runs = [try RecordedRun(.init(seconds: 2.5)), try RecordedRun(.init(seconds: 3.5, text: "put it down"))]
        let episodes = try runs.map { try $0.sampler().sample() }
        #expect(episodes.map(\.timesteps.count) == [8, 13])
        let files = Files()
        var dataset = try LeRobotDataset(
            robotType: "wx250s", like: episodes[0], space: space, pictures: pictures, write: files.append)
        for episode in episodes { try dataset.append(episode) }
        try dataset.finish()
        return files.bytes
    }

    @Test func theDescriptionSaysWhatThereIs() throws {
        let files = try dataset()
        #expect(
            files.keys.sorted() == [
                "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet", "meta/info.json",
                "meta/stats.json",
                "meta/tasks.parquet",
            ])
        let info = try JSONNode(parsing: try #require(files["meta/info.json"]))
        #expect(
            info["codebase_version"]?.string == "v3.0" && info["fps"]?.int == 5
                && info["robot_type"]?.string == "wx250s")
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
        for name in ["min", "max", "mean", "std", "q01", "q10", "q50", "q90", "q99"] {
            #expect(colour[name]?.array?.count == 3)
        }
    }

    @Test(.enabled(if: python != nil, missing)) func theTablesHoldTheEpisodesOneAfterTheOther() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "octo-lerobot-\(UUID().uuidString.prefix(8))")
        defer { try? FileManager.default.removeItem(at: folder) }
        var paths: [String] = []
        for (path, bytes) in try dataset() where path.hasSuffix(".parquet") {
            let url = folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: url)
            paths.append(url.path)
        }
        let (exitCode, output) = try TestPython.run(
            try #require(Self.python), "Tests/Episodes/DatasetsTests/parquet_check.py", paths.sorted())
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
        // What LeRobot's tools make the statistics of a part of it from.
        let counts = episodes?["stats/observation.state/count"]?.array?.map { whole($0) }
        #expect(counts == [[8], [13]] && episodes?["stats/action/q50"]?.array?[1].array?.count == 7)
        let colours = episodes?["stats/observation.images.primary/mean"]?.array?[0].array
        #expect(colours?.count == 3 && colours?[2].array?[0].array?[0].double.map { (0...1).contains($0) } == true)
        #expect(
            tasks["metadata"]?["pandas"]?.string?.contains("\"index_columns\"") == true
                && whole(tasks["columns"]?["task_index"]) == [0, 1])
    }

    private static let lerobot = TestPython.path(with: ["lerobot", "torch"], namedBy: "OCTO_LEROBOT_PYTHON")
    private static let withoutLeRobot: Comment =
        "no python3 with lerobot; OCTO_LEROBOT_PYTHON can name one (0.4.4 was tried)"

    /// LeRobot's own tools delete, split and merge episodes, and the statistics of what comes out are those of its
    /// data.
    @Test(.enabled(if: lerobot != nil, withoutLeRobot)) func theirToolsKeepTheStatistics() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "octo-lerobot-\(UUID().uuidString.prefix(8))")
        defer { try? FileManager.default.removeItem(at: folder) }
        let runs = try [2.5, 3.5, 3].map {
            try RecordedRun(.init(seconds: $0, text: $0 == 3.5 ? "put it down" : "pick it up"))
        }
        let episodes = try runs.map { try $0.sampler().sample() }
        let files = Files()
        var dataset = try LeRobotDataset(robotType: "wx250s", like: episodes[0], write: files.append)
        for episode in episodes { try dataset.append(episode) }
        try dataset.finish()
        for (path, bytes) in files.bytes {
            let url = folder.appendingPathComponent("whole/\(path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: url)
        }
        let (exitCode, output) = try TestPython.run(
            try #require(Self.lerobot), "Tests/Episodes/DatasetsTests/lerobot_check.py",
            [folder.path + "/whole", folder.path + "/work"])
        try #require(exitCode == 0, "its complaint stands above")
        let last = try #require(output.split(separator: UInt8(ascii: "\n")).last)
        let found = try JSONNode(parsing: Array(last))
        let frames = episodes.map(\.timesteps.count)
        let expected: [(String, episodes: Int, frames: Int)] = [
            ("whole", 3, frames[0] + frames[1] + frames[2]), ("without_first", 2, frames[1] + frames[2]),
            ("a", 1, frames[0]),
            ("b", 2, frames[1] + frames[2]), ("merged", 3, frames[0] + frames[1] + frames[2]),
        ]
        for (name, count, frames) in expected {
            let part = try #require(found[name])
            #expect(part["episodes"]?.int == count && part["frames"]?.int == frames, "\(name): \(part.text())")
            #expect(
                part["picture"]?.array?.compactMap(\.int) == [3, 24, 32]
                    && part["colour"]?.array?.compactMap(\.int) == [3, 1, 1])
            for feature in ["observation.state", "action"] {
                let statistics = try #require(part[feature])
                #expect(statistics["count"]?.int == frames, "\(name), \(feature)")
                for statistic in ["mean", "std"] {
                    let ours = statistics[statistic]?.array?.compactMap(\.double) ?? []
                    let theirs = statistics["true_\(statistic)"]?.array?.compactMap(\.double) ?? []
                    #expect(
                        ours.count == 7 && zip(ours, theirs).allSatisfy { abs($0 - $1) < 1e-5 },
                        "\(name), \(feature): \(statistics.text())")
                }
            }
        }
    }

    /// The movie's frames are the camera's JPEG files, one behind the other, each a frame of one length.
    @Test func moviesHoldTheFilesAsTheyAre() throws {
        let files = try dataset(.eef, .video)
        #expect(files.keys.contains("videos/observation.images.primary/chunk-000/file-000.mp4"))
        let movie = try #require(files["videos/observation.images.wrist/chunk-000/file-000.mp4"])
        let boxes = MovieBoxes(movie)
        #expect(boxes.types.first == "ftyp" && boxes.types.last == "moov" && boxes.types.count { $0 == "mdat" } == 21)
        let run = try RecordedRun(.init(seconds: 2.5)).sampler().sample()
        let expected = try #require(run.timesteps[3].pictures["wrist"])
        #expect(boxes.contents[4] == Array(expected.bytes), "the fourth frame")
        let info = try JSONNode(parsing: try #require(files["meta/info.json"]))
        #expect(
            info["features"]?["observation.images.wrist"]?["dtype"]?.string == "video"
                && info["video_path"]?.string?.hasSuffix(".mp4") == true)
    }

    /// LeRobot's own reader, with PyAV, gives every frame where it belongs.
    @Test(.enabled(if: lerobot != nil, withoutLeRobot)) func theirReaderFindsTheFramesOfMovies() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "octo-lerobot-\(UUID().uuidString.prefix(8))")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (kind, pictures) in [("video", LeRobotDataset.Pictures.video), ("images", .images)] {
            for (path, bytes) in try dataset(.eef, pictures) {
                let url = folder.appendingPathComponent("\(kind)/\(path)")
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: url)
            }
        }
        let (exitCode, output) = try TestPython.run(
            try #require(Self.lerobot), "Tests/Episodes/DatasetsTests/lerobot_video_check.py",
            [folder.path + "/video", folder.path + "/images"])
        try #require(exitCode == 0, "its complaint stands above")
        let last = try JSONNode(parsing: Array(try #require(output.split(separator: UInt8(ascii: "\n")).last)))
        #expect(last["frames"]?.int == 21 && (last["largest_difference"]?.double ?? 1) < 0.02, "\(last.text())")
    }

    @Test func jointsAreNamedAsLeRobotDoes() throws {
        let info = try JSONNode(parsing: try #require(dataset(.joints)["meta/info.json"]))
        let names = info["features"]?["action"]?["names"]?.array?.compactMap(\.string)
        #expect(names?.first == "waist.pos" && names?.last == "gripper.pos" && names?.count == 7)
        #expect(info["features"]?["observation.state"]?["names"]?.array?.compactMap(\.string) == names)
    }

    /// One rate, one arm, one set of cameras of one size: what a learner takes for granted.
    @Test func episodesThatAreNotLikeTheFirstAreRefusedByWhatDiffers() throws {
        let run = try RecordedRun(.init(seconds: 2))
        let first = try run.sampler().sample()
        var dataset = try LeRobotDataset(robotType: "r", like: first) { _, _ in }
        func refusal(_ episode: ExportedEpisode) -> String? {
            #expect(throws: ExportError.self) { try dataset.append(episode) }?.description
        }
        #expect(
            refusal(try run.sampler(.init(size: (16, 16))).sample())?.contains(
                "found the pictures of 'primary' to be 16x16, expected 32x24") == true)
        #expect(
            refusal(try run.sampler(.init(cameras: ["primary"])).sample())?.contains("expected [primary, wrist]")
                == true)
        #expect(
            refusal(try run.sampler(.init(rate: Rate(hertz: 10))).sample())?.contains(
                "found its rate to be 10 Hz, expected 5 Hz") == true)
        var other = first
        other.arm = "so101"
        #expect(refusal(other)?.contains("found its arm to be so101") == true)
        try dataset.append(first)
    }

    @Test(arguments: [0.4, 7.5]) func ratesThatTheFormatCannotHoldAreRefused(hertz: Double) throws {
        let run = try RecordedRun(.init(seconds: 9, hasPolicy: false))
        let episode = try run.sampler(.init(rate: Rate(hertz: hertz), allowsGaps: true)).sample()
        let error = #expect(throws: ExportError.self) { try LeRobotDataset(robotType: "r", like: episode) { _, _ in } }
        #expect(error?.description.contains("a whole number") == true, "\(String(describing: error))")
    }
}

/// The boxes of an MP4 file, one after the other.
private struct MovieBoxes {
    var types: [String] = []
    var contents: [[UInt8]] = []

    init(_ file: [UInt8]) {
        var place = 0
        while place + 8 <= file.count {
            let size = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            types.append(String(decoding: file[place + 4..<place + 8], as: UTF8.self))
            contents.append(Array(file[place + 8..<min(file.count, place + max(size, 8))]))
            place += max(size, 8)
        }
    }
}
