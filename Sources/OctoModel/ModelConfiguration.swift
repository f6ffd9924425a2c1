/// What `config.json` and the example batch say about the network; everything this runtime needs to lay it out.
package struct ModelConfiguration: Equatable, Sendable {
    /// An image encoder: a small convolutional stem, or one convolution that cuts patches.
    package struct ImageEncoder: Equatable, Sendable {
        package enum Normalization: String, Sendable {
            /// `x / 127.5 - 1`
            case standard = "default"
            /// `x / 255`, minus ImageNet's mean, over its deviation.
            case imageNet = "imagenet"
        }
        /// One StdConv, GroupNorm, ReLU.
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
        /// The class name, e.g. "SmallStem16".
        var name: String
        /// Empty for PatchEncoder.
        var layers: [Layer]
        /// Kernel and stride of the last convolution.
        var embeddingSize: Int
        /// Channels of a token.
        var features: Int
        var normalization: Normalization

        package init(
            name: String, layers: [Layer], embeddingSize: Int, features: Int, normalization: Normalization
        ) {
            self.name = name
            self.layers = layers
            self.embeddingSize = embeddingSize
            self.features = features
            self.normalization = normalization
        }
    }

    struct ImageTokenizer: Equatable, Sendable {
        var name: String
        var encoder: ImageEncoder
        /// Observation keys whose images are stacked, sorted.
        var observationKeys: [String]
        /// Task keys whose goal images are stacked behind them, sorted.
        var goalKeys: [String]
        /// Pixels of one image.
        var height: Int
        var width: Int
        /// Masked-out cameras mask their tokens.
        var usesPadMask: Bool

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

    /// In the order of the file, which is the order of the tokens.
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
    /// Timesteps of the example batch: the window the model was trained with.
    var windowSize: Int
    var repeatsTaskTokens: Bool
    var usesCorrectAttention: Bool
    /// Named in the file for text tasks; its vocabulary is not in the checkpoint.
    var textTokenizer: String?

    var imageTokenizers: [ImageTokenizer] {
        observationTokenizers.compactMap { if case .image(let tokenizer) = $0 { tokenizer } else { nil } }
    }
    var lowdimTokenizers: [LowdimTokenizer] {
        observationTokenizers.compactMap { if case .lowdim(let tokenizer) = $0 { tokenizer } else { nil } }
    }
}

extension ModelConfiguration.ImageEncoder {
    /// Height and width of the feature maps: after each layer, then of the tokens. nil if an image is too small.
    func featureMaps(height: Int, width: Int) -> [(height: Int, width: Int)]? {
        var maps: [(height: Int, width: Int)] = []
        var (h, w) = (height, width)
        for layer in layers {
            h = Convolution.outputSize(h, kernel: layer.kernelSize, stride: layer.stride, padding: layer.padding)
            w = Convolution.outputSize(w, kernel: layer.kernelSize, stride: layer.stride, padding: layer.padding)
            if h < 1 || w < 1 { return nil }
            maps.append((h, w))
        }
        h = Convolution.outputSize(h, kernel: embeddingSize, stride: embeddingSize, padding: 0)
        w = Convolution.outputSize(w, kernel: embeddingSize, stride: embeddingSize, padding: 0)
        if h < 1 || w < 1 { return nil }
        maps.append((h, w))
        return maps
    }
}

extension ModelConfiguration.ImageTokenizer {
    /// Tokens of one image: the last feature map, row by row. 0 if the image is too small for the encoder.
    var tokens: Int {
        guard let last = encoder.featureMaps(height: height, width: width)?.last else { return 0 }
        return last.height * last.width
    }
}
