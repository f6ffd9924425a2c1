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
    package struct Tokenizer: Equatable, Sendable {
        package enum Kind: String, Sendable {
            case observation
            case task
        }
        package var name: String
        package var kind: Kind
        /// The class of its encoder, e.g. "SmallStem16" or "T5".
        package var encoder: String
        /// Tokens per timestep, or of the text.
        package var tokens: Int
    }

    /// Numbers of the task that FiLM layers read.
    package struct TaskVector: Equatable, Sendable {
        /// Its key in the task.
        package var key: String
        package var count: Int
    }

    /// In the order of the tokenizers.
    package var cameras: [Camera]
    package var tokenizers: [Tokenizer]
    /// Tokenizers in the configuration that no camera of the example batch belongs to.
    package var skippedTokenizers: [String]
    /// What a task has besides goal images and text, sorted by key; none in released models.
    package var taskVectors: [TaskVector]
    /// Timesteps of the observation the model was trained with.
    package var windowSize: Int
    /// The most timesteps it can take.
    package var maximumHorizon: Int
    package var headName: String
    package var actionHorizon: Int
    package var actionDimension: Int
    package var diffusionSteps: Int
    /// Attention pooling of the readout (`use_map`).
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
    package var tokenEmbeddingSize: Int
    package var layers: Int
    package var attentionHeads: Int
    package var mlpSize: Int
    /// Numbers in all parameters the network uses.
    package var parameterCount: Int
    package var parameterCountWithoutT5: Int
    /// Tokens in the transformer's sequence with a full window.
    package var sequenceLength: Int

    package var hasLanguage: Bool { tokenizers.contains { $0.kind == .task } }

    init(_ configuration: ModelConfiguration, parameters: any ParameterSource, reader: ParameterReader, datasets: [String]) {
        cameras = configuration.imageTokenizers.flatMap { tokenizer in
            tokenizer.observationKeys.map {
                Camera(
                    key: $0, width: tokenizer.width, height: tokenizer.height, fusesGoal: tokenizer.goalKeys.contains($0),
                    tokenizer: tokenizer.name)
            }
        }
        tokenizers = configuration.imageTokenizers.map {
            Tokenizer(name: $0.name, kind: .observation, encoder: $0.encoder.name, tokens: $0.tokens)
        }
        let image = tokenizers.reduce(0) { $0 + $1.tokens }
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
        let perTimestep = image + readouts + (configuration.repeatsTaskTokens ? text : 0)
        sequenceLength = text + configuration.windowSize * perTimestep
        skippedTokenizers = configuration.skippedTokenizers
        windowSize = configuration.windowSize
        maximumHorizon = configuration.maximumHorizon
        headName = "DiffusionActionHead"
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
        taskVectors = configuration.taskVectors.map { TaskVector(key: $0.key, count: $0.value) }.sorted { $0.key < $1.key }
    }
}
