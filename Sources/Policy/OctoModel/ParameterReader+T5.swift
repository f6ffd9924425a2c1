extension ParameterReader {
    /// Checks a T5 encoder, taking every size from the shapes: the name in the configuration says little ("t5-base" may
    /// stand for any). Nothing is copied: it reads its parameters when it is used.
    package mutating func t5(_ module: String) -> T5Encoder {
        let shape = t5Shape(module)
        withoutCopying { reader in
            _ = reader.t5Embeddings(module, shape, ids: [])
            _ = reader.t5RelativeBias(module, shape)
            for index in 0..<shape.blocks { _ = reader.t5Block(module, shape, index: index) }
            _ = reader.t5FinalNorm(module, shape)
        }
        return T5Encoder(shape: shape, module: module, source: source)
    }

    private func t5Shape(_ module: String) -> T5Encoder.Shape {
        func dimension(_ part: String, _ index: Int) -> Int {
            guard let shape = source.shape(of: "\(module)/\(part)"), shape.indices.contains(index) else { return 1 }
            return max(1, shape[index])
        }
        let first = "encoder/block/0/layer"
        let heads = dimension("\(first)/0/SelfAttention/relative_attention_bias/embedding", 1)
        let isGated = source.shape(of: "\(module)/\(first)/1/DenseReluDense/wi_0/kernel") != nil
        return T5Encoder.Shape(
            vocabulary: dimension("shared/embedding", 0), width: dimension("shared/embedding", 1), heads: heads,
            // Whole heads: anything else shows up as a wrong shape.
            inner: max(1, dimension("\(first)/0/SelfAttention/q/kernel", 1) / heads) * heads,
            hidden: dimension("\(first)/1/DenseReluDense/\(isGated ? "wi_0" : "wi")/kernel", 1), isGated: isGated,
            blocks: t5BlockCount(module))
    }

    /// One more than the highest block that has a parameter, so that a block missing in the middle is noticed.
    private func t5BlockCount(_ module: String) -> Int {
        let prefix = "\(module)/encoder/block/"
        var highest = 0
        for parameter in source.names where parameter.hasPrefix(prefix) {
            let index = Int(parameter.dropFirst(prefix.count).prefix { $0 != "/" })
            // No T5 has more than 24; a damaged name must not make a list of millions.
            if let index, index < 1000 { highest = max(highest, index) }
        }
        return highest + 1
    }

    /// Reads the embeddings of token ids.
    /// - Returns: `[ids, width]`
    mutating func t5Embeddings(_ module: String, _ shape: T5Encoder.Shape, ids: [Int32]) -> [Float] {
        rows(ids.map { Int($0) }, of: "\(module)/shared/embedding", [shape.vocabulary, shape.width])
    }

    /// Reads the bias of relative positions, which all blocks share.
    /// - Returns: `[buckets, heads]`
    mutating func t5RelativeBias(_ module: String, _ shape: T5Encoder.Shape) -> [Float] {
        tensor(
            "\(module)/encoder/block/0/layer/0/SelfAttention/relative_attention_bias/embedding",
            [T5Encoder.buckets, shape.heads])
    }

    mutating func t5Block(_ module: String, _ shape: T5Encoder.Shape, index: Int) -> T5Encoder.Block {
        let attention = "\(module)/encoder/block/\(index)/layer/0"
        let mlp = "\(module)/encoder/block/\(index)/layer/1"
        func plain(_ part: String, _ inputs: Int, _ outputs: Int, _ reader: inout ParameterReader) -> Dense {
            reader.dense(part, inputs: inputs, outputs: outputs, hasBias: false)
        }
        let (width, inner, hidden) = (shape.width, shape.inner, shape.hidden)
        let wo = plain("\(mlp)/DenseReluDense/wo", hidden, width, &self)
        return T5Encoder.Block(
            attentionNorm: RMSNorm(weight: tensor("\(attention)/layer_norm/weight", [width])),
            query: plain("\(attention)/SelfAttention/q", width, inner, &self),
            key: plain("\(attention)/SelfAttention/k", width, inner, &self),
            value: plain("\(attention)/SelfAttention/v", width, inner, &self),
            out: plain("\(attention)/SelfAttention/o", inner, width, &self),
            mlpNorm: RMSNorm(weight: tensor("\(mlp)/layer_norm/weight", [width])),
            feedForward: shape.isGated
                ? .gatedGelu(
                    gate: plain("\(mlp)/DenseReluDense/wi_0", width, hidden, &self),
                    linear: plain("\(mlp)/DenseReluDense/wi_1", width, hidden, &self), wo: wo)
                : .relu(wi: plain("\(mlp)/DenseReluDense/wi", width, hidden, &self), wo: wo))
    }

    mutating func t5FinalNorm(_ module: String, _ shape: T5Encoder.Shape) -> RMSNorm {
        RMSNorm(weight: tensor("\(module)/encoder/final_layer_norm/weight", [shape.width]))
    }
}
