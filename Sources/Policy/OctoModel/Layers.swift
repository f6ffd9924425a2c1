import Foundation

// The layers that everything else is made of, in plain Swift over row-major Float32. They stay as they are when faster
// ones come: the fast ones are compared with these.

/// `y = x · kernel + bias`
package struct Dense: Sendable {
    let inputs: Int
    let outputs: Int
    /// `[inputs, outputs]`
    let kernel: [Float]
    /// `[outputs]`, nil where the official layer has none.
    let bias: [Float]?

    /// Applies the layer to each row.
    /// - Parameter x: `[rows, inputs]`
    /// - Returns: `[rows, outputs]`
    package func callAsFunction(_ x: [Float], rows: Int) -> [Float] {
        precondition(x.count == rows * inputs, "\(x.count) numbers are not \(rows) rows of \(inputs)")
        precondition(kernel.count == inputs * outputs && bias.map { $0.count == outputs } ?? true, "a whole layer")
        return [Float](unsafeUninitializedCapacity: rows * outputs) { y, initialized in
            initialized = rows * outputs
            guard let out = y.baseAddress else { return }
            if let bias {
                bias.withUnsafeBufferPointer { bias in
                    for row in 0..<rows {
                        for column in 0..<outputs { out[row * outputs + column] = bias[column] }
                    }
                }
            }
            let product = BLAS.Product(
                m: rows, n: outputs, k: inputs, transposesB: false, leadingA: inputs, leadingB: outputs,
                leadingC: outputs)
            x.withUnsafeBufferPointer { x in
                kernel.withUnsafeBufferPointer { kernel in
                    guard let x = x.baseAddress, let kernel = kernel.baseAddress else { return }
                    BLAS.multiply(product, x, kernel, into: out, keep: bias == nil ? 0 : 1)
                }
            }
        }
    }
}

/// Brings every row to mean 0 and variance 1, then scales and shifts it. Epsilon 1e-6 under the root (flax
/// `nn.LayerNorm`).
package struct LayerNorm: Sendable {
    static let epsilon: Float = 1e-6
    /// `[width]` both.
    let scale: [Float]
    let bias: [Float]

    package init(scale: [Float], bias: [Float]) {
        self.scale = scale
        self.bias = bias
    }

    /// Normalises each row.
    /// - Parameter x: `[rows, width]`
    /// - Returns: the same shape.
    package func callAsFunction(_ x: [Float]) -> [Float] {
        let width = scale.count
        precondition(x.count % width == 0, "\(x.count) numbers are not rows of \(width)")
        return normaliseRows(x, width: width) { source, target in
            // Sums in double: the deviation of a large mean would lose half its digits in float.
            var sum = 0.0
            for i in 0..<width { sum += Double(source[i]) }
            let mean = Float(sum / Double(width))
            var squares = 0.0
            for i in 0..<width {
                let deviation = source[i] - mean
                squares += Double(deviation * deviation)
            }
            let factor = Float(1 / (squares / Double(width) + 1e-6).squareRoot())
            scale.withUnsafeBufferPointer { scale in
                bias.withUnsafeBufferPointer { bias in
                    for i in 0..<width { target[i] = (source[i] - mean) * factor * scale[i] + bias[i] }
                }
            }
        }
    }
}

/// Brings every row to mean square 1, then scales it: T5's norm, without subtracting the mean and without a bias.
package struct RMSNorm: Sendable {
    /// `[width]`
    let weight: [Float]

    /// Normalises each row.
    /// - Parameter x: `[rows, width]`
    package func callAsFunction(_ x: [Float]) -> [Float] {
        let width = weight.count
        precondition(x.count % width == 0, "\(x.count) numbers are not rows of \(width)")
        return normaliseRows(x, width: width) { source, target in
            var squares = 0.0
            for i in 0..<width { squares += Double(source[i] * source[i]) }
            let factor = Float(1 / (squares / Double(width) + 1e-6).squareRoot())
            weight.withUnsafeBufferPointer { weight in
                for i in 0..<width { target[i] = source[i] * factor * weight[i] }
            }
        }
    }
}

