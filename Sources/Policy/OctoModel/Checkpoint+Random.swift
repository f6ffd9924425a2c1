import Maths

/// Parameters out of a generator instead of a file.
struct RandomParameters: ParameterSource {
    let file = "random parameters"
    let seed: UInt64
    /// Shapes that a reader looks up before it asks for a parameter.
    let known: [String: [Int]]

    var names: [String] { known.keys.sorted() }
    func shape(of name: String, askedFor shape: [Int]?) -> [Int]? { known[name] ?? shape }

    /// Kernels of variance 1/inputs, scales 1, biases 0: activations stay of the size they have in a trained model.
    func floats(_ name: String, shape: [Int]) -> [Float]? {
        let count = shape.reduce(1, *)
        if name.hasSuffix("/scale") || name.hasSuffix("/weight") { return [Float](repeating: 1, count: count) }
        if name.hasSuffix("/bias") { return [Float](repeating: 0, count: count) }
        let inputs = name.hasSuffix("/kernel") ? max(1, count / (shape.last ?? 1)) : 1
        // A name always gets the same numbers, whatever the order.
        var generator = NoiseGenerator(seed: seed, counter: FNV1a(name).value)
        let scale = name.hasSuffix("embedding") ? 0.02 : 1 / Float(inputs).squareRoot()
        return (0..<count).map { _ in scale * generator.next() }
    }
}

extension Checkpoint {
    /// Shapes of models with random parameters, for benchmarks.
    package enum RandomShape: String, CaseIterable, Sendable {
        /// Small enough for a test: one 64x64 camera, two layers of width 64.
        case tiny
        /// Octo-small: primary 256x256 and wrist 128x128 with goals, window 2, 690 tokens. The language tokens are
        /// there, made by a T5 of one small layer.
        case octoSmall = "octo-small"
        /// Octo-base: the same with width 768.
        case octoBase = "octo-base"
    }

    /// What can differ between models of a shape.
    package struct RandomVariation: Sendable {
        package var usesCorrectAttention = true
        package var repeatsTaskTokens = true
        package var readoutTokens = 1
        /// Tokens of a second readout that no head reads, before the head's; nil for none.
        package var otherReadoutTokens: Int?
        package var head = Head.diffusion
        /// "readout_action", "obs" or the name of an observation group.
        package var headSource = "readout_action"
        package var usesAttentionPooling = false
        /// How numbers that are no image ("proprio", five of them) become tokens; nil for a model without.
        package var lowdim: Lowdim?
        /// Whether the tokens of low-dimensional keys stand before the cameras' instead of behind them.
        package var putsLowdimFirst = false
        /// Whether the tiny shape gets a wrist camera of 32x32 whose encoder is a PatchEncoder of 16x16.
        package var addsPatchedWrist = false
        /// Kind of the first camera's encoder.
        package var encoder = Encoder.stem16
        /// Number of tokens that a token learner leaves of the first camera's.
        package var learnedTokens: Int?
        /// The first camera's encoder is conditioned on five numbers of the task, `speed`, and two, `place`.
        package var usesFilm = false
        package var normalization = ModelConfiguration.ImageEncoder.Normalization.standard

        /// The kind of the first camera's image encoder.
        package enum Encoder: CaseIterable, Sendable {
            case stem16
            case stem32
            case patches
            case residual
        }

        package init() {}

        /// The kind of action head. A discrete one gets as many readout tokens as it takes.
        package enum Head: CaseIterable, Sendable {
            case diffusion, continuous, discrete, discretePerAction, discretePerNumber
        }
        /// How numbers of the observation become tokens.
        package enum Lowdim: CaseIterable, Sendable {
            case numbers, uniformBins, normalBins
        }
    }

    /// A model of that shape with random parameters; the same seed gives the same.
    package static func random(
        shape: RandomShape, seed: UInt64, variation: RandomVariation = RandomVariation()
    ) throws(CheckpointError) -> Checkpoint {
        let source = RandomParameters(seed: seed, known: shape.textShapes)
        var configuration = shape.configuration
        configuration.usesCorrectAttention = variation.usesCorrectAttention
        configuration.repeatsTaskTokens = variation.repeatsTaskTokens
        configuration.head = variation.head(configuration.head)
        var readoutTokens = variation.readoutTokens
        if case .discrete = configuration.head.kind { readoutTokens = configuration.head.embeddings }
        configuration.readouts = [.init(name: "action", tokens: readoutTokens)]
        if let other = variation.otherReadoutTokens {
            configuration.readouts.insert(.init(name: "value", tokens: other), at: 0)
        }
        configuration.observationTokenizers = configuration.imageTokenizers.enumerated().map { index, tokenizer in
            var tokenizer = tokenizer
            tokenizer.encoder.normalization = variation.normalization
            if index == 0 { variation.apply(to: &tokenizer) }
            return .image(tokenizer)
        }
        if variation.addsPatchedWrist {
            configuration.observationTokenizers.append(
                .image(
                    .init(
                        name: "wrist",
                        encoder: .init(
                            name: "PatchEncoder", layers: [], embeddingSize: 16, features: 32,
                            normalization: .standard),
                        observationKeys: ["image_wrist"], goalKeys: ["image_wrist"], height: 32, width: 32,
                        usesPadMask: true)))
        }
        if let lowdim = variation.lowdim?.tokenizer {
            let place = variation.putsLowdimFirst ? 0 : configuration.observationTokenizers.count
            configuration.observationTokenizers.insert(.lowdim(lowdim), at: place)
        }
        return try Checkpoint(folder: "random", step: 0, configuration, parameters: source, statistics: nil)
    }
}

