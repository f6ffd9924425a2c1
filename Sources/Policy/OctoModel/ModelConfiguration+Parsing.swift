import JSONTree

extension ModelConfiguration {
    /// Sizes that a model may have; beyond them it is damage, and products of two stay far from overflow.
    static let sizes = 1...100_000

    /// Reads `config.json` (class defaults of the official code, commit 241fb35, for what its kwargs do not say).
    ///
    /// - Parameters:
    ///   - root: the file, key order kept.
    ///   - file: its name for errors.
    ///   - example: tells which images there are and how large they are.
    /// - Throws: `.unusableConfiguration` with everything that is wrong or not supported.
    init(_ root: JSONNode, file: String, example: ExampleBatch) throws(CheckpointError) {
        let reader = JSONReader()
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
        transformer = Self.transformer(model, width: tokenEmbeddingSize, reader)

        observationTokenizers = []
        skippedTokenizers = []
        for member in reader.members(model, "observation_tokenizers", at: "model") {
            switch Self.observationTokenizer(member, example: example, reader) {
            case .tokenizer(let tokenizer): observationTokenizers.append(tokenizer)
            case .noInput: skippedTokenizers.append(member.key)
            case .unusable: break
            }
        }
        let hasImage = observationTokenizers.contains { if case .image = $0 { true } else { false } }
        if !hasImage && reader.problems.isEmpty {
            reader.report(
                "model.observation_tokenizers", found: "none that reads one of the example batch's images",
                expected: "at least one ImageTokenizer")
        }
        languageTokenizers = []
        for member in reader.members(model, "task_tokenizers", at: "model") {
            if let tokenizer = Self.languageTokenizer(member, reader) { languageTokenizers.append(tokenizer) }
        }
        readouts = []
        for member in reader.members(model, "readouts", at: "model") {
            let tokens = reader.integer(
                model["readouts"] ?? JSONNode(.null), member.key, at: "model.readouts", in: 1...4096)
            readouts.append(Readout(name: member.key, tokens: tokens))
        }
        head = Self.head(
            model,
            groups: HeadGroups(
                readouts: readouts,
                observations: observationTokenizers.map { "obs_\($0.name)" }
                    + (repeatsTaskTokens ? languageTokenizers.map { "obs_task_\($0.name)" } : [])), reader)
        if head.usesAttentionPooling && tokenEmbeddingSize % AttentionPooling.heads != 0 {
            reader.report(
                "model.token_embedding_size", found: "\(tokenEmbeddingSize)",
                expected: "a multiple of \(AttentionPooling.heads), the heads of the action head's pooling (use_map)")
        }

        windowSize = example.windowSize
        if windowSize > maximumHorizon {
            reader.report(
                "model.max_horizon", found: "\(maximumHorizon)",
                expected: "at least the example batch's window \(windowSize)")
        }
        textTokenizer = root["text_processor"]?["kwargs"]?["tokenizer_name"]?.string
        if !reader.problems.isEmpty { throw .unusableConfiguration(path: file, problems: reader.problems) }
    }

    private static func transformer(
        _ model: JSONNode, width: Int, _ reader: JSONReader
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

    enum TokenizerResult {
        case tokenizer(ObservationTokenizer)
        /// The example batch has nothing it reads.
        case noInput
        /// The value cannot be used, which was reported.
        case unusable
    }

    private static func observationTokenizer(
        _ member: JSONNode.Member, example: ExampleBatch, _ reader: JSONReader
    ) -> TokenizerResult {
        let path = "model.observation_tokenizers.\(member.key)"
        guard let spec = reader.module(member.value, at: path) else { return .unusable }
        switch spec.name {
        case "ImageTokenizer": return imageTokenizer(member.key, spec, example: example, reader)
        case "LowdimObsTokenizer": return lowdimTokenizer(member.key, spec, example: example, reader)
        default:
            reader.report(path, found: spec.name, expected: "ImageTokenizer or LowdimObsTokenizer")
            return .unusable
        }
    }

    private static func imageTokenizer(
        _ name: String, _ spec: ModuleSpec, example: ExampleBatch,
        _ reader: JSONReader
    ) -> TokenizerResult {
        let path = spec.path
        reader.checkArguments(
            spec.kwargs, at: spec.kwargsPath,
            known: [
                "obs_stack_keys", "task_stack_keys", "task_film_keys", "encoder", "use_token_learner", "num_tokens",
                "conditioning_type", "proper_pad_mask",
            ])
        let observationPatterns = patterns(spec, "obs_stack_keys", default: ["image_.*", "depth_.*"], reader)
        let goalPatterns = patterns(spec, "task_stack_keys", default: [], reader)
        let observations = example.observationImages.keys.filter { key in
            observationPatterns.contains { $0.matches(start: key) }
        }.sorted()
        // A goal image that the task lacks is made of zeros when there is an observation of that name.
        let goals = Set(example.observationImages.keys).union(example.goalImages.keys).filter { key in
            goalPatterns.contains { $0.matches(start: key) }
        }.sorted()
        guard let first = observations.first, let size = example.observationImages[first] else {
            return .noInput
        }
        if !goalPatterns.isEmpty && goals.isEmpty {
            reader.report(
                "\(spec.kwargsPath).task_stack_keys", found: "no goal image of that name", expected: "at least one")
        }
        let used =
            observations.compactMap { example.observationImages[$0] } + goals.compactMap { example.goalImages[$0] }
        if used.contains(where: { $0 != size }) || size.channels != 3 {
            reader.report(
                path,
                found: "images of \((observations + goals).joined(separator: ", ")) in different sizes or not RGB",
                expected: "RGB images of one size")
        }
        let film = filmVectors(spec, example: example, reader)
        guard let encoderNode = spec.kwargs["encoder"],
            let encoder = imageEncoder(encoderNode, film: film, at: "\(spec.kwargsPath).encoder", reader)
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
            .image(
                ImageTokenizer(
                    name: name, encoder: encoder, observationKeys: observations, goalKeys: goals, height: size.height,
                    width: size.width,
                    usesPadMask: reader.boolean(spec.kwargs, "proper_pad_mask", at: spec.kwargsPath, default: true),
                    filmVectors: film ?? [], learnedTokens: learnedTokens(spec, encoder, reader))))
    }

    static func patterns(
        _ spec: ModuleSpec, _ key: String, default standard: [String],
        _ reader: JSONReader
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
        _ member: JSONNode.Member, _ reader: JSONReader
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
}
