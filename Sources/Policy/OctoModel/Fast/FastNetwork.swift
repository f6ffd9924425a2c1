import CKernels

/// How the weights and activations of the fast path are kept. Everything but `float32` trades digits for speed.
package enum NetworkPrecision: String, CaseIterable, Sendable {
    case float32
    /// 8 bits of mantissa in weights and activations, sums in float32.
    case bfloat16
    /// 8-bit weights and activations with scales, sums in 32 bits; attention in bfloat16.
    case int8

    var kernels: octo_precision {
        switch self {
        case .float32: OCTO_FLOAT32
        case .bfloat16: OCTO_BFLOAT16
        case .int8: OCTO_INT8
        }
    }

    /// The instructions that compute it here; nil if this CPU has none and it would be slower than float32.
    package var instructions: String? { octo_kernels_name(kernels).map { String(cString: $0) } }
}

/// A task made ready for a `FastNetwork`: what depends on the goal alone is computed.
package final class FastTask {
    /// The goal's half of the first convolution, by observation tokenizer.
    let goalHalves: [FloatBuffer?]
    /// Tokens of the text by task tokenizer, `[tokens, D]`: nil where no token may be attended to.
    let languages: [FloatBuffer?]
    /// The task as the plain layers take it.
    let plain: PreparedTask

    init(goalHalves: [FloatBuffer?], languages: [FloatBuffer?], plain: PreparedTask) {
        self.goalHalves = goalHalves
        self.languages = languages
        self.plain = plain
    }

    /// Names of the cameras whose goal image was not given.
    package var blackGoals: [String] { plain.blackGoals }
}

