import Maths

/// An order in which nothing stays in its own place.
package enum Derangement {
    /// A place for each of `count` places, the one whose content comes there: never its own, and each exactly once.
    ///
    /// It is one cycle through all places, drawn evenly among those. Source: Sattolo, An algorithm to generate a random cyclic
    /// permutation, 1986.
    /// - Returns: nil for fewer than two places, which have no such order.
    package static func cycle(of count: Int, seed: UInt64) -> [Int]? {
        guard count >= 2 else { return nil }
        var dice = SplitMix64(seed: seed)
        var places = Array(0..<count)
        for last in stride(from: count - 1, through: 1, by: -1) {
            // Below `last`, not up to it: this is what keeps every place out of itself.
            places.swapAt(last, Int(dice.next() % UInt64(last)))
        }
        return places
    }
}
