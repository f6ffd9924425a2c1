import Foundation
import Maths

/// A repeatable source of randomness for property tests (SplitMix64, Steele et al. 2014). Print `seed` in every
/// comment of an expectation, so that a failure can be run again.
package struct SeededGenerator: RandomNumberGenerator {
    package let seed: UInt64
    private var numbers: SplitMix64

    package init(seed: UInt64) {
        self.seed = seed
        numbers = SplitMix64(seed: seed)
    }

    /// A seed that differs from run to run, or the one in OCTO_TEST_SEED to repeat a failure. Printed where it is made.
    package static func freshSeed(_ purpose: String = #function) -> UInt64 {
        let fixed = ProcessInfo.processInfo.environment["OCTO_TEST_SEED"].flatMap { UInt64($0) }
        var system = SystemRandomNumberGenerator()
        let seed = fixed ?? system.next()
        print("\(purpose): seed \(seed) (repeat with OCTO_TEST_SEED=\(seed))")
        return seed
    }

    package mutating func next() -> UInt64 { numbers.next() }
}
