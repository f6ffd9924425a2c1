import JSONTree

/// A checked Octo checkpoint: configuration and parameters that fit each other and that this runtime can follow.
package struct Checkpoint: Sendable {
    /// The folder as given, "random" for one made in memory.
    package let folder: String
    /// The training step that was chosen.
    package let step: Int
    package private(set) var description: ModelDescription
    private(set) var configuration: ModelConfiguration
    let parameters: any ParameterSource
    private let statistics: CheckpointStatistics?
    /// How the configuration says that actions and proprioception were normalised for training; nil: it does not say.
    package let normalization: ActionStatistics.Normalization?

    /// Opens a folder as `save_pretrained` of the official code writes it (commit 241fb35): no conversion.
    ///
    /// Everything is checked here: what cannot be followed exactly is refused by name. The parameters themselves are
    /// mapped, looked through for NaN and infinity, and copied only when a network is made.
    ///
    /// - Parameters:
    ///   - folder: holds `config.json`, `dataset_statistics.json`, `example_batch.msgpack` and a folder per step.
    ///   - step: training step of the checkpoint; nil takes the last.
    package init(folder: String, step: Int? = nil) throws(CheckpointError) {
        let files = try CheckpointFolder(folder)
        let config = try files.json("config.json", role: "the model's configuration")
        let statisticsNode = try files.json("dataset_statistics.json", role: "the action statistics")
        let statistics = try CheckpointStatistics(statisticsNode, file: files.file("dataset_statistics.json"))
        let example = try ExampleBatch(
            try files.archive(files.file("example_batch.msgpack"), role: "a sample of the training data"))
        let configuration = try ModelConfiguration(config, file: files.file("config.json"), example: example)
        let chosen = try files.step(step)
        let parameterFile = try files.parameterFile(step: chosen)
        let archive = try files.archive(parameterFile, role: "the parameters")
        if archive.refersToOtherFiles { throw .foreignLayout(path: parameterFile, layout: .zarr) }
        try self.init(
            folder: folder, step: chosen, configuration, parameters: archive, statistics: statistics,
            normalization: try Self.normalization(config, file: files.file("config.json")))
    }

    init(
        folder: String, step: Int, _ configuration: ModelConfiguration, parameters: any ParameterSource,
        statistics: CheckpointStatistics?, normalization: ActionStatistics.Normalization? = nil
    ) throws(CheckpointError) {
        var reader = ParameterReader(parameters, copies: false)
        let parts = NetworkParts(configuration, &reader)
        if !reader.problems.isEmpty {
            throw .unusableParameters(path: parameters.file, problems: reader.problems)
        }
        if let (found, expected) = Self.headProblem(configuration, parts) {
            let problem = JSONProblem(
                path: "model.heads.action.kwargs.readout_key", found: found, expected: expected)
            throw .unusableConfiguration(path: "\(folder)/config.json", problems: [problem])
        }
        self.folder = folder
        self.step = step
        self.configuration = configuration
        self.parameters = parameters
        self.statistics = statistics
        self.normalization = normalization
        description = ModelDescription(
            configuration, parameters: parameters, reader: reader,
            datasets: statistics?.entries.compactMap(\.name) ?? [])
        let nonFinite = parameters.nonFinite(among: reader.names)
        if !nonFinite.isEmpty { throw .nonFiniteParameters(path: parameters.file, names: nonFinite) }
    }

    /// Leaves cameras out of the checkpoint, for a robot that lacks some: their tokens are left out of the sequence, as
    /// the official code does with observations that have no such image (`ImageTokenizer`, commit 241fb35). What
    /// remains is computed as ever.
    /// - Parameter keys: the cameras' keys in the observation, such as `image_wrist`.
    /// - Throws: `.cannotLeaveOut` when the network means nothing without them.
    package func leavingOut(_ keys: Set<String>) throws(CheckpointError) -> Checkpoint {
        if keys.isEmpty { return self }
        var rest = self
        rest.configuration.observationTokenizers.removeAll { tokenizer in
            if case .image(let tokenizer) = tokenizer {
                Set(tokenizer.observationKeys).isSubset(of: keys)
            } else {
                false
            }
        }
        let remaining = rest.configuration.imageTokenizers
        let stacked = remaining.first { !keys.isDisjoint(with: $0.observationKeys) }
        if let stacked {
            throw .cannotLeaveOut(keys.sorted(), reason: "its image is stacked with another in '\(stacked.name)'")
        }
        if remaining.isEmpty { throw .cannotLeaveOut(keys.sorted(), reason: "it would see nothing") }
        var reader = ParameterReader(parameters, copies: false)
        let parts = NetworkParts(rest.configuration, &reader)
        let headTokens = parts.layout(rest.configuration, timesteps: 1).range(
            of: configuration.head.source, timestep: 0)
        if headTokens?.isEmpty != false {
            throw .cannotLeaveOut(keys.sorted(), reason: "its action head reads its tokens")
        }
        if let (_, expected) = Self.headProblem(rest.configuration, parts) {
            throw .cannotLeaveOut(keys.sorted(), reason: "its action head needs \(expected)")
        }
        rest.description = ModelDescription(
            rest.configuration, parameters: parameters, reader: reader, datasets: description.datasets)
        rest.description.ignoredParameters = description.ignoredParameters
        return rest
    }

    /// Whether the tokens of cameras can be masked while the network runs, as in training with pictures left out.
    /// - Parameter keys: the cameras' keys in the observation, such as `image_wrist`.
    /// - Throws: `.cannotMask` when the network would look at their black pictures.
    package func checkMaskable(_ keys: Set<String>) throws(CheckpointError) {
        for tokenizer in configuration.imageTokenizers where !keys.isDisjoint(with: tokenizer.observationKeys) {
            guard tokenizer.usesPadMask else {
                throw .cannotMask(
                    keys.sorted(), reason: "'\(tokenizer.name)' was trained without masks (proper_pad_mask)")
            }
            guard keys.isSuperset(of: tokenizer.observationKeys) else {
                throw .cannotMask(keys.sorted(), reason: "its image is stacked with another in '\(tokenizer.name)'")
            }
        }
    }

    /// A discrete head without pooling needs as many tokens as it makes words of. How many there are in an observation
    /// group is known only with the parameters: they alone say how long a text is.
    private static func headProblem(
        _ configuration: ModelConfiguration, _ parts: NetworkParts
    ) -> (found: String, expected: String)? {
        let head = configuration.head
        let tokens = parts.layout(configuration, timesteps: 1).range(of: head.source, timestep: 0)?.count ?? 0
        guard case .discrete = head.kind, !head.usesAttentionPooling, tokens != head.embeddings else { return nil }
        return (
            "\(head.source), which has \(tokens) tokens",
            "\(head.embeddings) tokens, as the \(head.name) takes them without use_map"
        )
    }

    /// Reads `action_proprio_normalization_type`, which pretraining and fine-tuning keep in different places.
    /// - Throws: `.unusableConfiguration` for a way that is not known: taken for another, every action would be wrong.
    private static func normalization(
        _ config: JSONNode, file: String
    ) throws(CheckpointError) -> ActionStatistics.Normalization? {
        let key = "action_proprio_normalization_type"
        if let found = config[key], !found.isNull {
            guard let known = found.string.flatMap(ActionStatistics.Normalization.init(rawValue:)) else {
                let names = ActionStatistics.Normalization.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
                throw .unusableConfiguration(
                    path: file, problems: [JSONProblem(path: key, found: found.brief, expected: names)])
            }
            return known
        }
        for member in config.object ?? [] {
            if let found = try normalization(member.value, file: file) { return found }
        }
        return nil
    }

    /// Names of the data sets whose gripper goes from -1 to 1; "the data set" for the only, nameless one.
    package var signedGripperDatasets: [String] {
        statistics?.entries.filter(\.action.hasSignedGripper).map { $0.name ?? "the data set" } ?? []
    }

    /// How the proprioception of a data set was normalised; nil if the file does not say.
    /// - Parameters: the same as those of `actionStatistics`.
    /// - Throws: `.unusableStatistics` naming the data sets there are, or what is wrong.
    package func proprioStatistics(
        dataset: String?, normalization: ActionStatistics.Normalization? = nil
    ) throws(CheckpointError) -> ProprioStatistics? {
        guard let file = statistics?.file, var found = try statistics?.proprio(of: dataset) else { return nil }
        found.normalization = normalization ?? self.normalization ?? .normal
        try Self.check(found.normalization, p01: found.p01, p99: found.p99, of: "proprio", file: file)
        return found
    }

    private static func check(
        _ normalization: ActionStatistics.Normalization, p01: [Float]?, p99: [Float]?, of name: String, file: String
    ) throws(CheckpointError) {
        if normalization == .bounds, p01 == nil || p99 == nil {
            throw .unusableStatistics(
                path: file, found: "no p01 or no p99 of '\(name)'", expected: "both, as the normalisation is 'bounds'")
        }
    }

    /// How the actions of a data set were normalised.
    /// - Parameters:
    ///   - dataset: e.g. "bridge_dataset"; nil if the checkpoint knows only one.
    ///   - normalization: the way in which actions were normalised; nil: as the configuration says, else by mean and
    ///     deviation.
    /// - Throws: `.unusableStatistics` naming those there are.
    package func actionStatistics(
        dataset: String?, normalization: ActionStatistics.Normalization? = nil
    ) throws(CheckpointError) -> ActionStatistics {
        guard let statistics else {
            throw .unusableStatistics(path: folder, found: "a random model", expected: "a checkpoint with statistics")
        }
        var found = try statistics.action(of: dataset, actionDimension: configuration.head.actionDimension)
        found.normalization = normalization ?? self.normalization ?? .normal
        try Self.check(found.normalization, p01: found.p01, p99: found.p99, of: "action", file: statistics.file)
        return found
    }
}
