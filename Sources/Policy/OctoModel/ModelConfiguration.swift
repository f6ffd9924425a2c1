/// What `config.json` and the example batch say about the network; everything this runtime needs to lay it out.
package struct ModelConfiguration: Equatable, Sendable {
    /// An image encoder: a small convolutional stem, or one convolution that cuts patches.
    package struct ImageEncoder: Equatable, Sendable {
        /// How pixels become the encoder's input, under the names of `img_norm_type`.
        package enum Normalization: String, Sendable {
            /// `x / 127.5 - 1`
            case standard = "default"
            /// `x / 255`, minus ImageNet's mean, over its deviation.
            case imageNet = "imagenet"
        }
        /// One layer of a stem: StdConv, GroupNorm, ReLU.
        package struct Layer: Equatable, Sendable {
            package init(kernelSize: Int, stride: Int, padding: Int, features: Int) {
                self.kernelSize = kernelSize
                self.stride = stride
                self.padding = padding
                self.features = features
            }
            var kernelSize: Int
            var stride: Int
            var padding: Int
            var features: Int
        }
        /// A root convolution and stages of bottleneck units.
        package struct Residual: Equatable, Sendable {
            /// Features of the root, and of the first stage's inner layers; doubled from stage to stage.
            var width: Int
            /// Units of each stage.
            var stages: [Int]

            package init(width: Int, stages: [Int]) {
                self.width = width
                self.stages = stages
            }
        }
        /// What the encoder does with the pixels.
        package enum Body: Equatable, Sendable {
            /// A convolutional stem; no layers for a PatchEncoder. The embedding's kernel and stride are
            /// `embeddingSize`.
            case stem(layers: [Layer], embeddingSize: Int)
            case residual(Residual)
        }
        /// The class name, e.g. "SmallStem16".
        var name: String
        var body: Body
        /// Channels of a token.
        var features: Int
        var normalization: Normalization
        /// Numbers of the vector that FiLM layers read; nil for an encoder without them.
        var conditionSize: Int?

        package init(
            name: String, body: Body, features: Int, normalization: Normalization, conditionSize: Int? = nil
        ) {
            self.name = name
            self.body = body
            self.features = features
            self.normalization = normalization
            self.conditionSize = conditionSize
        }

        package init(
            name: String, layers: [Layer], embeddingSize: Int, features: Int, normalization: Normalization
        ) {
            self.init(
                name: name, body: .stem(layers: layers, embeddingSize: embeddingSize), features: features,
                normalization: normalization)
        }
    }

    /// Numbers of the task, by its key.
    struct TaskVector: Equatable, Sendable {
        var key: String
        var count: Int
    }

    struct ImageTokenizer: Equatable, Sendable {
        var name: String
        var encoder: ImageEncoder
        /// Observation keys whose images are stacked, sorted.
        var observationKeys: [String]
        /// Task keys whose goal images are stacked behind them, sorted.
        var goalKeys: [String]
        /// Height of one image, pixels.
        var height: Int
        /// Width of one image, pixels.
        var width: Int
        /// Whether masked-out cameras mask their tokens.
        var usesPadMask: Bool
        /// Vectors that the encoder's FiLM layers read, one behind the other.
        var filmVectors: [TaskVector] = []
        /// Number of tokens that a token learner makes of the encoder's; nil without one.
        var learnedTokens: Int?

        var channels: Int { 3 * (observationKeys.count + goalKeys.count) }
    }

    struct LanguageTokenizer: Equatable, Sendable {
        var name: String
        var usesPadMask: Bool
    }

    struct Readout: Equatable, Sendable {
        var name: String
        var tokens: Int
    }

    /// One of the tokenizers that read observations.
    enum ObservationTokenizer: Equatable, Sendable {
        case image(ImageTokenizer)
        case lowdim(LowdimTokenizer)

        var name: String {
            switch self {
            case .image(let tokenizer): tokenizer.name
            case .lowdim(let tokenizer): tokenizer.name
            }
        }
        /// Tokens of one timestep.
        var tokens: Int {
            switch self {
            case .image(let tokenizer): tokenizer.tokens
            case .lowdim(let tokenizer): tokenizer.tokens
            }
        }
    }

    struct Transformer: Equatable, Sendable {
        var layers: Int
        var mlpSize: Int
        var heads: Int
    }

    /// Tokenizers in the order of the file, which is the order of the tokens.
    var observationTokenizers: [ObservationTokenizer]
    /// Tokenizers of the file whose inputs the example batch does not have: the official code leaves them out.
    var skippedTokenizers: [String]
    var languageTokenizers: [LanguageTokenizer]
    var readouts: [Readout]
    var head: ActionHead
    var transformer: Transformer
    var tokenEmbeddingSize: Int
    /// Time slots that have a position embedding.
    var maximumHorizon: Int
    /// Number of timesteps of the example batch: the window the model was trained with.
    var windowSize: Int
    var repeatsTaskTokens: Bool
    var usesCorrectAttention: Bool
    /// Name of the tokenizer for text tasks; its vocabulary is not in the checkpoint.
    var textTokenizer: String?

    var imageTokenizers: [ImageTokenizer] {
        observationTokenizers.compactMap { if case .image(let tokenizer) = $0 { tokenizer } else { nil } }
    }
    var lowdimTokenizers: [LowdimTokenizer] {
        observationTokenizers.compactMap { if case .lowdim(let tokenizer) = $0 { tokenizer } else { nil } }
    }
}

extension ModelConfiguration {
    /// Numbers of every vector that a task has for FiLM layers, by key.
    var taskVectors: [String: Int] {
        let all = imageTokenizers.flatMap(\.filmVectors)
        return Dictionary(all.map { ($0.key, $0.count) }, uniquingKeysWith: { first, _ in first })
    }
}

extension ModelConfiguration.ImageEncoder {
    /// Height and width of the last feature map. nil if an image is too small.
    func tokenMap(height: Int, width: Int) -> (height: Int, width: Int)? {
        var (h, w) = (height, width)
        switch body {
        case .stem(let layers, let embeddingSize):
            for layer in layers {
                h = Convolution.outputSize(h, kernel: layer.kernelSize, stride: layer.stride, padding: layer.padding)
                w = Convolution.outputSize(w, kernel: layer.kernelSize, stride: layer.stride, padding: layer.padding)
            }
            h = Convolution.outputSize(h, kernel: embeddingSize, stride: embeddingSize, padding: 0)
            w = Convolution.outputSize(w, kernel: embeddingSize, stride: embeddingSize, padding: 0)
        case .residual(let shape):
            // The root, the pooling and every stage but the first halve it.
            for _ in 0..<2 + max(0, shape.stages.count - 1) { (h, w) = ((h + 1) / 2, (w + 1) / 2) }
        }
        return h < 1 || w < 1 ? nil : (h, w)
    }
}

extension ModelConfiguration.ImageTokenizer {
    /// Tokens of one image as the encoder makes them: the last feature map, row by row. 0 if the image is too small.
    var encodedTokens: Int {
        guard let map = encoder.tokenMap(height: height, width: width) else { return 0 }
        return map.height * map.width
    }

    /// Tokens of one image.
    var tokens: Int { learnedTokens ?? encodedTokens }
}
