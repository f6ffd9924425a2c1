import JSONTree

extension ModelConfiguration {
    /// Sizes beyond this are no model but damage; products of two stay far from overflow.
    static let sizes = 1...100_000

    /// Reads `config.json` (class defaults of the official code, commit 241fb35, for what its kwargs do not say).
    ///
    /// - Parameters:
    ///   - root: the file, key order kept.
    ///   - file: its name for errors.
    ///   - example: tells which images there are and how large they are.
    /// - Throws: `.unusableConfiguration` with everything that is wrong or not supported.
    init(_ root: JSONNode, file: String, example: ExampleBatch) throws(CheckpointError) {
        var reader = ConfigurationReader()
        guard let model = root["model"], model.object != nil else {
            let found = root["model"].map(\.kind) ?? (root.object == nil ? root.kind : "nothing")
            reader.report("model", found: found, expected: "an object")
            throw .unusableConfiguration(path: file, problems: reader.problems)
        }

        tokenEmbeddingSize = reader.integer(model, "token_embedding_size", at: "model", in: Self.sizes)
        maximumHorizon = reader.integer(model, "max_horizon", at: "model", in: 1...10_000)
        repeatsTaskTokens = reader.boolean(model, "repeat_task_tokens", at: "model", default: false)
        // Models of December 2023 do not have the key and were trained with the old rule.
        usesCorrectAttention = reader.boolean(model, "use_correct_attention", at: "model", default: false)
        transformer = Self.transformer(model, width: tokenEmbeddingSize, &reader)

        imageTokenizers = []
        skippedTokenizers = []
        for member in reader.members(model, "observation_tokenizers", at: "model") {
            switch Self.imageTokenizer(member, example: example, &reader) {
            case .tokenizer(let tokenizer): imageTokenizers.append(tokenizer)
            case .noImage: skippedTokenizers.append(member.key)
            case .unusable: break
            }
        }
        if imageTokenizers.isEmpty && reader.problems.isEmpty {
            reader.report(
                "model.observation_tokenizers", found: "none that reads one of the example batch's images",
                expected: "at least one ImageTokenizer")
        }
        languageTokenizers = []
        for member in reader.members(model, "task_tokenizers", at: "model") {
            if let tokenizer = Self.languageTokenizer(member, &reader) { languageTokenizers.append(tokenizer) }
        }
        readouts = []
        for member in reader.members(model, "readouts", at: "model") {
            let tokens = reader.integer(model["readouts"] ?? JSONNode(.null), member.key, at: "model.readouts", in: 1...4096)
            readouts.append(Readout(name: member.key, tokens: tokens))
        }
        head = Self.head(model, readouts: readouts, &reader)
        if head.usesAttentionPooling && tokenEmbeddingSize % AttentionPooling.heads != 0 {
            reader.report(
                "model.token_embedding_size", found: "\(tokenEmbeddingSize)",
                expected: "a multiple of \(AttentionPooling.heads), the heads of the action head's pooling (use_map)")
        }

        windowSize = example.windowSize
        if windowSize > maximumHorizon {
            reader.report(
                "model.max_horizon", found: "\(maximumHorizon)", expected: "at least the example batch's window \(windowSize)")
        }
        textTokenizer = root["text_processor"]?["kwargs"]?["tokenizer_name"]?.string
        if !reader.problems.isEmpty { throw .unusableConfiguration(path: file, problems: reader.problems) }
    }

    private static func transformer(
        _ model: JSONNode, width: Int, _ reader: inout ConfigurationReader
    ) -> Transformer {
        let path = "model.transformer_kwargs"
        let kwargs = model["transformer_kwargs"] ?? JSONNode(.null)
        if kwargs.object == nil { reader.report(path, found: kwargs.kind, expected: "an object") }
        let result = Transformer(
            layers: reader.integer(kwargs, "num_layers", at: path, in: 1...1000),
            mlpSize: reader.integer(kwargs, "mlp_dim", at: path, in: sizes),
            heads: reader.integer(kwargs, "num_attention_heads", at: path, in: 1...1000))
        reader.checkArguments(
            kwargs, at: path,
            known: ["num_layers", "mlp_dim", "num_attention_heads", "dropout_rate", "attention_dropout_rate"],
            fixed: ["add_position_embedding": false])
        if width % result.heads != 0 {
            reader.report(
                "\(path).num_attention_heads", found: "\(result.heads)",
                expected: "a divisor of token_embedding_size \(width)")
        }
        return result
    }

