import Foundation

/// How long fuzz tests go on: a short while in the suite, longer in `make fuzz`, which sets OCTO_FUZZ to a factor.
package enum Fuzzing {
    private static let factor = ProcessInfo.processInfo.environment["OCTO_FUZZ"].flatMap { Int($0) } ?? 1

    /// - Parameter base: rounds of the suite.
    package static func rounds(_ base: Int) -> Int { base * max(1, factor) }

    /// A number as a hostile or broken sender may put it: at the ends of its range, around them, or anything.
    package static func number(upTo limit: UInt64, using generator: inout SeededGenerator) -> UInt64 {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: 0
        case 1: 1
        case 2: limit
        case 3: limit - 1
        case 4: limit / 2
        case 5: UInt64.random(in: 0...min(limit, 100), using: &generator)
        default: UInt64.random(in: 0...limit, using: &generator)
        }
    }

    /// The same on both sides of zero.
    package static func signed(upTo limit: Int64, using generator: inout SeededGenerator) -> Int64 {
        let value = Int64(number(upTo: UInt64(limit), using: &generator))
        return Bool.random(using: &generator) ? value : -value
    }
}