extension Checkpoint.RandomVariation {
    fileprivate func head(_ standard: ModelConfiguration.ActionHead) -> ModelConfiguration.ActionHead {
        var result = standard
        func discrete(_ tokenPer: ModelConfiguration.Discrete.TokenPer) {
            result.name = "DiscreteActionHead"
            result.kind = .discrete(.init(tokenPer: tokenPer, bins: .init(count: 16, kind: .normal)))
        }
        switch head {
        case .diffusion: break
        case .continuous:
            result.name = "ContinuousActionHead"
            result.kind = .continuous(maximumAction: 5)
        case .discrete: discrete(.chunk)
        case .discretePerAction: discrete(.action)
        case .discretePerNumber: discrete(.number)
        }
        switch headSource {
        case "obs": result.source = .observations
        case _ where headSource.hasPrefix("readout_"):
            result.source = .readout(String(headSource.dropFirst("readout_".count)))
        default: result.source = .group(headSource)
        }
        result.usesAttentionPooling = usesAttentionPooling
        return result
    }
}

extension Checkpoint.RandomVariation.Lowdim {
    fileprivate var tokenizer: ModelConfiguration.LowdimTokenizer {
        let bins: ModelConfiguration.Bins? =
            switch self {
            case .numbers: nil
            case .uniformBins: .init(count: 8, kind: .uniform(low: -2, high: 2))
            case .normalBins: .init(count: 8, kind: .normal)
            }
        return .init(name: "proprio", keys: [.init(name: "proprio", dimension: 5)], bins: bins)
    }
}

extension Checkpoint.RandomVariation {
    fileprivate func apply(to tokenizer: inout ModelConfiguration.ImageTokenizer) {
        switch (encoder, tokenizer.encoder.body) {
        case (.stem32, .stem(let layers, _)):
            tokenizer.encoder.name = "SmallStem32"
            tokenizer.encoder.body = .stem(layers: layers, embeddingSize: 2)
        case (.patches, _):
            tokenizer.encoder.name = "PatchEncoder"
            tokenizer.encoder.body = .stem(layers: [], embeddingSize: 32)
        case (.residual, _):
            tokenizer.encoder.name = "ViTResnet"
            tokenizer.encoder.body = .residual(.init(width: 32, stages: [1, 2]))
            tokenizer.encoder.features = 256
        case (.stem16, _), (.stem32, .residual): break
        }
        tokenizer.learnedTokens = learnedTokens
        if usesFilm {
            tokenizer.filmVectors = [.init(key: "speed", count: 5), .init(key: "place", count: 2)]
            tokenizer.encoder.conditionSize = 7
        }
    }
}

extension Checkpoint.RandomShape {
    fileprivate var configuration: ModelConfiguration {
        let isTiny = self == .tiny
        let cameras = isTiny ? [("primary", 64)] : [("primary", 256), ("wrist", 128)]
        let features = isTiny ? [32, 32, 32, 32] : [32, 96, 192, 384]
        let encoder = ModelConfiguration.ImageEncoder(
            name: "SmallStem16",
            layers: features.map { .init(kernelSize: 3, stride: 2, padding: 1, features: $0) }, embeddingSize: 1,
            features: isTiny ? 32 : 512, normalization: .standard)
        var diffusion = ModelConfiguration.Diffusion()
        if isTiny { diffusion.hiddenDimension = 32 }
        let head = ModelConfiguration.ActionHead(
            name: "DiffusionActionHead", source: .readout("action"), usesAttentionPooling: false, actionHorizon: 4,
            actionDimension: 7, kind: .diffusion(diffusion))
        return ModelConfiguration(
            observationTokenizers: cameras.map { name, size in
                .image(
                    .init(
                        name: name, encoder: encoder, observationKeys: ["image_\(name)"], goalKeys: ["image_\(name)"],
                        height: size, width: size, usesPadMask: true))
            },
            skippedTokenizers: [], languageTokenizers: [.init(name: "language", usesPadMask: true)],
            readouts: [.init(name: "action", tokens: 1)], head: head, transformer: transformer,
            tokenEmbeddingSize: tokenEmbeddingSize, maximumHorizon: 10, windowSize: 2, repeatsTaskTokens: true,
            usesCorrectAttention: true, textTokenizer: nil)
    }

    private var tokenEmbeddingSize: Int {
        switch self {
        case .tiny: 64
        case .octoSmall: 384
        case .octoBase: 768
        }
    }

    private var transformer: ModelConfiguration.Transformer {
        switch self {
        case .tiny: .init(layers: 2, mlpSize: 128, heads: 4)
        case .octoSmall: .init(layers: 12, mlpSize: 1536, heads: 6)
        case .octoBase: .init(layers: 12, mlpSize: 3072, heads: 12)
        }
    }

    /// A T5 of one layer: it runs once per task, so its size does not matter, but its tokens are part of the sequence.
    fileprivate var textShapes: [String: [Int]] {
        let width = self == .tiny ? 32 : 768
        let t5 = "octo_transformer/task_tokenizers_language/hf_model"
        let attention = "\(t5)/encoder/block/0/layer/0/SelfAttention"
        let mlp = "\(t5)/encoder/block/0/layer/1/DenseReluDense"
        return [
            "octo_transformer/task_language_pos_embedding": [1, 16, tokenEmbeddingSize],
            "\(t5)/shared/embedding": [64, width],
            "\(attention)/relative_attention_bias/embedding": [T5Encoder.buckets, 2],
            "\(attention)/q/kernel": [width, 16],
            "\(mlp)/wi/kernel": [width, 32],
        ]
    }
}