    // MARK: - Tokenizers

    private enum ImageTokenizerResult {
        case tokenizer(ImageTokenizer)
        case noImage
        /// Reported.
        case unusable
    }

    private static func imageTokenizer(
        _ member: JSONNode.Member, example: ExampleBatch, _ reader: inout ConfigurationReader
    ) -> ImageTokenizerResult {
        let path = "model.observation_tokenizers.\(member.key)"
        guard let spec = reader.module(member.value, at: path) else { return .unusable }
        guard spec.name == "ImageTokenizer" else {
            reader.report(path, found: spec.name, expected: "ImageTokenizer, the only supported observation tokenizer")
            return .unusable
        }
        reader.checkArguments(
            spec.kwargs, at: spec.kwargsPath,
            known: [
                "obs_stack_keys", "task_stack_keys", "task_film_keys", "encoder", "use_token_learner", "num_tokens",
                "conditioning_type", "proper_pad_mask",
            ])
        let observationPatterns = patterns(spec, "obs_stack_keys", default: ["image_.*", "depth_.*"], &reader)
        let goalPatterns = patterns(spec, "task_stack_keys", default: [], &reader)
        let observations = example.observationImages.keys.filter { key in
            observationPatterns.contains { $0.matches(start: key) }
        }.sorted()
        // A goal image that the task lacks is made of zeros when there is an observation of that name.
        let goals = Set(example.observationImages.keys).union(example.goalImages.keys).filter { key in
            goalPatterns.contains { $0.matches(start: key) }
        }.sorted()
        guard let first = observations.first, let size = example.observationImages[first] else {
            return .noImage
        }
        if !goalPatterns.isEmpty && goals.isEmpty {
            reader.report("\(spec.kwargsPath).task_stack_keys", found: "no goal image of that name", expected: "at least one")
        }
        let used = observations.compactMap { example.observationImages[$0] } + goals.compactMap { example.goalImages[$0] }
        if used.contains(where: { $0 != size }) || size.channels != 3 {
            reader.report(
                path, found: "images of \((observations + goals).joined(separator: ", ")) in different sizes or not RGB",
                expected: "RGB images of one size")
        }
        let film = filmVectors(spec, example: example, &reader)
        guard let encoderNode = spec.kwargs["encoder"],
            let encoder = imageEncoder(encoderNode, film: film, at: "\(spec.kwargsPath).encoder", &reader)
        else {
            if spec.kwargs["encoder"] == nil {
                reader.report("\(spec.kwargsPath).encoder", found: "nothing", expected: "an image encoder")
            }
            return .unusable
        }
        if encoder.tokenMap(height: size.height, width: size.width) == nil {
            reader.report(
                "\(spec.kwargsPath).encoder", found: "images of \(size.width)x\(size.height)",
                expected: "images large enough for the encoder's strides")
        }
        return .tokenizer(
            ImageTokenizer(
                name: member.key, encoder: encoder, observationKeys: observations, goalKeys: goals, height: size.height,
                width: size.width,
                usesPadMask: reader.boolean(spec.kwargs, "proper_pad_mask", at: spec.kwargsPath, default: true),
                filmVectors: film ?? [], learnedTokens: learnedTokens(spec, encoder, &reader)))
    }

    private static func patterns(
        _ spec: ConfigurationReader.ModuleSpec, _ key: String, default standard: [String],
        _ reader: inout ConfigurationReader
    ) -> [KeyPattern] {
        reader.strings(spec.kwargs, key, at: spec.kwargsPath, default: standard).compactMap { text in
            let pattern = KeyPattern(text)
            if pattern == nil {
                reader.report(
                    "\(spec.kwargsPath).\(key)", found: "the pattern \"\(text)\"",
                    expected: "a pattern of characters, '.' and '*'")
            }
            return pattern
        }
    }

