/// The network's layers with their parameters, found by name (section "parameter tree" of the official checkpoints,
/// code at commit 241fb35).
struct NetworkParts: Sendable {
    struct ImageTokenizer: Sendable {
        let configuration: ModelConfiguration.ImageTokenizer
        let encoder: ImageEncoder
        let tokenLearner: TokenLearner?
        let projection: Dense
        /// `[maximumHorizon, tokens, D]`
        let positionEmbedding: [Float]
        let tokens: Int
    }
    struct LanguageTokenizer: Sendable {
        let configuration: ModelConfiguration.LanguageTokenizer
        let encoder: T5Encoder
        let projection: Dense
        /// `[tokens, D]`
        let positionEmbedding: [Float]
        let tokens: Int
    }
    struct Readout: Sendable {
        let configuration: ModelConfiguration.Readout
        /// `[maximumHorizon, tokens, D]`
        let positionEmbedding: [Float]
    }

    let imageTokenizers: [ImageTokenizer]
    let languageTokenizers: [LanguageTokenizer]
    let readouts: [Readout]
    let blocks: [EncoderBlock]
    let finalNorm: LayerNorm
    let pooling: AttentionPooling?
    let score: ScoreNetwork

    /// Asks the reader for every parameter; the parts may be used only if it then has no problems and does copy.
    /// - Parameter keepsBlocks: false leaves the transformer's blocks out, by far the most of it.
    init(_ configuration: ModelConfiguration, _ reader: inout ParameterReader, keepsBlocks: Bool = true) {
        let D = configuration.tokenEmbeddingSize
        let horizon = configuration.maximumHorizon
        let root = "octo_transformer"

        imageTokenizers = configuration.imageTokenizers.map { tokenizer in
            let name = tokenizer.name
            let module = "\(root)/observation_tokenizers_\(name)"
            let features = tokenizer.encoder.features
            let tokens = tokenizer.tokens
            return ImageTokenizer(
                configuration: tokenizer,
                encoder: reader.imageEncoder(
                    "\(module)/\(tokenizer.encoder.name)_0", tokenizer.encoder, channels: tokenizer.channels),
                tokenLearner: tokenizer.learnedTokens.map {
                    reader.tokenLearner(
                        "\(module)/TokenLearner_0", tokens: tokenizer.encodedTokens, learned: $0, features: features)
                },
                projection: reader.dense("\(root)/obs_\(name)_projection", inputs: features, outputs: D),
                positionEmbedding: reader.tensor("\(root)/obs_\(name)_pos_embedding", [1, horizon, tokens, D]),
                tokens: tokens)
        }
        languageTokenizers = configuration.languageTokenizers.map { tokenizer in
            let name = tokenizer.name
            let module = "\(root)/task_tokenizers_\(name)/hf_model"
            let encoder = reader.t5(module)
            let width = reader.source.shape(of: "\(module)/shared/embedding")?.last ?? 1
            // The length of a text stands nowhere else.
            let position = "\(root)/task_\(name)_pos_embedding"
            let found = reader.source.shape(of: position) ?? []
            let tokens = found.count == 3 && found[1] > 0 ? found[1] : 16
            return LanguageTokenizer(
                configuration: tokenizer, encoder: encoder,
                projection: reader.dense("\(root)/task_\(name)_projection", inputs: width, outputs: D),
                positionEmbedding: reader.tensor(position, [1, tokens, D]), tokens: tokens)
        }
        readouts = configuration.readouts.map { readout in
            Readout(
                configuration: readout,
                positionEmbedding: reader.tensor(
                    "\(root)/readout_\(readout.name)_pos_embedding", [1, horizon, readout.tokens, D]))
        }
        let transformer = "\(root)/BlockTransformer_0/Transformer_0"
        let layers = keepsBlocks ? configuration.transformer.layers : 0
        blocks = (0..<layers).map { Self.block($0, configuration, &reader) }
        finalNorm = reader.layerNorm("\(transformer)/encoder_norm", width: D)

        let head = configuration.head
        pooling = head.usesAttentionPooling
            ? reader.attentionPooling("heads_action/map_head", width: D, probes: 1) : nil
        score = reader.scoreNetwork(
            "heads_action/diffusion_model", timeDimension: head.timeDimension, width: D, chunk: head.chunkSize,
            hidden: head.hiddenDimension, blocks: head.blocks, usesLayerNorm: head.usesLayerNorm)
    }

    /// One block of the transformer.
    static func block(
        _ layer: Int, _ configuration: ModelConfiguration, _ reader: inout ParameterReader
    ) -> EncoderBlock {
        reader.encoderBlock(
            "octo_transformer/BlockTransformer_0/Transformer_0/encoderblock_\(layer)",
            width: configuration.tokenEmbeddingSize, heads: configuration.transformer.heads,
            mlpSize: configuration.transformer.mlpSize)
    }
}

extension NetworkParts.ImageTokenizer {
    /// Tokens of one timestep before the projection.
    ///
    /// - Parameters:
    ///   - frames: one `[height, width, 3]` for each observation key.
    ///   - recordLayer: as of `ImageEncoder`.
    /// - Returns: `[tokens, features]`
    func encode(
        _ frames: [ArraySlice<UInt8>], task: PreparedTask,
        recordLayer: (_ index: Int, _ shape: [Int], _ output: [Float]) -> Void = { _, _, _ in }
    ) -> [Float] {
        let goals = configuration.goalKeys.compactMap { task.goals[$0] }.map { $0[...] }
        let condition = configuration.filmVectors.flatMap { task.vectors[$0.key] ?? [] }
        let encoded = encoder(
            frames + goals, height: configuration.height, width: configuration.width, condition: condition,
            recordLayer: recordLayer)
        return tokenLearner?(encoded) ?? encoded
    }

    /// Tokens of one timestep of an observation behind the projection, without position embedding.
    /// - Returns: `[tokens, D]`
    func projectedTokens(_ observation: ObservationInput, timestep t: Int, task: PreparedTask) -> [Float] {
        let bytes = configuration.height * configuration.width * 3
        let frames = configuration.observationKeys.compactMap { observation.images[$0]?[t * bytes..<(t + 1) * bytes] }
        return projection(encode(frames, task: task), rows: tokens)
    }

    /// The stem alone, if that is all there is to it.
    var bareStem: ConvolutionalStem? {
        guard case .stem(let stem) = encoder.body, stem.film == nil, tokenLearner == nil else { return nil }
        return stem
    }
}
