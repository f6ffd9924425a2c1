import Foundation

/// The encoder half of T5, which turns the words of a task into tokens (Raffel et al. 2020; `FlaxT5EncoderModule` of
/// transformers 4.35.2).
///
/// It keeps no parameters: T5-base has four times as many as Octo-small, and is asked once for each text. A call reads
/// one block after the other out of where the parameters come from.
package struct T5Encoder: Sendable {
    struct Block: Sendable {
        let attentionNorm: RMSNorm
        let query: Dense
        let key: Dense
        let value: Dense
        let out: Dense
        let mlpNorm: RMSNorm
        let feedForward: FeedForward
    }
    enum FeedForward: Sendable {
        /// `wo(relu(wi(x)))`
        case relu(wi: Dense, wo: Dense)
        /// `wo(gelu(wi_0(x)) * wi_1(x))`
        case gatedGelu(gate: Dense, linear: Dense, wo: Dense)
    }
    struct Shape: Equatable, Sendable {
        /// Number of token ids, which run from 0.
        var vocabulary: Int
        /// Numbers of a token.
        var width: Int
        var heads: Int
        /// Numbers of all heads.
        var inner: Int
        /// Numbers between the feed-forward layers.
        var hidden: Int
        var isGated: Bool
        var blocks: Int
    }

    static let buckets = 32
    private static let maximumDistance: Float = 128

    let shape: Shape
    /// Path of its parameters.
    let module: String
    /// Source of the parameters, which has all of them in that shape.
    let source: any ParameterSource

    var vocabulary: Int { shape.vocabulary }
    var width: Int { shape.width }

    /// Encodes a text's token ids.
    /// - Parameters:
    ///   - ids: `[tokens]`, each in 0..<vocabulary.
    ///   - attentionMask: `[tokens]`, 0 for padding. Padding gets an output too.
    /// - Returns: `[tokens, width]`
    package func callAsFunction(_ ids: [Int32], attentionMask: [UInt8]) -> [Float] {
        let count = ids.count
        var reader = ParameterReader(source, copies: true)
        var x = reader.t5Embeddings(module, shape, ids: ids)
        // No 1/sqrt(width): it was folded into the initialisation when T5 was trained.
        let rule = AttentionRule(
            scale: 1, permitted: ids.flatMap { _ in attentionMask },
            bias: positionBias(reader.t5RelativeBias(module, shape), count: count))
        for index in 0..<shape.blocks {
            let block = reader.t5Block(module, shape, index: index)
            let normed = block.attentionNorm(x)
            let mixed = attend(
                block.query(normed, rows: count), block.key(normed, rows: count), block.value(normed, rows: count),
                heads: shape.heads, width: shape.inner / shape.heads, rule)
            add(block.out(mixed, rows: count), to: &x)
            add(Self.apply(block.feedForward, to: block.mlpNorm(x), rows: count), to: &x)
        }
        let norm = reader.t5FinalNorm(module, shape)
        precondition(reader.problems.isEmpty, "parameters that were checked when the encoder was made")
        return norm(x)
    }

    private static func apply(_ feedForward: FeedForward, to x: [Float], rows: Int) -> [Float] {
        switch feedForward {
        case .relu(let wi, let wo):
            var hidden = wi(x, rows: rows)
            Activation.relu(&hidden)
            return wo(hidden, rows: rows)
        case .gatedGelu(let gate, let linear, let wo):
            var hidden = gate(x, rows: rows)
            Activation.gelu(&hidden)
            let other = linear(x, rows: rows)
            for i in hidden.indices { hidden[i] *= other[i] }
            return wo(hidden, rows: rows)
        }
    }

    /// Spreads the bias of relative positions over all pairs of tokens.
    /// - Parameter relativeBias: `[buckets, heads]`, shared by all blocks.
    /// - Returns: `[heads, count, count]`: the bias of each query (row) and key.
    private func positionBias(_ relativeBias: [Float], count: Int) -> [Float] {
        let heads = shape.heads
        var bias: [Float] = []
        bias.reserveCapacity(heads * count * count)
        for head in 0..<heads {
            for query in 0..<count {
                for key in 0..<count {
                    bias.append(relativeBias[Self.bucket(ofOffset: key - query) * heads + head])
                }
            }
        }
        return bias
    }

    /// Tells which of the 32 learned biases belongs to a distance: half of them for keys behind the query, half before;
    /// exact up to 7, logarithmic up to 128.
    /// - Parameter offset: position of the key minus position of the query.
    package static func bucket(ofOffset offset: Int) -> Int {
        let base = offset > 0 ? buckets / 2 : 0
        let distance = abs(offset)
        let exact = buckets / 4
        if distance < exact { return base + distance }
        // In float, and truncated after the addition, as the reference does: powers of two must not fall one short.
        let octave = log(Float(distance) / Float(exact)) / log(Self.maximumDistance / Float(exact)) * Float(exact)
        return base + min(buckets / 2 - 1, Int(Float(exact) + octave))
    }
}
