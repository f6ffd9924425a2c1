import Images
import JSONTree
import Time

/// Episodes as a LeRobotDataset v3.0, pictures within the table or in movies, always as the JPEG files they are. Holds
/// the numbers of the timesteps for their statistics, and one episode's pictures at a time. Source: the format's own
/// reader, version 0.4.4, commit 7427f318.
package struct LeRobotDataset {
    /// Kinds of state and action.
    package enum Space: String, CaseIterable, Sendable {
        /// The end effector by Bridge's conventions: its pose, and its motion to the next timestep (metres, radians;
        /// gripper 1 open).
        case eef
        /// Joint positions, measured and commanded (degrees; gripper 0...100): LeRobot's own.
        case joints
    }

    /// Ways to keep the pictures.
    package enum Pictures: Sendable {
        /// Files within the table.
        case images
        /// Movies of the JPEG files as they are.
        case video
    }

    /// Puts bytes at the end of the file at this path within the dataset.
    package typealias Write = (_ path: String, _ bytes: [UInt8]) throws -> Void

    private static let eefNames = (
        state: ["x", "y", "z", "roll", "pitch", "yaw", "gripper"],
        action: ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"]
    )
    /// A file of data that has become longer is followed by another. Bytes.
    private static let fileLimit = 100 << 20
    private static let movieLimit = 200 << 20

    private let robotType: String
    private let space: Space
    private let form: DatasetForm
    private let pictures: Pictures
    /// The open movie of each camera, with the number of its file.
    private var movies: [String: (movie: JPEGMovie, file: Int)] = [:]
    private let write: Write
    private var tasks: [String] = []
    private var frames = 0
    private var data = ParquetFile()
    private var dataFile = 0
    private var rows: [EpisodeRow] = []
    /// Values of all timesteps, by feature, then by dimension.
    private var numbers: [String: [[Double]]] = [:]
    private var colours: [String: ColourLevels] = [:]

    private struct EpisodeRow {
        var length: Int
        var task: String
        var file: Int
        var start: Int
        /// The movie file of each camera, and the places of the first frame and of the one behind the last in it.
        var movies: [String: (file: Int, frames: Range<Int>)]
        /// Spreads of the features.
        var spreads: [String: FeatureSpread]
    }

    /// Makes a dataset for episodes like `first`; writes nothing yet.
    /// - Parameters:
    ///   - robotType: name of the robot in `info.json`.
    ///   - first: an episode like all that follow.
    ///   - write: takes the files as they grow, so that none is held in memory.
    /// - Throws: `ExportError` for a rate that the format cannot hold, `ImageError` for a picture that cannot be
    ///   decoded.
    package init(
        robotType: String, like first: ExportedEpisode, space: Space = .eef, pictures: Pictures = .images,
        write: @escaping Write
    ) throws {
        self.robotType = robotType
        self.pictures = pictures
        self.space = space
        self.write = write
        form = try DatasetForm(of: first)
        let hertz = 1 / first.period.inSeconds
        guard hertz.rounded() >= 1, abs(hertz - hertz.rounded()) < 1e-5 * hertz else {
            throw ExportError.rate(found: hertz)
        }
    }

    /// Appends an episode, and hands out what is whole of the files.
    /// - Throws: `ExportError` for an episode that is not like the first, `ImageError` for a picture that cannot be
    ///   decoded, and what `write` throws.
    package mutating func append(_ episode: ExportedEpisode) throws {
        try form.check(episode)
        if !tasks.contains(episode.instruction) { tasks.append(episode.instruction) }
        let task = Int64(tasks.firstIndex(of: episode.instruction) ?? 0)
        let count = episode.timesteps.count
        let seconds = (0..<count).map { Float(Double($0) * form.period.inSeconds) }
        let places = (0..<count).map { Int64($0) }
        let states = episode.timesteps.map { space == .joints ? $0.jointState : $0.state }
        let actions = episode.timesteps.map { space == .joints ? $0.jointAction : $0.action }
        var columns: [ParquetFile.Column] = [
            .init("observation.state", .floatLists(states)), .init("action", .floatLists(actions)),
        ]
        for picture in form.pictures where pictures == .images {
            columns.append(
                .init(
                    Self.key(of: picture.camera),
                    .images(
                        episode.timesteps.map { timestep in
                            timestep.pictures[picture.camera].map { picture in
                                withExtendedLifetime(picture) { Array(picture.bytes) }
                            } ?? []
                        })))
        }
        let indexes: [(name: String, values: [Int64])] = [
            ("frame_index", places), ("episode_index", Array(repeating: Int64(rows.count), count: count)),
            ("index", places.map { $0 + Int64(frames) }), ("task_index", Array(repeating: task, count: count)),
        ]
        columns.append(.init("timestamp", .float(seconds)))
        columns += indexes.map { .init($0.name, .int64($0.values)) }
        data.append(columns)
        try write("data/\(Self.place(dataFile))", data.takeBytes())

        func dimensions(_ rows: [[Float]]) -> [[Double]] {
            (0..<(rows.first?.count ?? 0)).map { place in rows.map { Double($0[place]) } }
        }
        var found = [
            "observation.state": dimensions(states), "action": dimensions(actions),
            "timestamp": [seconds.map(Double.init)],
        ]
        for index in indexes { found[index.name] = [index.values.map(Double.init)] }
        rows.append(
            EpisodeRow(
                length: count, task: episode.instruction, file: dataFile, start: frames,
                movies: try writeMovies(of: episode),
                spreads: try gather(found).merging(gatherColours(of: episode)) { $1 }))
        frames += count
        if data.byteCount > Self.fileLimit { try endFile() }
    }

    /// Takes an episode's numbers into those of the whole dataset.
    /// - Returns: the spread of each feature within the episode.
    private mutating func gather(_ found: [String: [[Double]]]) -> [String: FeatureSpread] {
        for (name, dimensions) in found {
            for (place, values) in dimensions.enumerated() {
                if numbers[name, default: []].count <= place { numbers[name, default: []].append([]) }
                numbers[name]?[place] += values
            }
        }
        return found.mapValues { FeatureSpread($0) }
    }

    private mutating func gatherColours(of episode: ExportedEpisode) throws(ImageError) -> [String: FeatureSpread] {
        var levels: [String: ColourLevels] = [:]
        for timestep in episode.timesteps {
            for (camera, picture) in timestep.pictures {
                let image = try RGBImage(decoding: picture, source: "camera '\(camera)'")
                levels[Self.key(of: camera), default: ColourLevels()].add(image)
            }
        }
        for (key, found) in levels { colours[key, default: ColourLevels()].add(found) }
        return levels.mapValues { FeatureSpread($0) }
    }

    /// Appends the episode's pictures to the movies of its cameras.
    /// - Returns: movie file and frames of the episode, by camera; empty where pictures are no movies.
    private mutating func writeMovies(of episode: ExportedEpisode) throws -> [String: (file: Int, frames: Range<Int>)] {
        guard pictures == .video else { return [:] }
        var places: [String: (file: Int, frames: Range<Int>)] = [:]
        for picture in form.pictures {
            var (movie, file) = movies[picture.camera] ?? (makeMovie(picture), 0)
            if movie.byteCount > Self.movieLimit {
                try write(Self.moviePath(picture.camera, file), movie.finished())
                (movie, file) = (makeMovie(picture), file + 1)
            }
            let start = movie.frameCount
            for timestep in episode.timesteps {
                guard let jpeg = timestep.pictures[picture.camera] else { continue }
                withExtendedLifetime(jpeg) { movie.append(jpeg.bytes) }
            }
            try write(Self.moviePath(picture.camera, file), movie.takeBytes())
            places[picture.camera] = (file, start..<movie.frameCount)
            movies[picture.camera] = (movie, file)
        }
        return places
    }

    private func makeMovie(_ picture: DatasetForm.Picture) -> JPEGMovie {
        JPEGMovie(width: picture.width, height: picture.height, framesPerSecond: framesPerSecond)
    }

    private static func moviePath(_ camera: String, _ file: Int) -> String {
        "videos/\(key(of: camera))/\(place(file, ending: "mp4"))"
    }

    private var framesPerSecond: Int { Int((1 / form.period.inSeconds).rounded()) }

    private mutating func endFile() throws {
        try write("data/\(Self.place(dataFile))", data.finished())
        data = ParquetFile()
        dataFile += 1
    }

    private static func key(of camera: String) -> String { "observation.images.\(camera)" }

    /// "chunk-000/file-000.parquet"
    private static func place(_ file: Int, ending: String = "parquet") -> String {
        func digits(_ number: Int) -> String {
            String(repeating: "0", count: max(0, 3 - "\(number)".count)) + "\(number)"
        }
        return "chunk-\(digits(file / 1000))/file-\(digits(file % 1000)).\(ending)"
    }

    /// Ends the data, and writes the files that describe it. There is at least one episode.
    package consuming func finish() throws {
        if rows.last?.file == dataFile { try endFile() }
        for (camera, movie) in movies.sorted(by: { $0.key < $1.key }) {
            try write(Self.moviePath(camera, movie.file), movie.movie.finished())
        }
        try write("meta/tasks.parquet", tasksFile)
        try write("meta/episodes/\(Self.place(0))", episodesFile)
        try write("meta/info.json", Array((info.text(columns: 100) + "\n").utf8))
        try write("meta/stats.json", Array((statistics.text(columns: 100) + "\n").utf8))
    }

    /// The text is the index of a pandas table, which only the metadata says.
    private var tasksFile: [UInt8] {
        var file = ParquetFile()
        file.append([
            .init("task_index", .int64(tasks.indices.map { Int64($0) })), .init("task", .text(tasks)),
        ])
        func column(_ name: String, _ pandas: String, _ numpy: String) -> JSONNode {
            .object([
                "name": JSONNode(name), "field_name": JSONNode(name), "pandas_type": JSONNode(pandas),
                "numpy_type": JSONNode(numpy),
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
        var columns: [ParquetFile.Column] = [
            .init("episode_index", .int64(rows.indices.map { Int64($0) })), .init("length", all(\.length)),
            .init("tasks", .textLists(rows.map { [$0.task] })), .init("data/chunk_index", all { $0.file / 1000 }),
            .init("data/file_index", all { $0.file % 1000 }), .init("dataset_from_index", all(\.start)),
            .init("dataset_to_index", all { $0.start + $0.length }), .init("meta/episodes/chunk_index", all { _ in 0 }),
            .init("meta/episodes/file_index", all { _ in 0 }),
        ]
        for picture in form.pictures where pictures == .video {
            let name = "videos/\(Self.key(of: picture.camera))"
            let places = rows.compactMap { $0.movies[picture.camera] }
            func seconds(_ frame: Int) -> Double { Double(frame) / Double(framesPerSecond) }
            columns += [
                .init("\(name)/chunk_index", .int64(places.map { Int64($0.file / 1000) })),
                .init("\(name)/file_index", .int64(places.map { Int64($0.file % 1000) })),
                .init("\(name)/from_timestamp", .double(places.map { seconds($0.frames.lowerBound) })),
                .init("\(name)/to_timestamp", .double(places.map { seconds($0.frames.upperBound) })),
            ]
        }
        // LeRobot's own tools make the statistics of a part of the dataset from these.
        for name in (rows.first?.spreads.keys.sorted() ?? []) {
            let spreads = rows.compactMap { $0.spreads[name] }
            let isPicture = colours[name] != nil
            func add(_ statistic: String, _ values: (FeatureSpread) -> [Double]) {
                let values = spreads.map(values)
                columns.append(
                    .init("stats/\(name)/\(statistic)", isPicture ? .colourNumbers(values) : .doubleLists(values)))
            }
            add("min", \.minimum)
            add("max", \.maximum)
            add("mean", \.mean)
            add("std", \.deviation)
            columns.append(.init("stats/\(name)/count", .int64Lists(spreads.map { [Int64($0.count)] })))
            for (place, quantile) in FeatureSpread.quantileNames.enumerated() { add(quantile) { $0.quantiles[place] } }
        }
        file.append(columns)
        return file.finished()
    }

    private var names: (state: [String], action: [String]) {
        guard space == .joints else { return Self.eefNames }
        let names = (form.joints + ["gripper"]).map { "\($0).pos" }
        return (names, names)
    }

    private var info: JSONNode {
        func feature(_ type: String, _ shape: [Int], _ names: [String]?) -> JSONNode {
            .object([
                "dtype": JSONNode(type), "shape": JSONNode(.array(shape.map { JSONNode($0) })),
                "names": names.map { JSONNode(.array($0.map { JSONNode($0) })) } ?? JSONNode(.null),
            ])
        }
        var features: [JSONNode.Member] = [
            .init(key: "observation.state", value: feature("float32", [names.state.count], names.state)),
            .init(key: "action", value: feature("float32", [names.action.count], names.action)),
        ]
        for size in form.pictures {
            var value = feature(
                pictures == .video ? "video" : "image", [size.height, size.width, 3], ["height", "width", "channels"])
            if pictures == .video {
                value = value.with(
                    "info",
                    .object([
                        "video.height": JSONNode(size.height), "video.width": JSONNode(size.width),
                        "video.codec": JSONNode("mjpeg"),
                        "video.is_depth_map": JSONNode(.bool(false)), "video.fps": JSONNode(framesPerSecond),
                        "video.channels": JSONNode(3), "has_audio": JSONNode(.bool(false)),
                    ]))
            }
            features.append(.init(key: Self.key(of: size.camera), value: value))
        }
        features.append(.init(key: "timestamp", value: feature("float32", [1], nil)))
        for name in ["frame_index", "episode_index", "index", "task_index"] {
            features.append(.init(key: name, value: feature("int64", [1], nil)))
        }
        return .object([
            "codebase_version": JSONNode("v3.0"), "robot_type": JSONNode(robotType),
            "total_episodes": JSONNode(rows.count),
            "total_frames": JSONNode(frames), "total_tasks": JSONNode(tasks.count), "chunks_size": JSONNode(1000),
            "data_files_size_in_mb": JSONNode(100), "video_files_size_in_mb": JSONNode(200),
            "fps": JSONNode(framesPerSecond),
            "splits": .object(["train": JSONNode("0:\(rows.count)")]),
            "data_path": JSONNode("data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"),
            "video_path": pictures == .video
                ? JSONNode("videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4") : JSONNode(.null),
            "features": JSONNode(.object(features)),
        ])
    }

    private var statistics: JSONNode {
        var members: [JSONNode.Member] = []
        for (name, dimensions) in numbers.sorted(by: { $0.key < $1.key }) {
            members.append(.init(key: name, value: Self.node(FeatureSpread(dimensions)) { JSONNode(number: $0) }))
        }
        for (name, levels) in colours.sorted(by: { $0.key < $1.key }) {
            // Shape (3, 1, 1).
            let spread = Self.node(FeatureSpread(levels)) {
                JSONNode(.array([JSONNode(.array([JSONNode(number: $0)]))]))
            }
            members.append(.init(key: name, value: spread))
        }
        return JSONNode(.object(members))
    }

    private static func node(_ spread: FeatureSpread, _ number: (Double) -> JSONNode) -> JSONNode {
        func list(_ values: [Double]) -> JSONNode { JSONNode(.array(values.map(number))) }
        var node = JSONNode.object([
            "min": list(spread.minimum), "max": list(spread.maximum), "mean": list(spread.mean),
            "std": list(spread.deviation),
            "count": JSONNode(.array([JSONNode(spread.count)])),
        ])
        for (name, values) in zip(FeatureSpread.quantileNames, spread.quantiles) {
            node = node.with(name, list(values))
        }
        return node
    }
}
