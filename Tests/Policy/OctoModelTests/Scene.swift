import OctoModel
import TestSupport

/// A robot that sees random pictures: some stand still, some cameras fail, some windows begin with padding.
struct Scene {
    private let model: ModelDescription
    private var random: SeededGenerator
    /// By camera key, newest last.
    private var frames: [String: [[UInt8]]] = [:]
    private var masks: [String: [Bool]] = [:]
    private var numbers: [String: [[Float]]] = [:]

    init(_ model: ModelDescription, seed: UInt64) {
        self.model = model
        random = SeededGenerator(seed: seed)
    }

    mutating func task() -> TaskInput {
        var goals: [String: [UInt8]] = [:]
        for camera in model.cameras where camera.fusesGoal && Int.random(in: 0..<4, using: &random) > 0 {
            goals[camera.key] = picture(camera)
        }
        let length = Int.random(in: 1...16, using: &random)
        let ids = (0..<16).map { $0 < length ? Int32.random(in: 1..<64, using: &random) : 0 }
        let text = TokenizedText(ids: ids, attentionMask: (0..<16).map { $0 < length })
        let vectors = model.taskVectors.map { vector in
            (vector.key, (0..<vector.count).map { _ in Float.random(in: -2...2, using: &random) })
        }
        return TaskInput(
            goalImages: goals, text: Bool.random(using: &random) ? text : nil,
            vectors: Dictionary(vectors, uniquingKeysWith: { first, _ in first }))
    }

    /// One more timestep.
    mutating func step() {
        for camera in model.cameras {
            let last = frames[camera.key]?.last
            let isStill = last != nil && Int.random(in: 0..<4, using: &random) == 0
            frames[camera.key, default: []].append(isStill ? last ?? [] : picture(camera))
            masks[camera.key, default: []].append(Int.random(in: 0..<6, using: &random) > 0)
        }
        for key in model.lowdimKeys {
            let last = numbers[key.name]?.last
            let isStill = last != nil && Int.random(in: 0..<4, using: &random) == 0
            let fresh = (0..<key.dimension).map { _ in Float.random(in: -3...3, using: &random) }
            numbers[key.name, default: []].append(isStill ? last ?? fresh : fresh)
        }
    }

    /// The last timesteps; the first picture is repeated, and marked, where there are not enough.
    mutating func window(timesteps: Int) -> ObservationInput {
        let known = frames.values.first?.count ?? 0
        let padding = max(0, timesteps - known)
        var images: [String: [UInt8]] = [:]
        var padMasks: [String: [Bool]] = [:]
        let marksCameras = Bool.random(using: &random)
        for camera in model.cameras {
            let (all, seen) = (frames[camera.key] ?? [], masks[camera.key] ?? [])
            images[camera.key] =
                Array(repeating: all[0], count: padding).flatMap { $0 }
                + all.suffix(timesteps - padding).flatMap { $0 }
            if marksCameras {
                padMasks[camera.key] = Array(repeating: seen[0], count: padding) + seen.suffix(timesteps - padding)
            }
        }
        let lowdim = numbers.mapValues { all in
            Array(repeating: all[0], count: padding).flatMap { $0 } + all.suffix(timesteps - padding).flatMap { $0 }
        }
        return ObservationInput(
            images: images, timestepPadMask: (0..<timesteps).map { $0 >= padding }, padMasks: padMasks, lowdim: lowdim)
    }

    private mutating func picture(_ camera: ModelDescription.Camera) -> [UInt8] {
        (0..<camera.width * camera.height * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
