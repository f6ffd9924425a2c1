/// What a checkpoint is, for people and for the programs that feed it.
package struct ModelDescription: Equatable, Sendable {
    /// One image of the observation.
    package struct Camera: Equatable, Sendable {
        /// `image_<name>`
        package var key: String
        package var width: Int
        package var height: Int
        /// A goal image of this key is fused with it.
        package var fusesGoal: Bool
        /// The tokenizer that reads it.
        package var tokenizer: String

        /// The key without `image_`.
        package var name: String { key.hasPrefix("image_") ? String(key.dropFirst("image_".count)) : key }
    }
    /// One tokenizer, with how many tokens it makes.
    package struct Tokenizer: Equatable, Sendable {
        /// What a tokenizer reads.
        package enum Kind: String, Sendable {
            case observation
            case task
        }
        package var name: String
        package var kind: Kind
        /// The class of its encoder, e.g. "SmallStem16" or "T5"; "numbers" or "bins" for numbers that are no image.
        package var encoder: String
        /// Tokens per timestep, or of the text.
        package var tokens: Int
    }

    /// Numbers of the task that FiLM layers read.
    package struct TaskVector: Equatable, Sendable {
        /// Key of the numbers in the task.
        package var key: String
        package var count: Int

        package init(key: String, count: Int) {
            self.key = key
            self.count = count
        }
    }

    /// Cameras in the order of the tokenizers.
    package var cameras: [Camera]
    package var tokenizers: [Tokenizer]
    /// Numbers of the observation that are no image, such as proprioception, and how many they are per timestep; in the
    /// order of the tokenizers, each key once.
    package var lowdimKeys: [(name: String, dimension: Int)] { lowdim.map { ($0.name, $0.dimension) } }
    private var lowdim: [LowdimKey]
    private struct LowdimKey: Equatable, Sendable {
        var name: String
        var dimension: Int
    }
    /// Tokenizers in the configuration whose inputs the example batch does not have.
    package var skippedTokenizers: [String]
    /// Vectors that a task has besides goal images and text, sorted by key; none in released models.
    package var taskVectors: [TaskVector]
    /// Timesteps of the observation the model was trained with.
    package var windowSize: Int
    /// The most timesteps it can take.
    package var maximumHorizon: Int
    /// The action head's class, e.g. "DiffusionActionHead".
    package var headName: String
    /// The tokens the head reads: "readout_<name>", "obs" or "obs_<tokenizer>".
    package var headSource: String
    package var actionHorizon: Int
    package var actionDimension: Int
    /// Number of denoising steps; 0 for a head that needs no noise.
    package var diffusionSteps: Int
    /// Whether attention pools the tokens that the head reads (`use_map`).
    package var usesAttentionPooling: Bool
    package var usesCorrectAttention: Bool
    package var repeatsTaskTokens: Bool
    /// The text tokenizer the configuration names; its vocabulary is not in the checkpoint.
    package var textTokenizer: String?
    /// Token ids of a text, with its padding; nil for a checkpoint that takes no text.
    package var textLength: Int?
    /// Token ids that the text encoder knows; nil for a checkpoint that takes no text.
    package var textVocabulary: Int?
    /// Data sets with action statistics; empty for the statistics of a single, nameless one.
    package var datasets: [String]
    /// Sizes of the transformer: numbers in a token, blocks, heads, and numbers between the layers of a block's MLP.
    package var tokenEmbeddingSize: Int
    package var layers: Int
    package var attentionHeads: Int
    package var mlpSize: Int
    /// Numbers in all parameters the network uses.
    package var parameterCount: Int
    package var parameterCountWithoutT5: Int
    /// Parameters of the file that nothing of the configuration belongs to, sorted: they are left unread.
    package var ignoredParameters: [String]
    /// Number of tokens in the transformer's sequence with a full window.
    package var sequenceLength: Int

    package var hasLanguage: Bool { tokenizers.contains { $0.kind == .task } }

    init(
        _ configuration: ModelConfiguration, parameters: any ParameterSource, reader: ParameterReader,
        datasets: [String]
    ) {
        cameras = configuration.imageTokenizers.flatMap { tokenizer in
            tokenizer.observationKeys.map {
                Camera(
                    key: $0, width: tokenizer.width, height: tokenizer.height,
                    fusesGoal: tokenizer.goalKeys.contains($0),
                    tokenizer: tokenizer.name)
            }
        }
        tokenizers = configuration.observationTokenizers.map { tokenizer in
            let encoder =
                switch tokenizer {
                case .image(let tokenizer): tokenizer.encoder.name
                case .lowdim(let tokenizer): tokenizer.bins == nil ? "numbers" : "bins"
                }
            return Tokenizer(name: tokenizer.name, kind: .observation, encoder: encoder, tokens: tokenizer.tokens)
        }
        lowdim = configuration.lowdimTokenizers.flatMap(\.keys).reduce(into: []) { known, key in
            if known.contains(where: { $0.name == key.name }) { return }
            known.append(LowdimKey(name: key.name, dimension: key.dimension))
        }
        let observed = tokenizers.reduce(0) { $0 + $1.tokens }
        var text = 0
        for tokenizer in configuration.languageTokenizers {
            let tokens = parameters.shape(of: "octo_transformer/task_\(tokenizer.name)_pos_embedding")?[1] ?? 0
            tokenizers.append(Tokenizer(name: tokenizer.name, kind: .task, encoder: "T5", tokens: tokens))
            text += tokens
            let embedding = "octo_transformer/task_tokenizers_\(tokenizer.name)/hf_model/shared/embedding"
            let vocabulary = parameters.shape(of: embedding)?.first ?? 0
            textLength = textLength ?? tokens
            textVocabulary = min(textVocabulary ?? vocabulary, vocabulary)
        }
        let readouts = configuration.readouts.reduce(0) { $0 + $1.tokens }
        let perTimestep = observed + readouts + (configuration.repeatsTaskTokens ? text : 0)
        sequenceLength = text + configuration.windowSize * perTimestep
        skippedTokenizers = configuration.skippedTokenizers
        windowSize = configuration.windowSize
        maximumHorizon = configuration.maximumHorizon
        headName = configuration.head.name
        headSource = configuration.head.source.description
        actionHorizon = configuration.head.actionHorizon
        actionDimension = configuration.head.actionDimension
        diffusionSteps = configuration.head.diffusionSteps
        usesAttentionPooling = configuration.head.usesAttentionPooling
        usesCorrectAttention = configuration.usesCorrectAttention
        repeatsTaskTokens = configuration.repeatsTaskTokens
        textTokenizer = configuration.textTokenizer
        self.datasets = datasets
        tokenEmbeddingSize = configuration.tokenEmbeddingSize
        layers = configuration.transformer.layers
        attentionHeads = configuration.transformer.heads
        mlpSize = configuration.transformer.mlpSize
        parameterCount = reader.count
        parameterCountWithoutT5 = reader.count - reader.t5Count
        ignoredParameters = Set(parameters.names).subtracting(reader.names).sorted()
        taskVectors = configuration.taskVectors.map { TaskVector(key: $0.key, count: $0.value) }.sorted {
            $0.key < $1.key
        }
    }
}
