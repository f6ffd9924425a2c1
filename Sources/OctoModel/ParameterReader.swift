/// Where parameters come from: a file, or a generator for benchmarks.
package protocol ParameterSource: Sendable {
    /// For errors.
    var file: String { get }
    /// Names of all parameters, joined with `/`.
    var names: [String] { get }
    /// nil if the parameter does not exist. A generator has whatever is asked for.
    func shape(of name: String, askedFor shape: [Int]?) -> [Int]?
    /// nil if the parameter does not exist or does not hold floating-point numbers.
    /// - Parameter shape: what `shape(of:askedFor:)` said.
    func floats(_ name: String, shape: [Int]) -> [Float]?
}

extension ParameterSource {
    package func shape(of name: String) -> [Int]? { shape(of: name, askedFor: nil) }
}

extension FlaxArchive: ParameterSource {
    package var names: [String] { Array(entries.keys) }
    package func shape(of name: String, askedFor shape: [Int]?) -> [Int]? { entries[name]?.shape }
    package func floats(_ name: String, shape: [Int]) -> [Float]? { floats(name) }
}

/// Hands out parameters after checking their shapes, and lists all that are missing or wrong.
package struct ParameterReader {
    let source: any ParameterSource
    /// False only checks, which is quick; what is returned then is empty.
    let copies: Bool
    package private(set) var problems: [ParameterProblem] = []
    /// Numbers in all parameters asked for.
    private(set) var count = 0
    /// Those of T5 among them.
    private(set) var t5Count = 0

    package init(_ source: any ParameterSource, copies: Bool) {
        self.source = source
        self.copies = copies
    }

    /// Empty after a problem.
    package mutating func tensor(_ name: String, _ shape: [Int]) -> [Float] {
        guard let found = source.shape(of: name, askedFor: shape) else {
            problems.append(.init(parameter: name, found: .nothing, expected: shape))
            return []
        }
        guard found == shape else {
            problems.append(.init(parameter: name, found: .shape(found), expected: shape))
            return []
        }
        count += shape.reduce(1, *)
        if name.contains("/hf_model/") { t5Count += shape.reduce(1, *) }
        if let archive = source as? FlaxArchive, let type = archive.entries[name]?.elementType,
            ![.float32, .float16, .bfloat16].contains(type)
        {
            problems.append(.init(parameter: name, found: .elementType(type.rawValue), expected: shape))
            return []
        }
        return copies ? source.floats(name, shape: shape) ?? [] : []
    }

    /// - Parameters:
    ///   - kernel: the kernel's shape in the file, `[inputs, outputs]` by default.
    ///   - bias: its shape in the file, `[outputs]` by default.
    package mutating func dense(
        _ name: String, inputs: Int, outputs: Int, kernel: [Int]? = nil, bias: [Int]? = nil, hasBias: Bool = true
    ) -> Dense {
        Dense(
            inputs: inputs, outputs: outputs, kernel: tensor("\(name)/kernel", kernel ?? [inputs, outputs]),
            bias: hasBias ? tensor("\(name)/bias", bias ?? [outputs]) : nil)
    }

    package mutating func layerNorm(_ name: String, width: Int) -> LayerNorm {
        LayerNorm(scale: tensor("\(name)/scale", [width]), bias: tensor("\(name)/bias", [width]))
    }

    package mutating func groupNorm(_ name: String, channels: Int) -> GroupNorm {
        GroupNorm(scale: tensor("\(name)/scale", [channels]), bias: tensor("\(name)/bias", [channels]))
    }

    package mutating func attention(_ name: String, width D: Int, heads: Int) -> MultiHeadAttention {
        let h = D / heads
        func projection(_ part: String, _ reader: inout ParameterReader) -> Dense {
            reader.dense("\(name)/\(part)", inputs: D, outputs: D, kernel: [D, heads, h], bias: [heads, h])
        }
        return MultiHeadAttention(
            heads: heads, query: projection("query", &self), key: projection("key", &self),
            value: projection("value", &self), out: dense("\(name)/out", inputs: D, outputs: D, kernel: [heads, h, D]))
    }

    package mutating func mlp(_ name: String, width: Int, hidden: Int) -> MLP {
        MLP(
            expand: dense("\(name)/Dense_0", inputs: width, outputs: hidden),
            contract: dense("\(name)/Dense_1", inputs: hidden, outputs: width))
    }

    package mutating func encoderBlock(_ name: String, width: Int, heads: Int, mlpSize: Int) -> EncoderBlock {
        EncoderBlock(
            attentionNorm: layerNorm("\(name)/LayerNorm_0", width: width),
            attention: attention("\(name)/MultiHeadDotProductAttention_0", width: width, heads: heads),
            mlpNorm: layerNorm("\(name)/LayerNorm_1", width: width),
            mlp: mlp("\(name)/MlpBlock_0", width: width, hidden: mlpSize))
    }

    package mutating func attentionPooling(_ name: String, width: Int, probes: Int) -> AttentionPooling {
        AttentionPooling(
            probe: tensor("\(name)/probe", [1, probes, width]),
            attention: attention("\(name)/MultiHeadDotProductAttention_0", width: width, heads: AttentionPooling.heads),
            norm: layerNorm("\(name)/LayerNorm_0", width: width),
            mlp: mlp("\(name)/MlpBlock_0", width: width, hidden: 4 * width))
    }

    /// - Parameters:
    ///   - width: D, numbers in an embedding.
    ///   - chunk: numbers in a chunk.
    package mutating func scoreNetwork(
        _ name: String, timeDimension: Int, width: Int, chunk: Int, hidden: Int, blocks: Int, usesLayerNorm: Bool
    ) -> ScoreNetwork {
        let network = "\(name)/reverse_network"
        return ScoreNetwork(
            frequencies: tensor("\(name)/time_preprocess/kernel", [timeDimension / 2, 1]),
            codeExpand: dense("\(name)/cond_encoder/Dense_0", inputs: timeDimension, outputs: 2 * timeDimension),
            codeContract: dense("\(name)/cond_encoder/Dense_1", inputs: 2 * timeDimension, outputs: timeDimension),
            input: dense("\(network)/Dense_0", inputs: timeDimension + width + chunk, outputs: hidden),
            blocks: (0..<blocks).map { index in
                let block = "\(network)/MLPResNetBlock_\(index)"
                return ScoreNetwork.Block(
                    norm: usesLayerNorm ? layerNorm("\(block)/LayerNorm_0", width: hidden) : nil,
                    expand: dense("\(block)/Dense_0", inputs: hidden, outputs: 4 * hidden),
                    contract: dense("\(block)/Dense_1", inputs: 4 * hidden, outputs: hidden))
            },
            output: dense("\(network)/Dense_1", inputs: hidden, outputs: chunk))
    }
}

