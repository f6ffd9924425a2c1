/// What many episodes come to.
package struct EvaluationSummary: Equatable, Sendable {
    package let episodes: Int
    package let successes: Int

    package init(_ outcomes: [EpisodeOutcome]) {
        self.init(successes: outcomes.count(where: \.isSuccess), of: outcomes.count)
    }

    /// Makes the summary of episodes that were counted.
    /// - Parameter successes: number of episodes that succeeded, 0...episodes.
    package init(successes: Int, of episodes: Int) {
        self.episodes = episodes
        self.successes = successes
    }

    /// Share of the episodes that succeeded; 0 without episodes.
    package var rate: Double { episodes == 0 ? 0 : Double(successes) / Double(episodes) }

    /// The range in which the true success rate is with 95 % confidence, as far as these episodes tell.
    ///
    /// Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927; z = 1.959964.
    package var interval: ClosedRange<Double> {
        guard episodes > 0 else { return 0...1 }
        let (n, z) = (Double(episodes), 1.959964)
        let scale = 1 + z * z / n
        let centre = (rate + z * z / (2 * n)) / scale
        let half = z / scale * (rate * (1 - rate) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, centre - half)...min(1, centre + half)
    }
}
