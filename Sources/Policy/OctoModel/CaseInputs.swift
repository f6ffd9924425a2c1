extension Checkpoint {
    /// The checkpoint without the cameras that a recorded case has no pictures of.
    /// - Throws: `.cannotLeaveOut`.
    package func observing(_ file: SafetensorsFile) throws(CheckpointError) -> Checkpoint {
        let absent = description.cameras.map(\.key).filter { file["in.obs.\($0)"] == nil }
        // None at all: the file is no case of this network, and who reads it says so.
        return absent.count == description.cameras.count ? self : try leavingOut(Set(absent))
    }
}

/// The inputs of a recorded case: `in.obs.…`, `in.task.…`, `in.noise.…`, `in.unnorm.…`.
struct CaseInputs {
    let task: TaskInput
    let observation: ObservationInput
    /// Noise of each timestep: the official code denoises all of them.
    let noise: [DiffusionNoise]
    let statistics: ActionStatistics?
    /// Names of inputs that mean nothing to this runtime.
    let unknown: [String]

    /// Number of the robot's action dimensions, which the official code knows from its statistics; nil without them.
    var embodimentDimension: Int? { statistics?.dimension }

    static func isInput(_ name: String) -> Bool { name.hasPrefix("in.") }

    init(_ file: SafetensorsFile, _ configuration: ModelConfiguration) throws(VerificationError) {
        do throws(SafetensorsError) {
            var images: [String: [UInt8]] = [:]
            var padMasks: [String: [Bool]] = [:]
            var goals: [String: [UInt8]] = [:]
            var lowdim: [String: [Float]] = [:]
            let lowdimKeys = Set(configuration.lowdimTokenizers.flatMap(\.keys).map(\.name))
            var unknown: [String] = []
            for name in file.names where Self.isInput(name) {
                if let key = Self.key(name, after: "in.obs.pad_mask_dict.") {
                    padMasks[key] = try file.uint8(name).map { $0 != 0 }
                } else if let key = Self.key(name, after: "in.obs."), key.hasPrefix("image_") {
                    images[key] = try file.uint8(name)
                } else if let key = Self.key(name, after: "in.obs."), lowdimKeys.contains(key) {
                    lowdim[key] = try file.floats(name)
                } else if let key = Self.key(name, after: "in.task."), key.hasPrefix("image_") {
                    // An all-zero goal image is the same as none.
                    if !key.hasSuffix(".is_zero_of_shape") { goals[key] = try file.uint8(name) }
                } else if !Self.isKnown(name) {
                    unknown.append(name)
                }
            }
            let timestepPadMask = try file.uint8("in.obs.timestep_pad_mask").map { $0 != 0 }
            task = TaskInput(goalImages: goals, text: try Self.text(file))
            observation = ObservationInput(
                images: images, timestepPadMask: timestepPadMask, padMasks: padMasks, lowdim: lowdim)
            self.unknown = unknown
            statistics = try Self.statistics(file)
            let needsNoise = configuration.head.diffusionSteps > 0
            noise =
                needsNoise
                ? try Self.noise(file, timesteps: timestepPadMask.count)
                : timestepPadMask.map { _ in DiffusionNoise(initial: [], steps: []) }
        } catch {
            throw .unreadable(error)
        }
        let head = configuration.head
        if noise.isEmpty {
            throw .unusableInput(
                file: file.file, tensor: "in.noise", found: "not one row per timestep", expected: "[steps, 1, T, chunk]"
            )
        }
        if let statistics, statistics.dimension > head.actionDimension {
            throw .unusableInput(
                file: file.file, tensor: "in.unnorm.mean", found: "of \(statistics.dimension) dimensions",
                expected: "at most \(head.actionDimension)")
        }
    }

    private static func key(_ name: String, after prefix: String) -> String? {
        name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
    }

    private static func isKnown(_ name: String) -> Bool {
        // The task's own pad masks, but for the text's, are read by nobody.
        name.hasPrefix("in.task.pad_mask_dict.") || name.hasPrefix("in.task.language_instruction.")
            || name.hasPrefix("in.noise.") || name.hasPrefix("in.unnorm.") || name == "in.obs.timestep_pad_mask"
    }

    /// nil if there is none, or only the stand-in for none.
    private static func text(_ file: SafetensorsFile) throws(SafetensorsError) -> TokenizedText? {
        let name = "in.task.language_instruction"
        let mask = "in.task.pad_mask_dict.language_instruction"
        guard file["\(name).input_ids"] != nil else { return nil }
        if file[mask] != nil, try file.uint8(mask).first == 0 { return nil }
        return TokenizedText(
            ids: try file.int32("\(name).input_ids"),
            attentionMask: try file.int32("\(name).attention_mask").map { $0 != 0 })
    }

    private static func statistics(_ file: SafetensorsFile) throws(SafetensorsError) -> ActionStatistics? {
        guard file["in.unnorm.mean"] != nil else { return nil }
        let mean = try file.floats("in.unnorm.mean")
        let std = try file.floats("in.unnorm.std")
        let mask =
            file["in.unnorm.mask"] == nil ? mean.map { _ in true } : try file.uint8("in.unnorm.mask").map { $0 != 0 }
        guard !mean.isEmpty, std.count == mean.count, mask.count == mean.count else {
            throw .damaged(file: file.file, problem: "in.unnorm.mean, std and mask have different lengths")
        }
        return ActionStatistics(mean: mean, std: std, mask: mask)
    }

    /// Empty if the shapes do not fit together.
    private static func noise(_ file: SafetensorsFile, timesteps T: Int) throws(SafetensorsError) -> [DiffusionNoise] {
        let initial = try file.floats("in.noise.x_T")
        let steps = try file.floats("in.noise.z")
        let initialShape = try file.shape("in.noise.x_T")
        let stepShape = try file.shape("in.noise.z")
        guard T > 0, initialShape.count == 3, stepShape.count == 4, initialShape[0] == 1, initialShape[1] == T,
            stepShape[1] == 1, stepShape[2] == T, stepShape[3] == initialShape[2]
        else { return [] }
        let size = initialShape[2]
        return (0..<T).map { t in
            DiffusionNoise(
                initial: Array(initial[t * size..<(t + 1) * size]),
                steps: (0..<stepShape[0]).flatMap { step in
                    let start = (step * T + t) * size
                    return steps[start..<start + size]
                })
        }
    }
}