extension ParameterReader {
    /// Reads a T5 encoder, taking every size from the shapes: the name in the configuration says little ("t5-base" may
    /// stand for any).
    package mutating func t5(_ name: String) -> T5Encoder {
        func dimension(_ part: String, _ index: Int) -> Int {
            guard let shape = source.shape(of: "\(name)/\(part)"), shape.indices.contains(index) else { return 1 }
            return max(1, shape[index])
        }
        let first = "encoder/block/0/layer"
        let vocabulary = dimension("shared/embedding", 0)
        let width = dimension("shared/embedding", 1)
        let bias = "\(first)/0/SelfAttention/relative_attention_bias/embedding"
        let heads = dimension(bias, 1)
        // Whole heads: anything else shows up as a wrong shape.
        let inner = max(1, dimension("\(first)/0/SelfAttention/q/kernel", 1) / heads) * heads
        let isGated = source.shape(of: "\(name)/\(first)/1/DenseReluDense/wi_0/kernel") != nil
        let hidden = dimension("\(first)/1/DenseReluDense/\(isGated ? "wi_0" : "wi")/kernel", 1)

        var blocks: [T5Encoder.Block] = []
        for index in 0..<blockCount(name) {
            let attention = "\(name)/encoder/block/\(index)/layer/0"
            let mlp = "\(name)/encoder/block/\(index)/layer/1"
            func plain(_ part: String, _ inputs: Int, _ outputs: Int, _ reader: inout ParameterReader) -> Dense {
                reader.dense(part, inputs: inputs, outputs: outputs, hasBias: false)
            }
            let wo = plain("\(mlp)/DenseReluDense/wo", hidden, width, &self)
            blocks.append(
                T5Encoder.Block(
                    attentionNorm: RMSNorm(weight: tensor("\(attention)/layer_norm/weight", [width])),
                    query: plain("\(attention)/SelfAttention/q", width, inner, &self),
                    key: plain("\(attention)/SelfAttention/k", width, inner, &self),
                    value: plain("\(attention)/SelfAttention/v", width, inner, &self),
                    out: plain("\(attention)/SelfAttention/o", inner, width, &self),
                    mlpNorm: RMSNorm(weight: tensor("\(mlp)/layer_norm/weight", [width])),
                    feedForward: isGated
                        ? .gatedGelu(
                            gate: plain("\(mlp)/DenseReluDense/wi_0", width, hidden, &self),
                            linear: plain("\(mlp)/DenseReluDense/wi_1", width, hidden, &self), wo: wo)
                        : .relu(wi: plain("\(mlp)/DenseReluDense/wi", width, hidden, &self), wo: wo)))
        }
        return T5Encoder(
            vocabulary: vocabulary, embedding: tensor("\(name)/shared/embedding", [vocabulary, width]), heads: heads,
            relativeBias: tensor("\(name)/\(bias)", [T5Encoder.buckets, heads]), blocks: blocks,
            finalNorm: RMSNorm(weight: tensor("\(name)/encoder/final_layer_norm/weight", [width])))
    }

    /// One more than the highest block that has a parameter, so that a block missing in the middle is noticed.
    private func blockCount(_ name: String) -> Int {
        let prefix = "\(name)/encoder/block/"
        var highest = 0
        for parameter in source.names where parameter.hasPrefix(prefix) {
            let index = Int(parameter.dropFirst(prefix.count).prefix { $0 != "/" })
            // No T5 has more than 24; a damaged name must not make a list of millions.
            if let index, index < 1000 { highest = max(highest, index) }
        }
        return highest + 1
    }
}
