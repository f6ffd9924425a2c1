import Foundation

/// Makes a chunk of the transformer's output for the newest timestep.
///
/// Source: `action_heads.py` of the official code, commit 241fb35.
struct ActionHead: Sendable {
    enum Decoder: Sendable {
        case diffusion(DiffusionHead)
        case continuous(ContinuousDecoder)
        case discrete(DiscreteDecoder)
    }

    let configuration: ModelConfiguration.ActionHead
    /// Pooling of the tokens by attention; nil: their plain mean, or the tokens as they are.
    let pooling: AttentionPooling?
    let decoder: Decoder
    /// Numbers in a token (D).
    let width: Int

    init(_ configuration: ModelConfiguration.ActionHead, _ parts: NetworkParts.Head, width: Int) {
        self.configuration = configuration
        self.width = width
        pooling = parts.pooling
        switch (configuration.kind, parts.layers) {
        case (.diffusion(let diffusion), .score(let score)):
            decoder = .diffusion(DiffusionHead(diffusion, of: configuration, score: score))
        case (.continuous(let maximumAction), .projection(let projection)):
            decoder = .continuous(ContinuousDecoder(projection: projection, maximumAction: maximumAction))
        case (.discrete(let discrete), .projection(let projection)):
            decoder = .discrete(DiscreteDecoder(projection: projection, bins: BinTokenizer(discrete.bins)))
        case (.diffusion, .projection), (.continuous, .score), (.discrete, .score):
            preconditionFailure("the layers were read for another kind of head")
        }
    }

    /// Makes the chunk.
    ///
    /// - Parameters:
    ///   - tokens: `[n, D]` of one timestep, those `configuration.source` names.
    ///   - mask: `[n]`, 0 for tokens that attention pooling passes over; a mean takes them in all the same.
    ///   - noise: noise of this head's size; only a diffusion head looks at it.
    ///   - embodimentDimension: dimensions of the robot's actions; the others are made of noise by a diffusion head,
    ///     and mean nothing with the others.
    /// - Returns: `[actionHorizon, actionDimension]`, normalised.
    /// - Throws: `.outputNotFinite` rather than handing out numbers that are none.
    func callAsFunction(
        _ tokens: [Float], mask: [UInt8], noise: DiffusionNoise, embodimentDimension: Int,
        recorder: ActivationRecorder? = nil
    ) throws(InferenceError) -> [Float] {
        let embeddings = embeddings(of: tokens, mask: mask)
        let (horizon, dimension) = (configuration.actionHorizon, configuration.actionDimension)
        // Clipping and choosing the largest hide what is no number: it is looked for before and after.
        try Self.checkFinite(embeddings)
        switch decoder {
        case .diffusion(let head):
            let chunk = head.sample(embeddings, noise: noise, embodimentDimension: embodimentDimension) { step in
                recorder?.append("out.denoise.eps", rowShape: [configuration.chunkSize], step.predictedNoise)
                recorder?.append("out.denoise.x", rowShape: [configuration.chunkSize], step.actions)
            }
            try Self.checkFinite(chunk)
            return chunk
        case .continuous(let decoder):
            let mean = decoder.projection(embeddings, rows: 1)
            try Self.checkFinite(mean)
            let chunk = decoder.squash(mean)
            recorder?.record("out.head.actions", [horizon, dimension], chunk)
            return chunk
        case .discrete(let decoder):
            let logits = decoder.projection(embeddings, rows: configuration.embeddings)
            try Self.checkFinite(logits)
            recorder?.record("out.head.logits", [horizon, dimension, decoder.bins.count], logits)
            return decoder.decode(logits)
        }
    }

    /// Pools one timestep's tokens to the embeddings that the decoder reads.
    /// - Returns: `[configuration.embeddings, D]`
    func embeddings(of tokens: [Float], mask: [UInt8]) -> [Float] {
        if let pooling { return pooling(tokens, mask: mask) }
        if case .discrete = decoder { return tokens }
        let count = tokens.count / width
        return (0..<width).map { d in
            (0..<count).reduce(Float(0)) { $0 + tokens[$1 * width + d] } / Float(count)
        }
    }

    static func checkFinite(_ numbers: some Sequence<Float>) throws(InferenceError) {
        for number in numbers where !number.isFinite { throw .outputNotFinite }
    }
}

/// Makes actions straight from the embedding (`ContinuousActionHead`): deterministic.
struct ContinuousDecoder: Sendable {
    let projection: Dense
    let maximumAction: Float

    /// Squashes actions into the permitted range with `tanh`.
    /// - Parameter mean: `[chunk]`
    /// - Returns: the same, all within the largest action.
    func squash(_ mean: [Float]) -> [Float] { mean.map { tanh($0 / maximumAction) * maximumAction } }
}

/// Makes actions as the most likely word of a vocabulary of bins (`DiscreteActionHead` with `argmax`): deterministic.
struct DiscreteDecoder: Sendable {
    let projection: Dense
    let bins: BinTokenizer

    /// Chooses the likeliest bin of each number.
    /// - Parameter logits: `[chunk, bins]`
    /// - Returns: `[chunk]`, the middle of the first of the likeliest bins.
    func decode(_ logits: [Float]) -> [Float] {
        stride(from: 0, to: logits.count, by: bins.count).map { start in
            var best = start
            for index in start + 1..<max(start + 1, start + bins.count) where logits[index] > logits[best] {
                best = index
            }
            return bins.center(of: best - start)
        }
    }
}
