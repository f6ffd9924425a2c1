/// The origin of parameters: a file, or a generator for benchmarks.
package protocol ParameterSource: Sendable {
    /// The file's name, for errors.
    var file: String { get }
    /// Names of all parameters, joined with `/`.
    var names: [String] { get }
    /// Shape of a parameter; nil if it does not exist. A generator has whatever is asked for.
    func shape(of name: String, askedFor shape: [Int]?) -> [Int]?
    /// Numbers of a parameter; nil if it does not exist or does not hold floating-point numbers.
    /// - Parameter shape: what `shape(of:askedFor:)` said.
    func floats(_ name: String, shape: [Int]) -> [Float]?
    /// Reads rows of a matrix, one after the other; nil as `floats`.
    /// - Parameters:
    ///   - indices: each in `0..<shape[0]`.
    ///   - shape: `[rows, columns]`, what `shape(of:askedFor:)` said.
    func rows(_ indices: [Int], of name: String, shape: [Int]) -> [Float]?
    /// Names of the parameters among `names` that hold NaN or infinity.
    func nonFinite(among names: Set<String>) -> [String]
}

extension ParameterSource {
    package func shape(of name: String) -> [Int]? { shape(of: name, askedFor: nil) }
    package func rows(_ indices: [Int], of name: String, shape: [Int]) -> [Float]? {
        guard let columns = shape.last, let matrix = floats(name, shape: shape) else { return nil }
        return indices.flatMap { matrix[$0 * columns..<($0 + 1) * columns] }
    }
    package func nonFinite(among names: Set<String>) -> [String] { [] }
}

extension FlaxArchive: ParameterSource {
    package var names: [String] { Array(entries.keys) }
    package func shape(of name: String, askedFor shape: [Int]?) -> [Int]? { entries[name]?.shape }
    package func floats(_ name: String, shape: [Int]) -> [Float]? { floats(name) }
    package func rows(_ indices: [Int], of name: String, shape: [Int]) -> [Float]? { rows(indices, of: name) }
    package func nonFinite(among names: Set<String>) -> [String] { nonFiniteArrays(among: names) }
}

/// Hands out parameters after checking their shapes, and lists all that are missing or wrong.
package struct ParameterReader {
    let source: any ParameterSource
    /// Whether parameters are copied; false only checks, which is quick, and returns empty ones.
    private(set) var copies: Bool
    package private(set) var problems: [ParameterProblem] = []
    /// Names of all parameters asked for.
    package private(set) var names: Set<String> = []
    /// Numbers in all parameters asked for.
    private(set) var count = 0
    /// Number of those of T5 among them.
    private(set) var t5Count = 0

    package init(_ source: any ParameterSource, copies: Bool) {
        self.source = source
        self.copies = copies
    }

    /// Checks and counts what `make` asks for, but copies nothing.
    @discardableResult
    mutating func withoutCopying<Part>(_ make: (inout ParameterReader) -> Part) -> Part {
        let copied = copies
        copies = false
        defer { copies = copied }
        return make(&self)
    }

    /// Numbers of a parameter of this shape; empty after a problem.
    package mutating func tensor(_ name: String, _ shape: [Int]) -> [Float] {
        check(name, shape) && copies ? source.floats(name, shape: shape) ?? [] : []
    }

    /// Reads some rows of a matrix; empty after a problem.
    mutating func rows(_ indices: [Int], of name: String, _ shape: [Int]) -> [Float] {
        check(name, shape) && copies ? source.rows(indices, of: name, shape: shape) ?? [] : []
    }

    /// Counts a parameter, and notes what is wrong with it.
    private mutating func check(_ name: String, _ shape: [Int]) -> Bool {
        names.insert(name)
        guard let found = source.shape(of: name, askedFor: shape) else {
            problems.append(.init(parameter: name, found: .nothing, expected: shape))
            return false
        }
        guard found == shape else {
            problems.append(.init(parameter: name, found: .shape(found), expected: shape))
            return false
        }
        count += shape.reduce(1, *)
        if name.contains("/hf_model/") { t5Count += shape.reduce(1, *) }
        if let archive = source as? FlaxArchive, let type = archive.entries[name]?.elementType,
            !type.isFloatingPoint
        {
            problems.append(.init(parameter: name, found: .elementType(type.rawValue), expected: shape))
            return false
        }
        return true
    }

    /// Reads the parameters of a dense layer.
    /// - Parameters:
    ///   - kernel: the kernel's shape in the file, `[inputs, outputs]` by default.
    ///   - bias: the bias's shape in the file, `[outputs]` by default.
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

    /// Reads the parameters of a diffusion head's score network.
    /// - Parameters:
    ///   - width: size of an embedding, D.
    ///   - chunk: number of numbers in a chunk.
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
