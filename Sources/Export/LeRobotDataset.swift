import Images
import JSONTree
import Time

/// Episodes as a LeRobotDataset v3.0, pictures within the table as the JPEG files they are. Source: the format's own
/// reader, version 0.4.4, commit 7427f318.
package struct LeRobotDataset {
    /// A file of the dataset, by its path within the folder.
    package struct File: Sendable {
        package var path: String
        package var bytes: [UInt8]
    }

    private static let stateNames = ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]
    private static let actionNames = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"]
    /// A file of data that has become longer is followed by another. Bytes.
    private static let fileLimit = 100 << 20

    private let robotType: String
    private let period: Duration
    private var pictureSizes: [(camera: String, width: Int, height: Int)]
    private var tasks: [String] = []
    private var frames = 0
    private var data = ParquetFile()
    private var dataBytes = 0
    private var dataFile = 0
    private var finished: [File] = []
    private var rows: [EpisodeRow] = []
    private var numbers: [String: [[Double]]] = [:]
    private var colours: [String: ColourLevels] = [:]

    private struct EpisodeRow {
        var length: Int
        var task: String
        var file: Int
        var start: Int
    }

    /// - Parameters:
    ///   - robotType: for `info.json`.
    ///   - first: an episode like all that follow: cameras, sizes of their pictures, period.
    package init(robotType: String, like first: ExportedEpisode) throws(ImageError) {
        self.robotType = robotType
        period = first.period
        pictureSizes = try Self.pictureSizes(of: first)
    }

    /// In pixels, by camera, of the first timestep.
    package static func pictureSizes(
        of episode: ExportedEpisode
    ) throws(ImageError) -> [(camera: String, width: Int, height: Int)] {
        var sizes: [(camera: String, width: Int, height: Int)] = []
        for (camera, picture) in (episode.timesteps.first?.pictures ?? [:]).sorted(by: { $0.key < $1.key }) {
            let image = try RGBImage(decoding: picture, source: "camera '\(camera)'")
            sizes.append((camera, image.width, image.height))
        }
        return sizes
    }

    /// - Throws: `ExportError` for other cameras or sizes, `ImageError` for a picture that cannot be decoded.
    package mutating func append(_ episode: ExportedEpisode) throws {
        let sizes = try Self.pictureSizes(of: episode)
        for (found, expected) in zip(sizes, pictureSizes) where found != expected {
            throw ExportError.otherSize(
                path: episode.path, camera: found.camera, found: "\(found.width)x\(found.height)",
                expected: "\(expected.width)x\(expected.height) of '\(expected.camera)'")
        }
        guard sizes.count == pictureSizes.count else {
            throw ExportError.otherSize(
                path: episode.path, camera: "all", found: "of \(sizes.count) cameras", expected: "of \(pictureSizes.count)")
        }
        if !tasks.contains(episode.instruction) { tasks.append(episode.instruction) }
        let task = Int64(tasks.firstIndex(of: episode.instruction) ?? 0)
        let count = episode.timesteps.count
        let seconds = (0..<count).map { Float(Double($0) * period.inSeconds) }
        let places = (0..<count).map { Int64($0) }
        var columns: [ParquetFile.Column] = [
            .init("observation.state", .floatLists(episode.timesteps.map(\.state))),
            .init("action", .floatLists(episode.timesteps.map(\.action))),
        ]
        for size in pictureSizes {
            columns.append(
                .init(
                    Self.key(of: size.camera),
                    .images(episode.timesteps.map { timestep in
                        timestep.pictures[size.camera].map { picture in withExtendedLifetime(picture) { Array(picture.bytes) } } ?? []
                    })))
        }
        columns += [
            .init("timestamp", .float(seconds)), .init("frame_index", .int64(places)),
            .init("episode_index", .int64(Array(repeating: Int64(rows.count), count: count))),
            .init("index", .int64(places.map { $0 + Int64(frames) })),
            .init("task_index", .int64(Array(repeating: task, count: count))),
        ]
        data.append(columns)
        dataBytes += episode.timesteps.reduce(0) { $1.pictures.values.reduce($0) { $0 + $1.count } }
        rows.append(EpisodeRow(length: count, task: episode.instruction, file: dataFile, start: frames))
        frames += count
        try gather(episode, seconds, places, task)
        if dataBytes > Self.fileLimit { endFile() }
    }

    private mutating func gather(_ episode: ExportedEpisode, _ seconds: [Float], _ places: [Int64], _ task: Int64) throws(ImageError) {
        numbers["observation.state", default: []] += episode.timesteps.map { $0.state.map(Double.init) }
        numbers["action", default: []] += episode.timesteps.map { $0.action.map(Double.init) }
        numbers["timestamp", default: []] += seconds.map { [Double($0)] }
        numbers["frame_index", default: []] += places.map { [Double($0)] }
        numbers["episode_index", default: []] += places.map { _ in [Double(rows.count - 1)] }
        numbers["index", default: []] += places.map { [Double($0) + Double(frames - places.count)] }
        numbers["task_index", default: []] += places.map { _ in [Double(task)] }
        for timestep in episode.timesteps {
            for (camera, picture) in timestep.pictures {
                let image = try RGBImage(decoding: picture, source: "camera '\(camera)'")
                colours[Self.key(of: camera), default: ColourLevels()].add(image)
            }
        }
    }

    private mutating func endFile() {
        finished.append(File(path: "data/\(Self.place(dataFile))", bytes: data.finished()))
        data = ParquetFile()
        dataBytes = 0
        dataFile += 1
    }

    private static func key(of camera: String) -> String { "observation.images.\(camera)" }

    /// "chunk-000/file-000.parquet"
    private static func place(_ file: Int) -> String {
        func digits(_ number: Int) -> String { String(repeating: "0", count: max(0, 3 - "\(number)".count)) + "\(number)" }
        return "chunk-\(digits(file / 1000))/file-\(digits(file % 1000)).parquet"
    }

    /// All files of the dataset. There is at least one episode.
    package consuming func files() -> [File] {
        if dataBytes > 0 || finished.isEmpty { endFile() }
        return finished + [
            File(path: "meta/tasks.parquet", bytes: tasksFile), File(path: "meta/episodes/\(Self.place(0))", bytes: episodesFile),
            File(path: "meta/info.json", bytes: Array((info.text(columns: 100) + "\n").utf8)),
            File(path: "meta/stats.json", bytes: Array((statistics.text(columns: 100) + "\n").utf8)),
        ]
    }

    /// The text is the index of a pandas table, which only the metadata says.
    private var tasksFile: [UInt8] {
        var file = ParquetFile()
        file.append([
            .init("task_index", .int64(tasks.indices.map { Int64($0) })), .init("task", .text(tasks)),
        ])
        func column(_ name: String, _ pandas: String, _ numpy: String) -> JSONNode {
            .object([
                "name": JSONNode(name), "field_name": JSONNode(name), "pandas_type": JSONNode(pandas), "numpy_type": JSONNode(numpy),
                "metadata": JSONNode(.null),
            ])
        }
        let pandas = JSONNode.object([
            "index_columns": JSONNode(.array([JSONNode("task")])), "column_indexes": JSONNode(.array([])),
            "columns": JSONNode(.array([column("task_index", "int64", "int64"), column("task", "unicode", "object")])),
            "pandas_version": JSONNode("2.0.0"),
        ])
        return file.finished(metadata: [("pandas", pandas.text())])
    }

    private var episodesFile: [UInt8] {
        var file = ParquetFile()
        func all(_ value: (EpisodeRow) -> Int) -> ParquetFile.Values { .int64(rows.map { Int64(value($0)) }) }
        file.append([
            .init("episode_index", .int64(rows.indices.map { Int64($0) })), .init("length", all(\.length)),
            .init("tasks", .textLists(rows.map { [$0.task] })), .init("data/chunk_index", all { $0.file / 1000 }),
            .init("data/file_index", all { $0.file % 1000 }), .init("dataset_from_index", all(\.start)),
            .init("dataset_to_index", all { $0.start + $0.length }), .init("meta/episodes/chunk_index", all { _ in 0 }),
            .init("meta/episodes/file_index", all { _ in 0 }),
        ])
        return file.finished()
    }

    private var info: JSONNode {
        func feature(_ type: String, _ shape: [Int], _ names: [String]?) -> JSONNode {
            .object([
                "dtype": JSONNode(type), "shape": JSONNode(.array(shape.map { JSONNode($0) })),
                "names": names.map { JSONNode(.array($0.map { JSONNode($0) })) } ?? JSONNode(.null),
            ])
        }
        var features: [JSONNode.Member] = [
            .init(key: "observation.state", value: feature("float32", [7], Self.stateNames)),
            .init(key: "action", value: feature("float32", [7], Self.actionNames)),
        ]
        for size in pictureSizes {
            features.append(
                .init(
                    key: Self.key(of: size.camera), value: feature("image", [size.height, size.width, 3], ["height", "width", "channels"])))
        }
        features.append(.init(key: "timestamp", value: feature("float32", [1], nil)))
        for name in ["frame_index", "episode_index", "index", "task_index"] {
            features.append(.init(key: name, value: feature("int64", [1], nil)))
        }
        let fps = (1 / period.inSeconds).rounded()
        return .object([
            "codebase_version": JSONNode("v3.0"), "robot_type": JSONNode(robotType), "total_episodes": JSONNode(rows.count),
            "total_frames": JSONNode(frames), "total_tasks": JSONNode(tasks.count), "chunks_size": JSONNode(1000),
            "data_files_size_in_mb": JSONNode(100), "video_files_size_in_mb": JSONNode(200), "fps": JSONNode(Int(fps)),
            "splits": .object(["train": JSONNode("0:\(rows.count)")]),
            "data_path": JSONNode("data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"), "video_path": JSONNode(.null),
            "features": JSONNode(.object(features)),
        ])
    }

    private var statistics: JSONNode {
        var members: [JSONNode.Member] = []
        for (name, rows) in numbers.sorted(by: { $0.key < $1.key }) {
            members.append(.init(key: name, value: Self.node(FeatureSpread(rows)) { JSONNode(number: $0) }))
        }
        for (name, levels) in colours.sorted(by: { $0.key < $1.key }) {
            // Shape (3, 1, 1).
            let spread = Self.node(FeatureSpread(levels)) { JSONNode(.array([JSONNode(.array([JSONNode(number: $0)]))])) }
            members.append(.init(key: name, value: spread))
        }
        return JSONNode(.object(members))
    }

    private static func node(_ spread: FeatureSpread, _ number: (Double) -> JSONNode) -> JSONNode {
        func list(_ values: [Double]) -> JSONNode { JSONNode(.array(values.map(number))) }
        var node = JSONNode.object([
            "min": list(spread.minimum), "max": list(spread.maximum), "mean": list(spread.mean), "std": list(spread.deviation),
            "count": JSONNode(.array([JSONNode(spread.count)])),
        ])
        for (name, values) in zip(FeatureSpread.quantileNames, spread.quantiles) { node = node.with(name, list(values)) }
        return node
    }
}
