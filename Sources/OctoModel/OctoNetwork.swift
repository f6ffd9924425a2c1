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
    let head: DiffusionHead

    /// Copies the parameters out of the checkpoint, which is not needed any more afterwards.
    /// - Throws: `.unusableParameters` with all that are missing or wrong.
    package convenience init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        try self.init(checkpoint, keepsBlocks: true)
    }

    /// - Parameter keepsBlocks: false makes what stands before and behind the transformer only; `infer` must not be called.
    init(_ checkpoint: Checkpoint, keepsBlocks: Bool) throws(CheckpointError) {
        var reader = ParameterReader(checkpoint.parameters, copies: true)
        let parts = NetworkParts(checkpoint.configuration, &reader, keepsBlocks: keepsBlocks)
        if !reader.problems.isEmpty {
            throw .unusableParameters(path: checkpoint.parameters.file, problems: reader.problems)
        }
        description = checkpoint.description
        configuration = checkpoint.configuration
        self.parts = parts
        head = DiffusionHead(
            configuration.head, pooling: parts.pooling, score: parts.score,
            schedule: DiffusionSchedule(steps: configuration.head.diffusionSteps))
    }

    /// Noise of this network's size; seed and counter name it completely.
    package func makeNoise(seed: UInt64, counter: UInt64) -> DiffusionNoise {
        var generator = NoiseGenerator(seed: seed, counter: counter)
        return generator.noise(steps: configuration.head.diffusionSteps, size: configuration.head.chunkSize)
    }

    // MARK: - Task

    /// Checks a task and does what needs doing once for it: T5, and the projection of its output.
    package func prepare(_ task: TaskInput) throws(InferenceError) -> PreparedTask {
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
        for tokenizer in parts.languageTokenizers { languages.append(try encode(task.text, with: tokenizer)) }
        return PreparedTask(
            goals: goals, vectors: try taskVectors(of: task), languages: languages, network: ObjectIdentifier(self),
            blackGoals: sizes.keys.filter { task.goalImages[$0] == nil }.sorted())
    }

    /// Pixels of every goal image, by key.
    private var goalSizes: [String: (height: Int, width: Int)] {
        var sizes: [String: (height: Int, width: Int)] = [:]
        for tokenizer in configuration.imageTokenizers {
            for key in tokenizer.goalKeys { sizes[key] = (tokenizer.height, tokenizer.width) }
        }
        return sizes
    }

    /// Zeros for a task without any goal, as the official code's `create_tasks` fills in; otherwise all must be there.
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
        _ text: TokenizedText?, with tokenizer: NetworkParts.LanguageTokenizer
    ) throws(InferenceError) -> PreparedTask.Language {
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
        // The text's own padding is used inside T5 only: to the transformer all its tokens are there or none.
        let mask: UInt8 = text != nil || !tokenizer.configuration.usesPadMask ? 1 : 0
        return PreparedTask.Language(encoded: encoded, tokens: projected, mask: mask)
    }

    // MARK: - Inference

    /// Runs the network once.
    ///
    /// - Parameters:
    ///   - observation: T timesteps of every camera.
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
        let readout = readoutTokens(observation, task: task, recorder: recorder)
        // The chunk belongs to the newest timestep.
        return try denoise(
            readout.last ?? [], noise: noise, embodimentDimension: embodimentDimension, recorder: recorder)
    }

    /// Runs the action head on one timestep's readout.
    /// - Parameter readout: `[tokens, D]`
    func denoise(
        _ readout: [Float], noise: DiffusionNoise, embodimentDimension: Int?, recorder: ActivationRecorder?
    ) throws(InferenceError) -> [Float] {
        let dimension = try self.embodimentDimension(embodimentDimension)
        let embedding = head.embedding(of: readout, width: configuration.tokenEmbeddingSize)
        return head.sample(embedding, noise: noise, embodimentDimension: dimension) { step in
            recorder?.append("out.denoise.eps", rowShape: [configuration.head.chunkSize], step.predictedNoise)
            recorder?.append("out.denoise.x", rowShape: [configuration.head.chunkSize], step.actions)
        }
    }

    /// Runs everything but the action head.
    /// - Returns: for each timestep the readout the head reads, `[tokens, D]`.
    func readoutTokens(
        _ observation: ObservationInput, task: PreparedTask, recorder: ActivationRecorder?
    ) -> [[Float]] {
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

        let readouts = (0..<layout.timesteps).map { t -> [Float] in
            guard let range = layout.range(of: "readout_\(configuration.head.readout)", timestep: t) else { return [] }
            return Array(x[range.lowerBound * D..<range.upperBound * D])
        }
        let tokens = (readouts.first?.count ?? 0) / D
        recorder?.record("out.readout", [layout.timesteps, tokens, D], readouts.flatMap { $0 })
        return readouts
    }

    func makeLayout(timesteps: Int) -> TokenLayout {
        let language = parts.languageTokenizers.map { (name: $0.configuration.name, count: $0.tokens) }
        var perTimestep = parts.imageTokenizers.map {
            TokenLayout.Group(name: "obs_\($0.configuration.name)", kind: .observation, count: $0.tokens)
        }
        if configuration.repeatsTaskTokens {
            perTimestep += language.map {
                TokenLayout.Group(name: "obs_task_\($0.name)", kind: .observation, count: $0.count)
            }
        }
        perTimestep += configuration.readouts.map {
            TokenLayout.Group(name: "readout_\($0.name)", kind: .readout, count: $0.tokens)
        }
        return TokenLayout(
            prefix: language.map { TokenLayout.Group(name: "task_\($0.name)", kind: .task, count: $0.count) },
            perTimestep: perTimestep, timesteps: timesteps)
    }

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
            recorder?.record("tok.task_tokenizers_\(name)", [n, tokenizer.encoder.width], language.encoded)
            recorder?.record("tok.task_tokenizers_\(name).mask", [n], mask.map { Float($0) })
            recorder?.record("group.task_\(name).in", [n, D], language.tokens)
            x += language.tokens
            keyMask += mask
        }
        let images = parts.imageTokenizers.map { tokenizer in
            imageTokens(tokenizer, observation, task: task, recorder: recorder)
        }
        for t in 0..<layout.timesteps {
            for (tokenizer, image) in zip(parts.imageTokenizers, images) {
                let n = tokenizer.tokens
                x += image.tokens[t * n * D..<(t + 1) * n * D]
                let isThere = observation.timestepPadMask[t] ? image.mask[t] : 0
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
            let frames = configuration.observationKeys.compactMap { observation.images[$0]?[t * bytes..<(t + 1) * bytes] }
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

    // MARK: - Checking

    /// The dimensions of an action that count: all the head's, or fewer.
    func embodimentDimension(_ wanted: Int?) throws(InferenceError) -> Int {
        let dimension = wanted ?? configuration.head.actionDimension
        guard (1...configuration.head.actionDimension).contains(dimension) else {
            throw .wrongEmbodimentDimension(dimension, actionDimension: configuration.head.actionDimension)
        }
        return dimension
    }

    func check(_ observation: ObservationInput) throws(InferenceError) {
        let T = observation.timestepPadMask.count
        guard (1...configuration.maximumHorizon).contains(T) else {
            throw .wrongTimestepCount(T, maximum: configuration.maximumHorizon)
        }
        var known: Set<String> = []
        for tokenizer in configuration.imageTokenizers {
            for key in tokenizer.observationKeys {
                known.insert(key)
                guard let image = observation.images[key] else {
                    throw .missingCamera(key: key, given: observation.images.keys.sorted())
                }
                guard image.count == T * tokenizer.height * tokenizer.width * 3 else {
                    throw .wrongImageSize(
                        key: key, bytes: image.count, expected: [T, tokenizer.height, tokenizer.width, 3])
                }
            }
        }
        for key in observation.images.keys.sorted() where !known.contains(key) {
            throw .unexpectedCamera(key: key, known: known.sorted())
        }
        for (key, mask) in observation.padMasks.sorted(by: { $0.key < $1.key }) where mask.count != T || !known.contains(key) {
            throw .wrongPadMask(key: key, count: mask.count, timesteps: T)
        }
    }

    func check(_ noise: DiffusionNoise) throws(InferenceError) {
        let size = configuration.head.chunkSize
        let steps = configuration.head.diffusionSteps * size
        guard noise.initial.count == size, noise.steps.count == steps else {
            throw .wrongNoise(
                initial: noise.initial.count, steps: noise.steps.count, expectedInitial: size, expectedSteps: steps)
        }
    }
}