/// The Octo policy network, fast: the same function as `OctoNetwork`, which is its oracle.
///
/// It keeps what does not change from one call to the next: weights in the kernels' order, the goal's half of the first
/// convolutions, tokens of frames seen before, keys and values of the task and of the older timesteps. What it keeps is
/// found again by content, so that any sequence of calls gives what a fresh network would; `anticipate` only moves work
/// ahead of the call that needs it. Inferences allocate nothing once a task and a window length have been used, unless
/// an image encoder is one that only the plain layers compute: with FiLM, a token learner or residual units.
///
/// A head that reads observation tokens instead of a readout takes in masked tokens too, which this path leaves out:
/// for such a model every inference goes through the plain network (`isDelegating`).
///
/// Networks for several runs can share the weights: see `sharingWeights`.
///
/// One caller at a time, for all that share their weights. Within a precision and a set of kernels the result does not
/// depend on the number of threads.
package final class FastNetwork {
    /// Precision of what is computed here; the plain network is always float32.
    package let precision: NetworkPrecision
    /// The plain network does everything.
    package let isDelegating: Bool
    let front: OctoNetwork
    let configuration: ModelConfiguration
    let team: WorkerTeam
    let transformer: FastTransformer
    private let tokenizers: [FastTokenizer]
    private let stems: [FastStem?]
    /// `[slots, tokens, D]` of each readout.
    private let readouts: [FloatBuffer]
    /// Fast diffusion head; nil: the plain head makes the chunk.
    let diffusion: FastDiffusionHead?
    private let layout: TokenLayout
    /// Readout tokens of the newest timestep, `[n, D]`.
    let wanted: FloatBuffer
    /// What the head makes of them, `[D]`.
    let embedding: FloatBuffer

    // What is kept between calls.
    private var task: FastTask?
    private var prefixCount = 0
    private var timesteps = 0
    private var slots: [Slot] = []
    private var plans: [(present: [Bool], plan: StepPlan)] = []
    /// The tokenizers that are there in the timestep at work, and where their tokens are remembered.
    private var present: [Bool]
    private var entries: [Int]
    /// The next timestep of the window at work, and the public tokens before it.
    private var next = (timestep: 0, base: 0)
    /// Plan of the timestep at work.
    private var planAtWork = 0

    /// What the keys and values at a slot belong to.
    private struct Slot {
        var isValid = false
        /// Index of its plan.
        var plan = 0
        /// The contents of its tokenizers; 0 where one is not there.
        var stamps: [UInt64]
    }

    package var description: ModelDescription { front.description }

    /// Reads the parameters piece by piece: each is in memory twice only while it is packed.
    /// - Throws: `.unusableParameters` with all that are missing or wrong.
    package init(
        _ checkpoint: Checkpoint, precision: NetworkPrecision = .float32, team: WorkerTeam
    ) throws(CheckpointError) {
        self.team = team
        let configuration = checkpoint.configuration
        self.configuration = configuration
        isDelegating = configuration.head.readout == nil
        self.precision = isDelegating ? .float32 : precision
        front = try OctoNetwork(checkpoint, keepsBlocks: isDelegating)
        let parts = front.parts
        layout = front.makeLayout(timesteps: 1)
        let D = configuration.tokenEmbeddingSize

        let kernels = precision.kernels
        let observed = isDelegating ? [] : parts.observationTokenizers
        let stems = observed.map { tokenizer -> FastStem? in
            guard case .image(let tokenizer) = tokenizer, let stem = tokenizer.bareStem else { return nil }
            let shape = tokenizer.configuration
            return FastStem(
                stem, normalization: shape.encoder.normalization, projection: tokenizer.projection,
                frames: shape.observationKeys.count, goals: shape.goalKeys.count, height: shape.height,
                width: shape.width, precision: kernels, team: team)
        }
        self.stems = stems
        tokenizers = zip(observed, stems).map { tokenizer, stem in
            Self.tokenizer(tokenizer, stem: stem, width: D)
        }
        readouts = parts.readouts.map { FloatBuffer($0.positionEmbedding) }
        present = tokenizers.map { _ in false }
        entries = tokenizers.map { _ in 0 }
        if case .diffusion(let head) = front.head.decoder, !isDelegating {
            diffusion = FastDiffusionHead(head, width: D, team: team)
        } else {
            diffusion = nil
        }
        wanted = FloatBuffer(count: D * (configuration.readouts.map(\.tokens).max() ?? 0))
        embedding = FloatBuffer(count: D)

        var reader = ParameterReader(checkpoint.parameters, copies: true)
        let owners = layout.privateOwners(usesCorrectAttention: configuration.usesCorrectAttention).compactMap { $0 }
        transformer = FastTransformer(
            .init(
                width: D, heads: configuration.transformer.heads, mlpSize: configuration.transformer.mlpSize,
                rows: isDelegating ? 0 : max(layout.timestepCount, layout.prefixCount),
                privateGroups: Dictionary(owners.map { ($0, 1) }, uniquingKeysWith: +)),
            layers: isDelegating ? 0 : configuration.transformer.layers, finalNorm: parts.finalNorm, precision: kernels,
            team: team
        ) { layer in
            NetworkParts.block(layer, configuration, &reader)
        }
        if !reader.problems.isEmpty {
            throw .unusableParameters(path: checkpoint.parameters.file, problems: reader.problems)
        }
    }

    /// Makes a network with another's weights that has seen nothing yet: the means to run several robots with one copy
    /// of the weights. Each can be given the tasks that any of them prepared.
    package init(sharing other: FastNetwork) {
        team = other.team
        configuration = other.configuration
        isDelegating = other.isDelegating
        precision = other.precision
        front = other.front
        layout = other.layout
        stems = other.stems
        tokenizers = other.tokenizers.map(FastTokenizer.init(sharing:))
        readouts = other.readouts
        present = other.present.map { _ in false }
        entries = other.entries.map { _ in 0 }
        diffusion = other.diffusion
        wanted = FloatBuffer(count: other.wanted.count)
        embedding = FloatBuffer(count: other.embedding.count)
        transformer = FastTransformer(sharing: other.transformer)
    }

    /// Another network with the same weights and nothing seen yet.
    package func sharingWeights() -> FastNetwork { FastNetwork(sharing: self) }

    /// Whether both compute with the very same weights.
    package func sharesWeights(with other: FastNetwork) -> Bool { front === other.front }

    private static func tokenizer(
        _ tokenizer: NetworkParts.ObservationTokenizer, stem: FastStem?, width D: Int
    ) -> FastTokenizer {
        switch tokenizer {
        case .image(let tokenizer):
            let shape = tokenizer.configuration
            let plain: FastTokenizer.PlainTokens = { observation, timestep, task in
                tokenizer.projectedTokens(observation, timestep: timestep, task: task)
            }
            return FastTokenizer(
                keys: shape.observationKeys,
                bytesPerKey: shape.observationKeys.map { _ in shape.height * shape.width * 3 },
                tokens: tokenizer.tokens,
                width: D, usesPadMask: shape.usesPadMask, positionEmbedding: tokenizer.positionEmbedding,
                encoder: stem.map { .stem($0) } ?? .plain(plain))
        case .lowdim(let tokenizer):
            let shape = tokenizer.configuration
            return FastTokenizer(
                keys: shape.keys.map(\.name), bytesPerKey: shape.keys.map { $0.dimension * MemoryLayout<Float>.stride },
                tokens: shape.tokens, width: D, usesPadMask: false, positionEmbedding: tokenizer.positionEmbedding,
                encoder: .lowdim(tokenizer.encoder, projection: tokenizer.projection))
        }
    }

    /// Makes noise of this network's size; seed and counter name it completely.
    package func makeNoise(seed: UInt64, counter: UInt64) -> DiffusionNoise {
        front.makeNoise(seed: seed, counter: counter)
    }

    // MARK: - Task

    /// Checks a task and does what needs doing once for it: T5, and the goal's half of the first convolutions.
    package func prepare(_ task: TaskInput) throws(InferenceError) -> FastTask {
        let plain = try front.prepare(task)
        let goalHalves = zip(front.parts.observationTokenizers, stems).map { tokenizer, stem -> FloatBuffer? in
            guard case .image(let tokenizer) = tokenizer else { return nil }
            return stem?.goalHalf(tokenizer.configuration.goalKeys.compactMap { plain.goals[$0] })
        }
        return FastTask(
            goalHalves: goalHalves, languages: plain.languages.map { $0.mask == 0 ? nil : FloatBuffer($0.tokens) },
            plain: plain)
    }

    /// Makes a task and a window length the present ones.
    func begin(_ task: FastTask, timesteps: Int) {
        defer { next = (0, prefixCount) }
        if timesteps > self.timesteps {
            self.timesteps = timesteps
            for tokenizer in tokenizers { tokenizer.reserve(timesteps: timesteps) }
            while slots.count < timesteps { slots.append(Slot(stamps: tokenizers.map { _ in 0 })) }
        }
        let hasRoom = !transformer.reserve(
            timesteps: timesteps, publicTokens: layout.prefixCount + timesteps * layout.timestepCount)
        if task === self.task && hasRoom { return }
        if task !== self.task {
            for tokenizer in tokenizers { tokenizer.forget() }
            plans = []
        }
        self.task = task
        for index in slots.indices { slots[index].isValid = false }
        var row = 0
        for language in task.languages {
            guard let language else { continue }
            (transformer.x.pointer + row * D).update(from: language.pointer, count: language.count)
            row += language.count / D
        }
        prefixCount = row
        transformer.begin(.init(publicCount: row))
        transformer.run()
    }

    private var D: Int { configuration.tokenEmbeddingSize }

    // MARK: - Inference

    /// Runs the network once.
    ///
    /// - Parameters:
    ///   - observation: T timesteps of every camera.
    ///   - task: made by `prepare` of this network.
    ///   - noise: made by `makeNoise`, or recorded.
    ///   - embodimentDimension: dimensions of the robot's actions, if fewer than the head's: those of its statistics.
    ///   - recorder: keeps what this path has of the layers' outputs: of the newest timestep only, and without the
    ///     denoising steps.
    ///   - chunk: gets `[actionHorizon, actionDimension]`, normalised; after an error what it holds means nothing.
    /// - Throws: `.outputNotFinite` rather than handing out numbers that are none.
    package func infer(
        _ observation: ObservationInput, task: FastTask, noise: DiffusionNoise, embodimentDimension: Int? = nil,
        recorder: ActivationRecorder? = nil, into chunk: UnsafeMutableBufferPointer<Float>
    ) throws(InferenceError) {
        if isDelegating {
            let actions = try front.infer(
                observation, task: task.plain, noise: noise, embodimentDimension: embodimentDimension,
                recorder: recorder)
            precondition(chunk.count == actions.count, "room for one chunk")
            for index in actions.indices { chunk[index] = actions[index] }
            return
        }
        let dimension = try check(observation, task: task, noise: noise, embodimentDimension)
        precondition(chunk.count == configuration.head.chunkSize, "room for one chunk")
        guard let actions = chunk.baseAddress else { return }

        begin(task, timesteps: observation.timestepPadMask.count)
        team.stageEnded?(.rest)
        while beginTimestep(of: observation, isWhole: true) { transformer.run() }
        team.stageEnded?(.rest)
        try makeChunk(noise: noise, embodimentDimension: dimension, recorder: recorder, into: actions)
        team.stageEnded?(.head)
    }

    /// Refuses what cannot be computed.
    /// - Returns: dimensions of the robot's actions.
    func check(
        _ observation: ObservationInput, task: FastTask, noise: DiffusionNoise, _ embodimentDimension: Int?
    ) throws(InferenceError) -> Int {
        try front.check(observation)
        try front.check(noise)
        if task.plain.network != ObjectIdentifier(front) { throw .taskOfAnotherNetwork }
        return try front.embodimentDimension(embodimentDimension)
    }

    /// The action head on the readout's tokens in `wanted`.
    private func makeChunk(
        noise: DiffusionNoise, embodimentDimension: Int, recorder: ActivationRecorder?,
        into actions: UnsafeMutablePointer<Float>
    ) throws(InferenceError) {
        if let recorder { recorder.record("out.readout", [1, wantedTokens, D], readoutTokens) }
        guard let diffusion else {
            let chunk = try actPlainly(noise: noise, embodimentDimension: embodimentDimension, recorder: recorder)
            actions.update(from: chunk, count: chunk.count)
            return
        }
        try pool()
        let size = configuration.head.chunkSize
        diffusion.sample(count: 1) { _ in
            .init(embedding: embedding.pointer, noise: noise, embodimentDimension: embodimentDimension)
        } take: { _, chunk in
            actions.update(from: chunk, count: size)
        }
        try ActionHead.checkFinite(UnsafeBufferPointer(start: actions, count: size))
    }

    /// Number of the readout's tokens in `wanted`.
    private var wantedTokens: Int { plans[planAtWork].plan.wanted.count }
    private var readoutTokens: [Float] {
        Array(UnsafeBufferPointer(start: wanted.pointer, count: wantedTokens * D))
    }

    /// The chunk of a head that only the plain layers compute.
    func actPlainly(
        noise: DiffusionNoise, embodimentDimension: Int, recorder: ActivationRecorder? = nil
    ) throws(InferenceError) -> [Float] {
        try front.head(
            readoutTokens, mask: [UInt8](repeating: 1, count: wantedTokens), noise: noise,
            embodimentDimension: embodimentDimension, recorder: recorder)
    }

    /// Infers as the call above does, into a chunk of its own.
    /// - Returns: `[actionHorizon, actionDimension]`, normalised; see `ActionStatistics.unnormalise`.
    package func infer(
        _ observation: ObservationInput, task: FastTask, noise: DiffusionNoise, embodimentDimension: Int? = nil,
        recorder: ActivationRecorder? = nil
    ) throws(InferenceError) -> [Float] {
        var chunk = [Float](repeating: 0, count: configuration.head.chunkSize)
        let result = chunk.withUnsafeMutableBufferPointer { chunk in
            Result { () throws(InferenceError) in
                try infer(
                    observation, task: task, noise: noise, embodimentDimension: embodimentDimension,
                    recorder: recorder, into: chunk)
            }
        }
        try result.get()
        return chunk
    }

    /// Does ahead of time what the next inference needs of the timesteps that are known already.
    ///
    /// - Parameters:
    ///   - older: the first timesteps of the next window: usually this window without its oldest timestep.
    ///   - task: task of the next inference.
    package func anticipate(_ older: ObservationInput, task: FastTask) throws(InferenceError) {
        try front.check(older)
        if task.plain.network != ObjectIdentifier(front) { throw .taskOfAnotherNetwork }
        if isDelegating { return }
        begin(task, timesteps: older.timestepPadMask.count)
        while beginTimestep(of: older, isWhole: false) { transformer.run() }
    }

    /// Puts the next timestep that has to be computed into the transformer's rows: older ones whose keys and values are
    /// not there yet, and the newest.
    /// - Parameter isWhole: whether the observation's last timestep is the newest, from which the chunk is made.
    /// - Returns: whether there was one.
    func beginTimestep(of observation: ObservationInput, isWhole: Bool) -> Bool {
        let T = observation.timestepPadMask.count
        while next.timestep < T {
            let (t, base) = next
            let isNewest = isWhole && t == T - 1
            let index = plan(of: t, in: observation)
            let step = plans[index].plan
            next = (t + 1, base + step.publicCount)
            if !isNewest && slots[t].isValid && slots[t].plan == index && hasPresentStamps(slots[t]) { continue }
            planAtWork = index
            assemble(step, slot: t)
            team.stageEnded?(.rest)
            transformer.begin(
                .init(
                    publicCount: step.publicCount, base: base, privateRuns: step.privateRuns, timestep: t,
                    wanted: isNewest ? step.wanted : [], output: isNewest ? wanted.pointer : nil))
            if isNewest { slots[t].isValid = false } else { remember(t, plan: index) }
            return true
        }
        return false
    }

    /// Notes what the keys and values of a timestep that is not the newest belong to.
    private func remember(_ t: Int, plan: Int) {
        slots[t].isValid = true
        slots[t].plan = plan
        for tokenizer in tokenizers.indices {
            slots[t].stamps[tokenizer] = present[tokenizer] ? tokenizers[tokenizer].stamp(of: entries[tokenizer]) : 0
        }
        // What comes after it has looked at it.
        for later in t + 1..<slots.count { slots[later].isValid = false }
    }

    private func hasPresentStamps(_ slot: Slot) -> Bool {
        for (index, tokenizer) in tokenizers.enumerated() {
            let stamp = present[index] ? tokenizer.stamp(of: entries[index]) : 0
            if slot.stamps[index] != stamp { return false }
        }
        return true
    }

    /// Encodes what is new at a timestep, and finds the plan of what is there.
    /// - Returns: its index.
    private func plan(of t: Int, in observation: ObservationInput) -> Int {
        guard let task else { return 0 }
        for (index, tokenizer) in tokenizers.enumerated() {
            present[index] =
                observation.timestepPadMask[t] && tokenizer.isPresent(in: observation, timestep: t)
            if present[index] {
                entries[index] = tokenizer.entry(
                    of: observation, timestep: t, goalHalf: task.goalHalves[index], task: task.plain)
            }
        }
        team.stageEnded?(.stems)
        for index in plans.indices where plans[index].present == present { return index }
        let readout = configuration.readouts.firstIndex { $0.name == configuration.head.readout } ?? 0
        plans.append(
            (
                present,
                StepPlan(
                    layout, observations: present,
                    tasks: configuration.repeatsTaskTokens ? task.languages.map { $0 != nil } : [], readout: readout,
                    usesCorrectAttention: configuration.usesCorrectAttention)
            ))
        return plans.count - 1
    }

    /// Puts the tokens of a timestep into the transformer's rows.
    private func assemble(_ plan: StepPlan, slot: Int) {
        for piece in plan.pieces {
            let target = transformer.x.pointer + piece.rows.lowerBound * D
            switch piece.source {
            case .observation(let index): tokenizers[index].place(entries[index], slot: slot, into: target)
            case .task(let index):
                if let language = task?.languages[index] {
                    target.update(from: language.pointer, count: language.count)
                }
            case .readout(let index, let tokens):
                let perSlot = configuration.readouts[index].tokens
                target.update(
                    from: readouts[index].pointer + (slot * perSlot + tokens.lowerBound) * D, count: tokens.count * D)
            }
        }
    }

    /// Mean of the readout's tokens, or attention over them, into `embedding`.
    /// - Throws: `.outputNotFinite`: clipping hides what is no number, so it is looked for before and after.
    func pool() throws(InferenceError) {
        let tokens = wantedTokens
        if let pooling = front.head.pooling {
            let pooled = pooling(readoutTokens, mask: [UInt8](repeating: 1, count: tokens))
            for d in 0..<D { embedding.pointer[d] = pooled[d] }
        } else {
            for d in 0..<D {
                var sum: Float = 0
                for token in 0..<tokens { sum += wanted.pointer[token * D + d] }
                embedding.pointer[d] = sum / Float(tokens)
            }
        }
        try ActionHead.checkFinite(UnsafeBufferPointer(start: embedding.pointer, count: D))
    }
}
