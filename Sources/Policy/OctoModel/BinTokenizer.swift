import Foundation

/// Puts numbers into bins and back (`BinTokenizer` of the official code, commit 241fb35), in float32 as there.
package struct BinTokenizer: Equatable, Sendable {
    /// The official code's margin at both ends.
    private static let epsilon: Float = 1e-6

    /// Thresholds of the bins: bin i holds `thresholds[i] ..< thresholds[i + 1]`.
    package let thresholds: [Float]
    private let limits: ClosedRange<Float>?

    package var count: Int { thresholds.count - 1 }

    package init(_ bins: ModelConfiguration.Bins) {
        switch bins.kind {
        case .uniform(let low, let high):
            thresholds = Self.evenlySpaced(from: low, to: high, steps: bins.count)
            // Ends that lie nearer together than the margins leave one number, as clipping to both of them does.
            limits = min(low + Self.epsilon, high - Self.epsilon)...(high - Self.epsilon)
        case .normal:
            thresholds = Self.evenlySpaced(from: Self.epsilon, to: 1 - Self.epsilon, steps: bins.count)
                .map(Self.normalQuantile)
            limits = nil
        }
    }

    /// The bin a number belongs to. Uniform bins take numbers beyond their ends into the outermost bins; normal ones
    /// know only the *first*: a number above all of them is in bin 0 too, which the models were trained with.
    package func bin(of number: Float) -> Int {
        let number = limits.map { min(max(number, $0.lowerBound), $0.upperBound) } ?? number
        guard number >= thresholds[0], number < thresholds[count] else { return 0 }
        // The last threshold that is not above it.
        var (low, high) = (0, count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if thresholds[middle] <= number { low = middle } else { high = middle }
        }
        return low
    }

    /// The middle of a bin.
    package func center(of bin: Int) -> Float { (thresholds[bin + 1] + thresholds[bin]) / 2 }

    /// `steps + 1` numbers, by the official framework's formula: rounding decides which bin a number at a seam is in.
    private static func evenlySpaced(from low: Float, to high: Float, steps: Int) -> [Float] {
        (0..<steps).map { index in
            let part = Float(index) / Float(steps)
            let (below, above) = (low * (1 - part), high * part)
            return below + above
        } + [high]
    }

    /// The number at which the standard normal distribution reaches a probability, to the last digit of a float: by
    /// halving, as it is needed a few hundred times at the start only.
    /// - Parameter probability: a probability above 0 and below 1.
    package static func normalQuantile(_ probability: Float) -> Float {
        // The tail's own size: 1 - p is exact in double, and a probability near 1 says nothing in erfc.
        let p = Double(probability)
        // Halving only comes near to 0, and 0 is what a joint at rest reads: it must fall on the right side of this
        // seam.
        if p == 0.5 { return 0 }
        let tail = min(p, 1 - p)
        var (low, high) = (-40.0, 0.0)
        for _ in 0..<70 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / 2.0.squareRoot()) < tail { low = middle } else { high = middle }
        }
        let quantile = Float((low + high) / 2)
        return p < 0.5 ? quantile : -quantile
    }
}
