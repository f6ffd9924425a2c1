import JSONTree

extension ModelConfiguration {
    /// Reads an image encoder's class and arguments.
    ///
    /// - Parameter film: the vectors its tokenizer passes it, nil if they could not be read.
    /// - Returns: nil after reporting why it cannot be followed.
    static func imageEncoder(
        _ node: JSONNode, film: [TaskVector]?, at path: String, _ reader: JSONReader
    ) -> ImageEncoder? {
        guard let spec = reader.module(node, at: path) else { return nil }
        let body: (body: ImageEncoder.Body, features: Int)?
        switch spec.name {
        case "SmallStem", "SmallStem32": body = stem(spec, patch: 32, reader)
        case "SmallStem16": body = stem(spec, patch: 16, reader)
        case "PatchEncoder": body = patches(spec, reader)
        case "ViTResnet": body = residual(spec, stages: [], reader)
        case "ResNet26FILM": body = residual(spec, stages: [2, 2, 2, 2], reader)
        default:
            reader.report(
                path, found: spec.name,
                expected: "one of PatchEncoder, ResNet26FILM, SmallStem, SmallStem16, SmallStem32, ViTResnet")
            return nil
        }
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        let normalizationName = reader.string(kwargs, "img_norm_type", at: place, default: "default")
        let normalization = ImageEncoder.Normalization(rawValue: normalizationName)
        if normalization == nil {
            reader.report(
                "\(place).img_norm_type", found: "\"\(normalizationName)\"", expected: "\"default\" or \"imagenet\"")
        }
        let usesFilm = reader.boolean(kwargs, "use_film", at: place, default: spec.name == "ResNet26FILM")
        if let film, usesFilm == film.isEmpty {
            reader.report(
                "\(place).use_film", found: "\(usesFilm) with \(film.isEmpty ? "no" : "\(film.count)") task_film_keys",
                expected: usesFilm ? "task_film_keys of the tokenizer that name a vector of the task" : "true")
        }
        guard let body else { return nil }
        return ImageEncoder(
            name: spec.name, body: body.body, features: body.features, normalization: normalization ?? .standard,
            conditionSize: usesFilm ? film?.reduce(0) { $0 + $1.count } : nil)
    }

    /// Arguments that every encoder has.
    private static let shared = ["use_film", "img_norm_type"]

    private static func patches(
        _ spec: ModuleSpec, _ reader: JSONReader
    ) -> (ImageEncoder.Body, features: Int)? {
        reader.checkArguments(spec.kwargs, at: spec.kwargsPath, known: shared + ["patch_size", "num_features"])
        let size = reader.integer(spec.kwargs, "patch_size", at: spec.kwargsPath, default: 32, in: 1...1024)
        let features = reader.integer(spec.kwargs, "num_features", at: spec.kwargsPath, default: 512, in: sizes)
        return (.stem(layers: [], embeddingSize: size), features)
    }

    private static func stem(
        _ spec: ModuleSpec, patch: Int, _ reader: JSONReader
    ) -> (ImageEncoder.Body, features: Int)? {
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        reader.checkArguments(
            kwargs, at: place,
            known: shared + ["patch_size", "num_features", "kernel_sizes", "strides", "features", "padding"])
        let patchSize = reader.integer(kwargs, "patch_size", at: place, default: patch, in: 1...1024)
        let features = reader.integer(kwargs, "num_features", at: place, default: 512, in: sizes)
        let kernels = reader.integers(kwargs, "kernel_sizes", at: place, default: [3, 3, 3, 3], in: 1...64)
        let strides = reader.integers(kwargs, "strides", at: place, default: [2, 2, 2, 2], in: 1...64)
        let widths = reader.integers(kwargs, "features", at: place, default: [32, 96, 192, 384], in: sizes)
        let paddings = reader.integers(kwargs, "padding", at: place, default: [1, 1, 1, 1], in: 0...64)
        guard kernels.count == strides.count, kernels.count == widths.count, kernels.count == paddings.count else {
            reader.report(
                place, found: "lists of different lengths",
                expected: "one kernel size, stride, padding, width per layer")
            return nil
        }
        if widths.contains(where: { $0 % GroupNorm.groups != 0 }) {
            reader.report(
                "\(place).features", found: "\(widths)", expected: "multiples of \(GroupNorm.groups), the groups")
        }
        if patchSize % 16 != 0 {
            reader.report("\(place).patch_size", found: "\(patchSize)", expected: "a multiple of 16")
        }
        let layers = kernels.indices.map {
            ImageEncoder.Layer(
                kernelSize: kernels[$0], stride: strides[$0], padding: paddings[$0], features: widths[$0])
        }
        return (.stem(layers: layers, embeddingSize: max(1, patchSize / 16)), features)
    }

