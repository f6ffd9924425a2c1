import Foundation

/// `example_batch.msgpack`: one sample of the training data, which says what the network's input looks like.
struct ExampleBatch: Sendable {
    struct ImageSize: Equatable, Sendable {
        var height: Int
        var width: Int
        var channels: Int
    }
    let file: String
    /// Timesteps per sample.
    let windowSize: Int
    /// Sizes of `observation/image_*`, by key.
    let observationImages: [String: ImageSize]
    /// Sizes of `task/image_*`, by key.
    let goalImages: [String: ImageSize]
    /// What else `observation/` holds, by key.
    let observationNumbers: [String: Numbers]
    /// Numbers of every `task/<key>` that is one vector of floating-point numbers, by key.
    let taskVectors: [String: Int]

    /// An array of the observation that is no image.
    struct Numbers: Equatable, Sendable {
        var shape: [Int]
        var isFloatingPoint: Bool
    }

    init(
        file: String, windowSize: Int, observationImages: [String: ImageSize], goalImages: [String: ImageSize],
        observationNumbers: [String: Numbers] = [:], taskVectors: [String: Int] = [:]
    ) {
        self.file = file
        self.windowSize = windowSize
        self.observationImages = observationImages
        self.goalImages = goalImages
        self.observationNumbers = observationNumbers
        self.taskVectors = taskVectors
    }

    init(_ archive: FlaxArchive) throws(CheckpointError) {
        var observations: [String: ImageSize] = [:]
        var goals: [String: ImageSize] = [:]
        var numbers: [String: Numbers] = [:]
        var windows: Set<Int> = []
        for (name, entry) in archive.entries {
            let parts = name.split(separator: "/")
            guard parts.count == 2 else { continue }
            let (group, key) = (parts[0], String(parts[1]))
            guard key.hasPrefix("image_") || key.hasPrefix("depth_") else {
                if group == "observation" {
                    let isFloatingPoint = [.float32, .float16, .bfloat16, .float64].contains(entry.elementType)
                    numbers[key] = Numbers(shape: entry.shape, isFloatingPoint: isFloatingPoint)
                }
                continue
            }
            // `tasks` was the name until early 2024.
            let isGoal = group == "task" || group == "tasks"
            guard group == "observation" || isGoal else { continue }
            let shape = entry.shape
            let rank = isGoal ? 4 : 5
            guard shape.count == rank, shape[0] == 1, shape.allSatisfy({ (1...4096).contains($0) }) else {
                throw .unusableExample(
                    path: archive.file, found: "'\(name)' of shape \(shape)",
                    expected: "[1, \(isGoal ? "" : "window, ")height, width, 3]")
            }
            let size = ImageSize(height: shape[rank - 3], width: shape[rank - 2], channels: shape[rank - 1])
            if isGoal {
                goals[key] = size
            } else {
                observations[key] = size
                windows.insert(shape[1])
            }
        }
        guard windows.count == 1, let window = windows.first else {
            throw .unusableExample(
                path: archive.file,
                found: windows.isEmpty ? "no observation image" : "windows of \(windows.sorted()) timesteps",
                expected: "'observation/image_*' with one window")
        }
        self.init(
            file: archive.file, windowSize: window, observationImages: observations, goalImages: goals,
            observationNumbers: numbers, taskVectors: Self.taskVectors(archive))
    }

    private static func taskVectors(_ archive: FlaxArchive) -> [String: Int] {
        var vectors: [String: Int] = [:]
        for (name, entry) in archive.entries where entry.shape.count == 2 && entry.shape[0] == 1 {
            let parts = name.split(separator: "/")
            guard parts.count == 2, parts[0] == "task" || parts[0] == "tasks" else { continue }
            // More would be no vector of a task but damage.
            guard entry.elementType.isFloatingPoint, (1...100_000).contains(entry.shape[1]) else { continue }
            vectors[String(parts[1])] = entry.shape[1]
        }
        return vectors
    }
}
