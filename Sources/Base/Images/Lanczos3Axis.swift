import Glibc

/// Which samples of a line of `inputSize` make up each of `outputSize` samples, and with which weights: Lanczos with
/// radius 3, widened when shrinking (antialias).
///
/// The official code, commit 241fb35, resizes with TensorFlow's `lanczos3` and `antialias`; all arithmetic is float32
/// as there, since the results are rounded to bytes and have to come out the same.
package struct Lanczos3Axis: Sendable {
    let inputSize: Int
    let outputSize: Int
    /// Index of the first sample that counts, for each output.
    package let starts: [Int]
    /// Places in `weights` at which the weights of output `o` lie: `offsets[o] ..< offsets[o + 1]`.
    package let offsets: [Int]
    /// Each output's weights sum to 1.
    package let weights: [Float]

    /// Computes the weights from `inputSize` to `outputSize` samples; both are positive.
    package init(from inputSize: Int, to outputSize: Int) {
        self.inputSize = inputSize
        self.outputSize = outputSize
        let scale = Float(outputSize) / Float(inputSize)
        let inverse = 1 / scale
        let kernelScale = max(inverse, 1)
        let reach = Self.radius * kernelScale
        let last = Float(inputSize - 1)
        var starts: [Int] = []
        var offsets = [0]
        var weights: [Float] = []
        for output in 0..<outputSize {
            let centre = (Float(output) + 0.5) * inverse
            let low = Int(min(max((centre - reach - 0.5).rounded(.up), 0), last))
            let high = Int(min(max((centre + reach - 0.5).rounded(.down), 0), last))
            // Multiplying by reciprocals instead of dividing is what TensorFlow does; the last bit shows in the bytes.
            let own = (low...high).map { Self.kernel(abs((Float($0) + 0.5 - centre) * (1 / kernelScale))) }
            let share = 1 / own.reduce(0, +)
            starts.append(low)
            weights.append(contentsOf: own.map { $0 * share })
            offsets.append(weights.count)
        }
        self.starts = starts
        self.offsets = offsets
        self.weights = weights
    }

    private static let radius: Float = 3
    /// π rounded to nearest as in C; `Float.pi` is rounded towards zero, one bit less.
    private static let pi: Float = 3.141_592_653_59

    /// The kernel's weight at a distance.
    /// - Parameter x: distance from the centre, not negative; the kernel is 0 beyond `radius`.
    private static func kernel(_ x: Float) -> Float {
        if x > radius { return 0 }
        if x <= 1e-3 { return 1 }
        return radius * sinf(pi * x) * sinf(pi * x / radius) / (pi * pi * x * x)
    }
}
