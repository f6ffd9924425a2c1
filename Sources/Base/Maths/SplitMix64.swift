/// A generator of random numbers with a seed: the same seed gives the same numbers on every machine.
///
/// Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014. Good enough for simulated faults
/// and scenes; no protection against anybody.
package struct SplitMix64: RandomNumberGenerator, Equatable, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Draws evenly from 0 up to, not including, 1.
    package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Draws evenly from `-most` to `most`.
    package mutating func symmetric(_ most: Double) -> Double { (2 * unit() - 1) * most }

    /// Whether something of that probability happens; without a draw where it never does.
    package mutating func happens(_ probability: Double) -> Bool { probability > 0 && unit() < probability }

    /// Draws a nearly normal number, mean 0 and deviation 1: the sum of twelve even numbers less six (Irwin-Hall),
    /// which needs no logarithm; never beyond 6.
    package mutating func normal() -> Double {
        var sum = -6.0
        for _ in 0..<3 {
            // Four numbers of 16 bits from each draw.
            var bits = next()
            for _ in 0..<4 {
                sum += (Double(bits & 0xFFFF) + 0.5) * 0x1p-16
                bits >>= 16
            }
        }
        return sum
    }
}
