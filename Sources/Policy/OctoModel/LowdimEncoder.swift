/// Turns numbers of an observation into tokens (`LowdimObsTokenizer` of the official code, commit 241fb35).
struct LowdimEncoder: Sendable {
    /// Bins that the numbers fall into; nil: a token is the number itself.
    let bins: BinTokenizer?

    init(_ configuration: ModelConfiguration.LowdimTokenizer) {
        bins = configuration.bins.map(BinTokenizer.init)
    }

    /// Encodes numbers as tokens.
    /// - Parameter numbers: `[n]`
    /// - Returns: `[n, features]`: the numbers, or a 1 at the place of each one's bin.
    func callAsFunction(_ numbers: [Float]) -> [Float] {
        guard let bins else { return numbers }
        var oneHot = [Float](repeating: 0, count: numbers.count * bins.count)
        for (index, number) in numbers.enumerated() { oneHot[index * bins.count + bins.bin(of: number)] = 1 }
        return oneHot
    }

    /// The tokens after their projection, without the products with zeros.
    ///
    /// - Parameters:
    ///   - numbers: `[n]`
    ///   - projection: the layer that projects the tokens.
    ///   - tokens: room for the projected tokens, `[n, outputs of the projection]`.
    func project(_ numbers: UnsafeBufferPointer<Float>, _ projection: Dense, into tokens: UnsafeMutablePointer<Float>) {
        let D = projection.outputs
        for (index, number) in numbers.enumerated() {
            let (row, factor) = bins.map { ($0.bin(of: number), Float(1)) } ?? (0, number)
            for d in 0..<D {
                tokens[index * D + d] = factor * projection.kernel[row * D + d] + (projection.bias?[d] ?? 0)
            }
        }
    }
}