    private static func languageTokenizer(
        _ member: JSONNode.Member, _ reader: inout ConfigurationReader
    ) -> LanguageTokenizer? {
        let path = "model.task_tokenizers.\(member.key)"
        guard let spec = reader.module(member.value, at: path) else { return nil }
        guard spec.name == "LanguageTokenizer" else {
            reader.report(path, found: spec.name, expected: "LanguageTokenizer, the only supported task tokenizer")
            return nil
        }
        reader.checkArguments(
            spec.kwargs, at: spec.kwargsPath, known: ["encoder", "finetune_encoder", "proper_pad_mask"])
        let encoder = spec.kwargs["encoder"]?.string
        if encoder?.contains("t5") != true {
            reader.report(
                "\(spec.kwargsPath).encoder", found: spec.kwargs["encoder"]?.text() ?? "nothing",
                expected: "a T5 encoder, e.g. \"t5-base\"")
        }
        return LanguageTokenizer(
            name: member.key,
            usesPadMask: reader.boolean(spec.kwargs, "proper_pad_mask", at: spec.kwargsPath, default: true))
    }

    // MARK: - Head

    private static func head(
        _ model: JSONNode, readouts: [Readout], _ reader: inout ConfigurationReader
    ) -> DiffusionHead {
        var head = DiffusionHead(readout: "")
        let path = "model.heads.action"
        guard let node = model["heads"]?["action"] else {
            reader.report(path, found: "nothing", expected: "the action head")
            return head
        }
        guard let spec = reader.module(node, at: path) else { return head }
        guard spec.name == "DiffusionActionHead" else {
            reader.report(path, found: spec.name, expected: "DiffusionActionHead, the only supported head")
            return head
        }
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        reader.checkArguments(
            kwargs, at: place,
            known: [
                "readout_key", "use_map", "action_horizon", "pred_horizon", "action_dim", "max_action", "loss_type",
                "time_dim", "num_blocks", "dropout_rate", "hidden_dim", "use_layer_norm", "diffusion_steps",
                "n_diffusion_samples",
            ])
        head.usesAttentionPooling = reader.boolean(kwargs, "use_map", at: place, default: false)
        // `pred_horizon` is its name in models of December 2023.
        let horizonKey = kwargs["action_horizon"] == nil ? "pred_horizon" : "action_horizon"
        head.actionHorizon = reader.integer(kwargs, horizonKey, at: place, default: 1, in: 1...10_000)
        head.actionDimension = reader.integer(kwargs, "action_dim", at: place, default: 7, in: 1...10_000)
        head.maximumAction = reader.number(kwargs, "max_action", at: place, default: 5)
        head.timeDimension = reader.integer(kwargs, "time_dim", at: place, default: 32, in: 2...10_000)
        head.blocks = reader.integer(kwargs, "num_blocks", at: place, default: 3, in: 1...1000)
        head.hiddenDimension = reader.integer(kwargs, "hidden_dim", at: place, default: 256, in: sizes)
        head.usesLayerNorm = reader.boolean(kwargs, "use_layer_norm", at: place, default: true)
        head.diffusionSteps = reader.integer(kwargs, "diffusion_steps", at: place, default: 20, in: 1...10_000)
        if head.timeDimension % 2 != 0 {
            reader.report("\(place).time_dim", found: "\(head.timeDimension)", expected: "an even number")
        }
        let key = reader.string(kwargs, "readout_key", at: place)
        head.readout = String(key.dropFirst("readout_".count))
        if !key.hasPrefix("readout_") || !readouts.contains(where: { $0.name == head.readout }) {
            let names = readouts.map { "\"readout_\($0.name)\"" }.joined(separator: ", ")
            reader.report("\(place).readout_key", found: "\"\(key)\"", expected: "one of \(names)")
        }
        return head
    }
}
