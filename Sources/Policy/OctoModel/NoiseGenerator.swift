import Foundation

/// Philox4x32-10, a counter-based random function: the same counter and key give the same four words, on any machine
/// and in any order (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3).
package enum Philox {
    /// The four words that belong to a counter and a key.
    package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (c, k) = (counter, key)
        for round in 0..<10 {
            // Weyl constants of the paper: the golden ratio and sqrt(3) - 1.
            if round > 0 { k = SIMD2(k.x &+ 0x9E37_79B9, k.y &+ 0xBB67_AE85) }
            let a = UInt64(c.x) &* 0xD251_1F53
            let b = UInt64(c.z) &* 0xCD9E_8D57
            c = SIMD4(
                UInt32(truncatingIfNeeded: b >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: a))
        }
        return c
    }
}

/// The standard normal numbers a diffusion head draws for one chunk.
package struct DiffusionNoise: Equatable, Sendable {
    /// `[actionHorizon × actionDimension]`, the actions before the first denoising step.
    package var initial: [Float]
    /// `[diffusionSteps, actionHorizon × actionDimension]`, row-major; row 0 belongs to the first step that is done
    /// (the largest t).
    package var steps: [Float]

    package init(initial: [Float], steps: [Float]) {
        self.initial = initial
        self.steps = steps
    }
}

/// A stream of standard normal numbers that seed and counter name completely: chunks carry both, and so can be made
/// again bit for bit on the same type of machine.
package struct NoiseGenerator: Sendable {
    private let key: SIMD2<UInt32>
    private let counter: SIMD2<UInt32>
    private var blockIndex: UInt64 = 0
    private var ready = SIMD4<Float>()
    private var readyCount = 0

    /// Begins the stream that seed and counter name.
    /// - Parameters:
    ///   - seed: number of the run.
    ///   - counter: number of the chunk, e.g. the observation tick. Streams of different counters do not overlap.
    package init(seed: UInt64, counter: UInt64) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        self.counter = SIMD2(UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32))
    }

    /// The next number of the stream.
    package mutating func next() -> Float {
        if readyCount == 0 {
            let words = Philox.block(
                counter: SIMD4(
                    UInt32(truncatingIfNeeded: blockIndex), UInt32(truncatingIfNeeded: blockIndex >> 32), counter.x,
                    counter.y),
                key: key)
            blockIndex &+= 1
            let (a, b) = Self.normalPair(words.x, words.y)
            let (c, d) = Self.normalPair(words.z, words.w)
            ready = SIMD4(a, b, c, d)
            readyCount = 4
        }
        readyCount -= 1
        return ready[3 - readyCount]
    }

    /// The noise of one chunk: first `initial`, then the steps in order.
    /// - Parameters:
    ///   - steps: denoising steps.
    ///   - size: actionHorizon × actionDimension.
    package mutating func noise(steps: Int, size: Int) -> DiffusionNoise {
        let initial = (0..<size).map { _ in next() }
        return DiffusionNoise(initial: initial, steps: (0..<steps * size).map { _ in next() })
    }

    /// Draws two normal numbers: Box and Muller, "A note on the generation of random normal deviates", 1958. In double
    /// precision, so that the tails reach as far as 32 bits allow; half a step is added so that the logarithm never
    /// sees 0.
    private static func normalPair(_ first: UInt32, _ second: UInt32) -> (Float, Float) {
        let u = (Double(first) + 0.5) * 0x1p-32
        let angle = 2 * Double.pi * (Double(second) + 0.5) * 0x1p-32
        let radius = (-2 * log(u)).squareRoot()
        return (Float(radius * cos(angle)), Float(radius * sin(angle)))
    }
}
