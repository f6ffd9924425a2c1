import Foundation

/// Who may attend to whom, and how likes are turned into weights.
struct AttentionRule: Sendable {
    /// Logits are `scale · q · k`.
    var scale: Float
    /// `[queries, keys]`, 0 forbids; nil permits all.
    var permitted: [UInt8]?
    /// `[heads, queries, keys]`, added to the logits.
    var bias: [Float]?
}

/// Computes the attention of every head: `softmax(scale · q kᵀ + bias) v`.
///
/// - Parameters:
///   - q: `[queries, heads × width]`
///   - k: `[keys, heads × width]`
///   - v: `[keys, heads × width]`
/// - Returns: `[queries, heads × width]`
func attend(_ q: [Float], _ k: [Float], _ v: [Float], heads: Int, width: Int, _ rule: AttentionRule) -> [Float] {
    let row = heads * width
    let (queries, keys) = (q.count / row, k.count / row)
    precondition(q.count == queries * row && k.count == keys * row && v.count == k.count, "rows of \(row) numbers")
    precondition(rule.permitted.map { $0.count == queries * keys } ?? true, "a mask of \(queries) x \(keys)")
    precondition(
        rule.bias.map { $0.count == heads * queries * keys } ?? true, "a bias of \(heads) x \(queries) x \(keys)")
    var logits = [Float](repeating: 0, count: queries * keys)
    let likes = BLAS.Product(
        m: queries, n: keys, k: width, transposesB: true, leadingA: row, leadingB: row, leadingC: keys)
    let mix = BLAS.Product(
        m: queries, n: width, k: keys, transposesB: false, leadingA: keys, leadingB: row, leadingC: row)
    return [Float](unsafeUninitializedCapacity: queries * row) { out, initialized in
        initialized = queries * row
        q.withUnsafeBufferPointer { q in
            k.withUnsafeBufferPointer { k in
                v.withUnsafeBufferPointer { v in
                    logits.withUnsafeMutableBufferPointer { logits in
                        guard let q = q.baseAddress, let k = k.baseAddress, let v = v.baseAddress,
                            let out = out.baseAddress, let weights = logits.baseAddress
                        else { return }
                        for head in 0..<heads {
                            let column = head * width
                            BLAS.multiply(likes, q + column, k + column, into: weights, scale: rule.scale)
                            rule.bias?.withUnsafeBufferPointer { bias in
                                for i in 0..<queries * keys { weights[i] += bias[head * queries * keys + i] }
                            }
                            softmaxRows(weights, rows: queries, columns: keys, permitted: rule.permitted)
                            BLAS.multiply(mix, weights, v + column, into: out + column)
                        }
                    }
                }
            }
        }
    }
}

/// Computes the softmax of each row, in place. Forbidden logits are *set* to the lowest float, as flax does: a row
/// without any permitted column spreads evenly over all of them instead of becoming NaN.
private func softmaxRows(_ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, permitted: [UInt8]?) {
    let lowest = -Float.greatestFiniteMagnitude
    permitted?.withUnsafeBufferPointer { permitted in
        for i in 0..<rows * columns where permitted[i] == 0 { x[i] = lowest }
    }
    for row in 0..<rows {
        let x = x + row * columns
        var largest = x[0]
        for i in 1..<max(1, columns) where x[i] > largest { largest = x[i] }
        var sum: Float = 0
        for i in 0..<columns {
            // The most frequent case, and exact: the exponential of the lowest float is 0.
            let weight = x[i] == lowest && largest != lowest ? 0 : exp(x[i] - largest)
            x[i] = weight
            sum += weight
        }
        let factor = 1 / sum
        for i in 0..<columns { x[i] *= factor }
    }
}

/// flax `nn.MultiHeadDotProductAttention`: projections to heads, attention, projection back.
package struct MultiHeadAttention: Sendable {
    let heads: Int
    let query: Dense
    let key: Dense
    let value: Dense
    let out: Dense

    /// Mixes the values of `source` into each row of `x`.
    /// - Parameters:
    ///   - x: `[queries, D]`
    ///   - source: `[keys, D]`, x itself for self-attention.
    ///   - permitted: `[queries, keys]`, 0 forbids.
    /// - Returns: `[queries, D]`
    package func callAsFunction(_ x: [Float], over source: [Float], permitted: [UInt8]?) -> [Float] {
        let (queries, keys) = (x.count / query.inputs, source.count / key.inputs)
        let width = query.outputs / heads
        let mixed = attend(
            query(x, rows: queries), key(source, rows: keys), value(source, rows: keys), heads: heads, width: width,
            AttentionRule(scale: 1 / Float(width).squareRoot(), permitted: permitted))
        return out(mixed, rows: queries)
    }
}

/// `Dense_1(gelu(Dense_0(x)))`
package struct MLP: Sendable {
    let expand: Dense
    let contract: Dense

    package func callAsFunction(_ x: [Float]) -> [Float] {
        let rows = x.count / expand.inputs
        var hidden = expand(x, rows: rows)
        Activation.gelu(&hidden)
        return contract(hidden, rows: rows)
    }
}

/// Pre-norm transformer block (`Encoder1DBlock` of the official code, commit 241fb35).
package struct EncoderBlock: Sendable {
    let attentionNorm: LayerNorm
    let attention: MultiHeadAttention
    let mlpNorm: LayerNorm
    let mlp: MLP

    /// Runs the block in place.
    /// - Parameters:
    ///   - x: `[tokens, D]`, in and out.
    ///   - permitted: `[tokens, tokens]`, row = query.
    package func callAsFunction(_ x: inout [Float], permitted: [UInt8]) {
        let normed = attentionNorm(x)
        add(attention(normed, over: normed, permitted: permitted), to: &x)
        add(mlp(mlpNorm(x)), to: &x)
    }
}

/// Pools tokens by attention from learned probes (`MAPHead` of the official code). The probe itself is not added to the
/// result.
package struct AttentionPooling: Sendable {
    static let heads = 8
    /// `[probes, D]`
    let probe: [Float]
    let attention: MultiHeadAttention
    let norm: LayerNorm
    let mlp: MLP

    /// Pools the tokens to one row for each probe.
    /// - Parameters:
    ///   - tokens: `[tokens, D]`
    ///   - mask: `[tokens]`, 0 hides a token.
    /// - Returns: `[probes, D]`
    package func callAsFunction(_ tokens: [Float], mask: [UInt8]) -> [Float] {
        let probes = probe.count / attention.query.inputs
        let permitted = (0..<probes).flatMap { _ in mask }
        var pooled = attention(probe, over: tokens, permitted: permitted)
        add(mlp(norm(pooled)), to: &pooled)
        return pooled
    }
}