    /// Reads the arguments of a residual network; nil if they cannot be used, which is reported.
    /// - Parameter stages: number of units of each stage by the class's default.
    private static func residual(
        _ spec: ModuleSpec, stages: [Int], _ reader: JSONReader
    ) -> (ImageEncoder.Body, features: Int)? {
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        reader.checkArguments(kwargs, at: place, known: shared + ["width", "num_layers"])
        let units = reader.integers(kwargs, "num_layers", at: place, default: stages, in: 1...100)
        // A factor, often a fraction.
        let factor = reader.number(kwargs, "width", at: place, default: 1)
        guard factor <= 16, Int(64 * factor) % GroupNorm.groups == 0, Int(64 * factor) > 0 else {
            reader.report(
                "\(place).width", found: "\(factor)", expected: "a multiple of 0.5 up to 16: 32 groups of 64 x width")
            return nil
        }
        guard units.count <= 8 else {
            reader.report("\(place).num_layers", found: "\(units.count) stages", expected: "at most 8")
            return nil
        }
        let width = Int(64 * factor)
        let features = units.isEmpty ? width : 4 * width << (units.count - 1)
        return (.residual(ImageEncoder.Residual(width: width, stages: units)), features)
    }

    /// The vectors of the task that a tokenizer passes to its encoder: exact keys, not patterns, in the order given.
    ///
    /// Followed are those that the example batch shows to be plain numbers. What a text is turned into is not: its
    /// vector would come from another text model, which is no part of a checkpoint.
    /// - Returns: nil after reporting why one cannot be followed.
    static func filmVectors(
        _ spec: ModuleSpec, example: ExampleBatch, _ reader: JSONReader
    ) -> [TaskVector]? {
        let place = "\(spec.kwargsPath).task_film_keys"
        var vectors: [TaskVector] = []
        let keys = reader.strings(spec.kwargs, "task_film_keys", at: spec.kwargsPath, default: [])
        for key in keys {
            if key == "language_instruction" {
                reader.report(
                    place, found: "\"language_instruction\"",
                    expected: "vectors of numbers: that of a text comes from a text model that no checkpoint contains")
            } else if let count = example.taskVectors[key] {
                vectors.append(TaskVector(key: key, count: count))
            } else {
                reader.report(
                    place, found: "\"\(key)\", which is no vector of numbers in the example batch's task",
                    expected: example.taskVectors.isEmpty
                        ? "none, as the example batch has no such vector"
                        : "some of \(example.taskVectors.keys.sorted().joined(separator: ", "))")
            }
        }
        return vectors.count == keys.count ? vectors : nil
    }

    /// Number of tokens that are left of an image; nil for all.
    static func learnedTokens(
        _ spec: ModuleSpec, _ encoder: ImageEncoder, _ reader: JSONReader
    ) -> Int? {
        guard reader.boolean(spec.kwargs, "use_token_learner", at: spec.kwargsPath, default: false) else { return nil }
        if encoder.features % AttentionPooling.heads != 0 {
            reader.report(
                "\(spec.kwargsPath).use_token_learner", found: "tokens of \(encoder.features) numbers",
                expected: "a multiple of \(AttentionPooling.heads), its attention heads")
        }
        return reader.integer(spec.kwargs, "num_tokens", at: spec.kwargsPath, default: 8, in: 1...4096)
    }
}
