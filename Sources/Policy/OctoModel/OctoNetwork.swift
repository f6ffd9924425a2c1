/// The Octo policy network: (task, observation, noise) → a chunk of normalised actions.
///
/// Everything is computed in float32 by one plain function per layer; nothing is skipped or kept between calls. Calls
/// from several threads at once are fine. With the same inputs the result is the same bit for bit, as long as the
/// number of OpenBLAS threads and its kernels (`BLAS.coreName`) are.
///
/// Source: `octo_module.py` and `block_transformer.py` of the official code, commit 241fb35.
package final class OctoNetwork: Sendable {
    package let description: ModelDescription
    let configuration: ModelConfiguration
    let parts: NetworkParts
    private let observationCheck: ObservationCheck
    let head: ActionHead

    /// Copies the parameters out of the checkpoint, which is not needed any more afterwards.
    /// - Throws: `.unusableParameters` with all that are missing or wrong.
    package convenience init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        try self.init(checkpoint, keepsBlocks: true)
    }

    /// Reads the network's parameters from a checkpoint.
    /// - Parameter keepsBlocks: whether the transformer's blocks are made; without them `infer` must not be called.
    init(_ checkpoint: Checkpoint, keepsBlocks: Bool) throws(CheckpointError) {
        var reader = ParameterReader(checkpoint.parameters, copies: true)
        let parts = NetworkParts(checkpoint.configuration, &reader, keepsBlocks: keepsBlocks)
        if !reader.problems.isEmpty {
            throw .unusableParameters(path: checkpoint.parameters.file, problems: reader.problems)
        }
        description = checkpoint.description
        configuration = checkpoint.configuration
        self.parts = parts
        observationCheck = ObservationCheck(checkpoint.configuration)
        head = ActionHead(configuration.head, parts.head, width: configuration.tokenEmbeddingSize)
    }

    /// Makes noise of this network's size, none for a head that is no diffusion; seed and counter name it completely.
    package func makeNoise(seed: UInt64, counter: UInt64) -> DiffusionNoise {
        if configuration.head.diffusionSteps == 0 { return DiffusionNoise(initial: [], steps: []) }
        var generator = NoiseGenerator(seed: seed, counter: counter)
        return generator.noise(steps: configuration.head.diffusionSteps, size: configuration.head.chunkSize)
    }

    // MARK: - Task

    /// Checks a task and does what needs doing once for it: T5, and the projection of its output.
    ///
    /// - Parameter keepsMaskedText: runs T5 on the stand-in for a text that was not given, too. Its tokens are masked
    ///   for everyone, so a head that reads a readout makes the same chunk without; only who looks at the tokens
    ///   themselves needs it.
    package func prepare(_ task: TaskInput, keepsMaskedText: Bool = false) throws(InferenceError) -> PreparedTask {
        let sizes = goalSizes
        for key in task.goalImages.keys.sorted() where sizes[key] == nil {
            throw .unexpectedGoal(key: key, known: sizes.keys.sorted())
        }
        var goals: [String: [UInt8]] = [:]
        for (key, size) in sizes.sorted(by: { $0.key < $1.key }) {
            let bytes = size.height * size.width * 3
            let image = task.goalImages[key] ?? [UInt8](repeating: 0, count: bytes)
            guard image.count == bytes else {
                throw .wrongImageSize(key: key, bytes: image.count, expected: [size.height, size.width, 3])
            }
            goals[key] = image
        }
        if task.text != nil && parts.languageTokenizers.isEmpty { throw .noLanguage }
        var languages: [PreparedTask.Language] = []
        for tokenizer in parts.languageTokenizers {
            languages.append(try encode(task.text, with: tokenizer, keepsMasked: keepsMaskedText))
        }
        return PreparedTask(
            goals: goals, vectors: try taskVectors(of: task), languages: languages, network: ObjectIdentifier(self),
            blackGoals: sizes.keys.filter { task.goalImages[$0] == nil }.sorted())
    }

    /// Size of every goal image, pixels, by key.
    private var goalSizes: [String: (height: Int, width: Int)] {
        var sizes: [String: (height: Int, width: Int)] = [:]
        for tokenizer in configuration.imageTokenizers {
            for key in tokenizer.goalKeys { sizes[key] = (tokenizer.height, tokenizer.width) }
        }
        return sizes
    }

    /// Fills in zeros for a task without any goal, as the official code's `create_tasks` fills in; otherwise all must
    /// be there.
    private func taskVectors(of task: TaskInput) throws(InferenceError) -> [String: [Float]] {
        let known = configuration.taskVectors
        for key in task.vectors.keys.sorted() where known[key] == nil {
            throw .unexpectedTaskVector(key: key, known: known.keys.sorted())
        }
        let hasGoal = !task.goalImages.isEmpty || !task.vectors.isEmpty
        var vectors: [String: [Float]] = [:]
        for (key, count) in known.sorted(by: { $0.key < $1.key }) {
            if task.vectors[key] == nil && hasGoal { throw .missingTaskVector(key: key, count: count) }
            let vector = task.vectors[key] ?? [Float](repeating: 0, count: count)
            guard vector.count == count, vector.allSatisfy(\.isFinite) else {
                throw .wrongTaskVector(key: key, count: vector.count, expected: count)
            }
            vectors[key] = vector
        }
        return vectors
    }

    private func encode(
        _ text: TokenizedText?, with tokenizer: NetworkParts.LanguageTokenizer, keepsMasked: Bool
    ) throws(InferenceError) -> PreparedTask.Language {
        // The text's own padding is used inside T5 only: to the transformer all its tokens are there or none.
        let mask: UInt8 = text != nil || !tokenizer.configuration.usesPadMask ? 1 : 0
        if mask == 0 && !keepsMasked {
            let zeros = [Float](repeating: 0, count: tokenizer.tokens * configuration.tokenEmbeddingSize)
            return PreparedTask.Language(encoded: nil, tokens: zeros, mask: mask)
        }
        let tokens = text ?? .empty(length: tokenizer.tokens)
        guard tokens.ids.count == tokenizer.tokens, tokens.attentionMask.count == tokenizer.tokens else {
            throw .wrongTextLength(
                ids: tokens.ids.count, mask: tokens.attentionMask.count, expected: tokenizer.tokens)
        }
        for id in tokens.ids where !(0..<tokenizer.encoder.vocabulary).contains(Int(id)) {
            throw .unknownToken(id: id, vocabulary: tokenizer.encoder.vocabulary)
        }
        let encoded = tokenizer.encoder(tokens.ids, attentionMask: tokens.attentionMask.map { $0 ? 1 : 0 })
        var projected = tokenizer.projection(encoded, rows: tokenizer.tokens)
        add(tokenizer.positionEmbedding, to: &projected)
        return PreparedTask.Language(encoded: encoded, tokens: projected, mask: mask)
    }

    // MARK: - Inference

    /// Runs the network once.
    ///
    /// - Parameters:
    ///   - observation: T timesteps of every camera, and of every low-dimensional key.
    ///   - task: made by `prepare` of this network.
    ///   - noise: made by `makeNoise`, or recorded.
    ///   - embodimentDimension: dimensions of the robot's actions, if fewer than the head's: those of its statistics.
    ///   - recorder: keeps the layers' outputs.
    /// - Returns: `[actionHorizon, actionDimension]`, normalised; see `ActionStatistics.unnormalise`.
    package func infer(
        _ observation: ObservationInput, task: PreparedTask, noise: DiffusionNoise, embodimentDimension: Int? = nil,
        recorder: ActivationRecorder? = nil
    ) throws(InferenceError) -> [Float] {
        try check(observation)
        try check(noise)
        if task.network != ObjectIdentifier(self) { throw .taskOfAnotherNetwork }
        let dimension = try self.embodimentDimension(embodimentDimension)
        // The chunk belongs to the newest timestep.
        guard let newest = headInputs(observation, task: task, recorder: recorder).last else {
            throw .wrongTimestepCount(0, maximum: configuration.maximumHorizon)
        }
        return try head(
            newest.tokens, mask: newest.mask, noise: noise, embodimentDimension: dimension, recorder: recorder)
    }

    /// The action head alone: what it makes of a readout's tokens, wherever they come from.
    /// - Parameter tokens: `[n, D]` of one timestep, all of them there.
    /// - Returns: `[actionHorizon, actionDimension]`, normalised.
    package func act(
        on tokens: [Float], noise: DiffusionNoise, embodimentDimension: Int? = nil
    ) throws(InferenceError) -> [Float] {
        let count = tokens.count / configuration.tokenEmbeddingSize
        return try head(
            tokens, mask: [UInt8](repeating: 1, count: count), noise: noise,
            embodimentDimension: embodimentDimension ?? configuration.head.actionDimension)
    }

    /// What the action head reads of one timestep.
    struct HeadInput {
        /// `[n, D]`
        var tokens: [Float]
        /// `[n]`, 0 for tokens nobody may attend to.
        var mask: [UInt8]
    }

    /// Runs everything but the action head.
    /// - Returns: what the head reads, for each timestep.
    func headInputs(
        _ observation: ObservationInput, task: PreparedTask, recorder: ActivationRecorder?
    ) -> [HeadInput] {
        let D = configuration.tokenEmbeddingSize
        let layout = makeLayout(timesteps: observation.timestepPadMask.count)
        var (x, keyMask) = embed(observation, task: task, layout: layout, recorder: recorder)
        let permitted = layout.attentionMask(
            keyMask: keyMask, usesCorrectAttention: configuration.usesCorrectAttention)
        recorder?.record("attention_mask", [layout.count, layout.count], permitted.map { Float($0) })
        for (index, block) in parts.blocks.enumerated() {
            block(&x, permitted: permitted)
            recorder?.record("block.\(index)", [layout.count, D], x)
        }
        x = parts.finalNorm(x)
        recorder?.record("transformer", [layout.count, D], x)

        let inputs = (0..<layout.timesteps).map { t -> HeadInput in
            let range = layout.range(of: configuration.head.source, timestep: t) ?? 0..<0
            return HeadInput(
                tokens: Array(x[range.lowerBound * D..<range.upperBound * D]), mask: Array(keyMask[range]))
        }
        if configuration.head.readout != nil {
            let tokens = inputs.first?.mask.count ?? 0
            recorder?.record("out.readout", [layout.timesteps, tokens, D], inputs.flatMap(\.tokens))
        }
        return inputs
    }

    func makeLayout(timesteps: Int) -> TokenLayout { parts.layout(configuration, timesteps: timesteps) }

    /// Puts the tokens of all groups in their places.
    /// - Returns: x `[tokens, D]` and the key mask `[tokens]`.
    private func embed(
        _ observation: ObservationInput, task: PreparedTask, layout: TokenLayout, recorder: ActivationRecorder?
    ) -> (x: [Float], keyMask: [UInt8]) {
        let D = configuration.tokenEmbeddingSize
        var x: [Float] = []
        x.reserveCapacity(layout.count * D)
        var keyMask: [UInt8] = []
        for (tokenizer, language) in zip(parts.languageTokenizers, task.languages) {
            let (name, n) = (tokenizer.configuration.name, tokenizer.tokens)
            let mask = [UInt8](repeating: language.mask, count: n)
            if let encoded = language.encoded {
                recorder?.record("tok.task_tokenizers_\(name)", [n, tokenizer.encoder.width], encoded)
                recorder?.record("group.task_\(name).in", [n, D], language.tokens)
            }
            recorder?.record("tok.task_tokenizers_\(name).mask", [n], mask.map { Float($0) })
            x += language.tokens
            keyMask += mask
        }
        let observations = parts.observationTokenizers.map { tokenizer in
            switch tokenizer {
            case .image(let tokenizer): imageTokens(tokenizer, observation, task: task, recorder: recorder)
            case .lowdim(let tokenizer): lowdimTokens(tokenizer, observation, recorder: recorder)
            }
        }
        for t in 0..<layout.timesteps {
            for (tokenizer, tokens) in zip(parts.observationTokenizers, observations) {
                let n = tokenizer.tokens
                x += tokens.tokens[t * n * D..<(t + 1) * n * D]
                let isThere = observation.timestepPadMask[t] ? tokens.mask[t] : 0
                keyMask += [UInt8](repeating: isThere, count: n)
            }
            if configuration.repeatsTaskTokens {
                // They stay visible in padded timesteps too.
                for language in task.languages {
                    x += language.tokens
                    keyMask += [UInt8](repeating: language.mask, count: language.tokens.count / D)
                }
            }
            for readout in parts.readouts {
                let n = readout.configuration.tokens
                x += readout.positionEmbedding[t * n * D..<(t + 1) * n * D]
                keyMask += [UInt8](repeating: 1, count: n)
            }
        }
        for readout in parts.readouts {
            let n = readout.configuration.tokens
            recorder?.record(
                "group.readout_\(readout.configuration.name).in", [layout.timesteps, n, D],
                Array(readout.positionEmbedding[0..<layout.timesteps * n * D]))
        }
        return (x, keyMask)
    }

    /// Tokens of one image tokenizer, for all timesteps.
    /// - Returns: projected tokens with position embedding `[T, tokens, D]`, and a mask `[T]` before the timestep mask.
    private func imageTokens(
        _ tokenizer: NetworkParts.ImageTokenizer, _ observation: ObservationInput, task: PreparedTask,
        recorder: ActivationRecorder?
    ) -> (tokens: [Float], mask: [UInt8]) {
        let configuration = tokenizer.configuration
        let (D, T) = (self.configuration.tokenEmbeddingSize, observation.timestepPadMask.count)
        let (name, n, features) = (configuration.name, tokenizer.tokens, configuration.encoder.features)
        let bytes = configuration.height * configuration.width * 3
        var encoded: [Float] = []
        for t in 0..<T {
            let frames = configuration.observationKeys.compactMap {
                observation.images[$0]?[t * bytes..<(t + 1) * bytes]
            }
            encoded += tokenizer.encode(frames, task: task) { index, shape, output in
                recorder?.append("stem.\(name).GroupNorm_\(index)", rowShape: shape, output)
            }
        }
        let mask = (0..<T).map { t -> UInt8 in
            let masks = configuration.observationKeys.compactMap { observation.padMasks[$0] }
            // All of the tokenizer's cameras must have a mask for any to count.
            guard configuration.usesPadMask, masks.count == configuration.observationKeys.count else { return 1 }
            return masks.contains { $0[t] } ? 1 : 0
        }
        var tokens = tokenizer.projection(encoded, rows: T * n)
        add(Array(tokenizer.positionEmbedding[0..<T * n * D]), to: &tokens)
        recorder?.record("tok.observation_tokenizers_\(name)", [T, n, features], encoded)
        recorder?.record(
            "tok.observation_tokenizers_\(name).mask", [T, n], mask.flatMap { [Float](repeating: Float($0), count: n) })
        recorder?.record("group.obs_\(name).in", [T, n, D], tokens)
        return (tokens, mask)
    }

    /// Tokens of one tokenizer of numbers, for all timesteps.
    /// - Returns: tokens and mask, shaped like those of `imageTokens`; the official code ignores a pad mask of these
    /// keys.
    private func lowdimTokens(
        _ tokenizer: NetworkParts.LowdimTokenizer, _ observation: ObservationInput, recorder: ActivationRecorder?
    ) -> (tokens: [Float], mask: [UInt8]) {
        let shape = tokenizer.configuration
        let (D, T) = (configuration.tokenEmbeddingSize, observation.timestepPadMask.count)
        let (name, n) = (shape.name, shape.tokens)
        let numbers = (0..<T).flatMap { t in
            shape.keys.flatMap { key -> ArraySlice<Float> in
                observation.lowdim[key.name]?[t * key.dimension..<(t + 1) * key.dimension] ?? []
            }
        }
        let encoded = tokenizer.encoder(numbers)
        var tokens = tokenizer.projection(encoded, rows: T * n)
        add(Array(tokenizer.positionEmbedding[0..<T * n * D]), to: &tokens)
        recorder?.record("tok.observation_tokenizers_\(name)", [T, n, shape.features], encoded)
        recorder?.record("tok.observation_tokenizers_\(name).mask", [T, n], [Float](repeating: 1, count: T * n))
        recorder?.record("group.obs_\(name).in", [T, n, D], tokens)
        return (tokens, [UInt8](repeating: 1, count: T))
    }

    // MARK: - Checking

    /// The dimensions of an action that count: all the head's, or fewer.
    func embodimentDimension(_ wanted: Int?) throws(InferenceError) -> Int {
        let dimension = wanted ?? configuration.head.actionDimension
        guard (1...configuration.head.actionDimension).contains(dimension) else {
            throw .wrongEmbodimentDimension(dimension, actionDimension: configuration.head.actionDimension)
        }
        return dimension
    }

    func check(_ observation: ObservationInput) throws(InferenceError) { try observationCheck(observation) }

    func check(_ noise: DiffusionNoise) throws(InferenceError) {
        let size = configuration.head.diffusionSteps == 0 ? 0 : configuration.head.chunkSize
        let steps = configuration.head.diffusionSteps * size
        guard noise.initial.count == size, noise.steps.count == steps else {
            throw .wrongNoise(
                initial: noise.initial.count, steps: noise.steps.count, expectedInitial: size, expectedSteps: steps)
        }
    }
}
