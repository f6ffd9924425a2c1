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
    struct LowdimTokenizer: Sendable {
        let configuration: ModelConfiguration.LowdimTokenizer
        let encoder: LowdimEncoder
        let projection: Dense
        /// `[maximumHorizon, tokens, D]`
        let positionEmbedding: [Float]
    }
    enum ObservationTokenizer: Sendable {
        case image(ImageTokenizer)
        case lowdim(LowdimTokenizer)

        var name: String {
            switch self {
            case .image(let tokenizer): tokenizer.configuration.name
            case .lowdim(let tokenizer): tokenizer.configuration.name
            }
        }
        /// Number of tokens of one timestep.
        var tokens: Int {
            switch self {
            case .image(let tokenizer): tokenizer.tokens
            case .lowdim(let tokenizer): tokenizer.configuration.tokens
            }
        }
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

    /// The layers of the action head.
    struct Head: Sendable {
        enum Layers: Sendable {
            case score(ScoreNetwork)
            case projection(Dense)
        }
        let pooling: AttentionPooling?
        let layers: Layers
    }

    /// Tokenizers in the order of the configuration.
    let observationTokenizers: [ObservationTokenizer]
    let languageTokenizers: [LanguageTokenizer]
    let readouts: [Readout]
    let blocks: [EncoderBlock]
    let finalNorm: LayerNorm
    let head: Head

    /// Asks the reader for every parameter; the parts may be used only if it then has no problems and does copy.
    /// - Parameter keepsBlocks: false leaves the transformer's blocks out, by far the most of it.
    init(_ configuration: ModelConfiguration, _ reader: inout ParameterReader, keepsBlocks: Bool = true) {
        let D = configuration.tokenEmbeddingSize
        let horizon = configuration.maximumHorizon
        let root = "octo_transformer"

        observationTokenizers = configuration.observationTokenizers.map { tokenizer in
            let name = tokenizer.name
            let position = reader.tensor("\(root)/obs_\(name)_pos_embedding", [1, horizon, tokenizer.tokens, D])
            let features: Int
            switch tokenizer {
            case .image(let tokenizer): features = tokenizer.encoder.features
            case .lowdim(let tokenizer): features = tokenizer.features
            }
            let projection = reader.dense("\(root)/obs_\(name)_projection", inputs: features, outputs: D)
            switch tokenizer {
            case .lowdim(let tokenizer):
                return .lowdim(
                    LowdimTokenizer(
                        configuration: tokenizer, encoder: LowdimEncoder(tokenizer), projection: projection,
                        positionEmbedding: position))
            case .image(let tokenizer):
                let module = "\(root)/observation_tokenizers_\(name)"
                return .image(
                    ImageTokenizer(
                        configuration: tokenizer,
                        encoder: reader.imageEncoder(
                            "\(module)/\(tokenizer.encoder.name)_0", tokenizer.encoder, channels: tokenizer.channels),
                        tokenLearner: tokenizer.learnedTokens.map {
                            reader.tokenLearner(
                                "\(module)/TokenLearner_0", tokens: tokenizer.encodedTokens, learned: $0,
                                features: features)
                        },
                        projection: projection, positionEmbedding: position, tokens: tokenizer.tokens))
            }
        }
        languageTokenizers = configuration.languageTokenizers.map { tokenizer in
            let name = tokenizer.name
            let module = "\(root)/task_tokenizers_\(name)/hf_model"
            let encoder = reader.t5(module)
            // The length of a text stands nowhere else.
            let position = "\(root)/task_\(name)_pos_embedding"
            let found = reader.source.shape(of: position) ?? []
            let tokens = found.count == 3 && found[1] > 0 ? found[1] : 16
            return LanguageTokenizer(
                configuration: tokenizer, encoder: encoder,
                projection: reader.dense("\(root)/task_\(name)_projection", inputs: encoder.width, outputs: D),
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

        head = Self.head(configuration.head, width: D, &reader)
    }

    private static func head(
        _ head: ModelConfiguration.ActionHead, width D: Int, _ reader: inout ParameterReader
    ) -> Head {
        let pooling =
            head.usesAttentionPooling
            ? reader.attentionPooling("heads_action/map_head", width: D, probes: head.embeddings) : nil
        let layers: Head.Layers
        switch head.kind {
        case .diffusion(let diffusion):
            layers = .score(
                reader.scoreNetwork(
                    "heads_action/diffusion_model", timeDimension: diffusion.timeDimension, width: D,
                    chunk: head.chunkSize, hidden: diffusion.hiddenDimension, blocks: diffusion.blocks,
                    usesLayerNorm: diffusion.usesLayerNorm))
        case .continuous:
            layers = .projection(reader.dense("heads_action/mean_proj", inputs: D, outputs: head.chunkSize))
        case .discrete(let discrete):
            let outputs = head.chunkSize * discrete.bins.count / head.embeddings
            layers = .projection(reader.dense("heads_action/vocab_proj", inputs: D, outputs: outputs))
        }
        return Head(pooling: pooling, layers: layers)
    }

    /// The places of the tokens of so many timesteps.
    func layout(_ configuration: ModelConfiguration, timesteps: Int) -> TokenLayout {
        let language = languageTokenizers.map { (name: $0.configuration.name, count: $0.tokens) }
        var perTimestep = observationTokenizers.map {
            TokenLayout.Group(name: "obs_\($0.name)", kind: .observation, count: $0.tokens)
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

    /// Reads one block of the transformer.
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
    ///   - frames: one frame `[height, width, 3]` for each observation key.
    ///   - recordLayer: takes the layers' outputs, as in `ImageEncoder`.
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
