/// Pools an image's tokens to a fixed number of them (`TokenLearner` of the official code, commit 241fb35).
package struct TokenLearner: Sendable {
    /// `[tokens, features]`
    let positionEmbedding: [Float]
    let norm: LayerNorm
    let pooling: AttentionPooling

    /// Pools the tokens of one image.
    /// - Parameter tokens: `[tokens, features]`
    /// - Returns: `[learned tokens, features]`
    package func callAsFunction(_ tokens: [Float]) -> [Float] {
        var x = tokens
        add(positionEmbedding, to: &x)
        x = norm(x)
        return pooling(x, mask: [UInt8](repeating: 1, count: x.count / norm.scale.count))
    }
}