@inline(__always)
private func normaliseRows(
    _ x: [Float], width: Int, _ normalise: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) -> [Float] {
    [Float](unsafeUninitializedCapacity: x.count) { y, initialized in
        initialized = x.count
        x.withUnsafeBufferPointer { x in
            guard let source = x.baseAddress, let target = y.baseAddress else { return }
            for row in stride(from: 0, to: x.count, by: width) { normalise(source + row, target + row) }
        }
    }
}

/// Normalises by statistics over all pixels of 32 groups of consecutive channels (flax `nn.GroupNorm`, epsilon 1e-6
/// under the root).
package struct GroupNorm: Sendable {
    static let groups = 32
    static let epsilon: Float = 1e-6
    /// `[channels]` both; channels are a multiple of 32.
    let scale: [Float]
    let bias: [Float]

    /// Normalises one image.
    /// - Parameter x: the image, `[pixels, channels]`.
    package func callAsFunction(_ x: [Float]) -> [Float] {
        let channels = scale.count
        let pixels = x.count / channels
        precondition(pixels * channels == x.count, "\(x.count) numbers are not pixels of \(channels) channels")
        var factors = [Float](repeating: 0, count: channels)
        var offsets = [Float](repeating: 0, count: channels)
        // One sum per channel in double, so that the inner loop runs over neighbours and no digits are lost.
        var sums = [Double](repeating: 0, count: channels)
        var squares = [Double](repeating: 0, count: channels)
        x.withUnsafeBufferPointer { x in
            sums.withUnsafeMutableBufferPointer { sums in
                squares.withUnsafeMutableBufferPointer { squares in
                    for pixel in 0..<pixels {
                        for c in 0..<channels {
                            let value = Double(x[pixel * channels + c])
                            sums[c] += value
                            squares[c] += value * value
                        }
                    }
                }
            }
        }
        let perGroup = channels / Self.groups
        for group in 0..<Self.groups {
            let members = group * perGroup..<(group + 1) * perGroup
            let count = Double(perGroup * pixels)
            let mean = sums[members].reduce(0, +) / count
            let variance = max(0, squares[members].reduce(0, +) / count - mean * mean)
            let deviation = (variance + 1e-6).squareRoot()
            for c in members {
                factors[c] = Float(Double(scale[c]) / deviation)
                offsets[c] = Float(Double(bias[c]) - mean * Double(scale[c]) / deviation)
            }
        }
        return [Float](unsafeUninitializedCapacity: x.count) { y, initialized in
            initialized = x.count
            x.withUnsafeBufferPointer { x in
                factors.withUnsafeBufferPointer { factors in
                    offsets.withUnsafeBufferPointer { offsets in
                        for pixel in 0..<pixels {
                            for c in 0..<channels {
                                y[pixel * channels + c] = x[pixel * channels + c] * factors[c] + offsets[c]
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Activation functions, applied element by element in place.
package enum Activation {
    /// The tanh approximation `0.5 x (1 + tanh(u))`, `u = sqrt(2/pi) (x + 0.044715 x³)`, written as `x / (1 +
    /// exp(-2u))`: the same function, without cancellation for large negative x, and without the slow tanh of the C
    /// library.
    package static func gelu(_ x: inout [Float]) {
        apply(&x) { x in x / (1 + exp(-1.595_769_1 * (x + 0.044_715 * x * x * x))) }
    }

    /// `x / (1 + exp(-x))`
    package static func swish(_ x: inout [Float]) { apply(&x) { x in x / (1 + exp(-x)) } }

    static func relu(_ x: inout [Float]) { apply(&x) { x in max(x, 0) } }

    @inline(__always)
    private static func apply(_ x: inout [Float], _ function: (Float) -> Float) {
        x.withUnsafeMutableBufferPointer { x in
            for i in x.indices { x[i] = function(x[i]) }
        }
    }
}

/// `x += y`
func add(_ y: [Float], to x: inout [Float]) {
    precondition(x.count == y.count, "\(x.count) and \(y.count) numbers do not add")
    x.withUnsafeMutableBufferPointer { x in
        y.withUnsafeBufferPointer { y in
            for i in x.indices { x[i] += y[i] }
        }
    }
}
