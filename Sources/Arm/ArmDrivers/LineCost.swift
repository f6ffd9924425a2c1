import Time

/// What a control tick really costs on a line, measured with whole ticks' questions and answers before the arm moves.
package struct LineCost: Equatable, Sendable {
    /// Time from the question until the last answer, seconds: of half the rounds and of all but the slowest hundredth.
    package var p50: Double
    package var p99: Double
    /// Number of rounds with answers from all servos.
    package var rounds: Int
    /// Number of rounds in which an answer did not come.
    package var lost: Int

    package init(p50: Double, p99: Double, rounds: Int, lost: Int) {
        self.p50 = p50
        self.p99 = p99
        self.rounds = rounds
        self.lost = lost
    }

    /// Makes the figures from measured rounds.
    /// - Parameter times: durations of the whole rounds, seconds, at least one.
    init(_ times: [Double], lost: Int) {
        let sorted = times.sorted()
        func quantile(_ share: Double) -> Double { sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)] }
        self.init(p50: quantile(0.5), p99: quantile(0.99), rounds: sorted.count, lost: lost)
    }

    /// Number of rounds that are measured.
    static var rounds: Int { 50 }
    /// Whole rounds in a row without which nothing may move.
    static var wholeRounds: Int { 5 }

    /// How long the loop waits for an answer beyond its time on the wire: half as long again as the slowest took, and
    /// not so little that a busy machine alone exceeds it.
    /// - Parameter wire: what the bytes alone take.
    func margin(beyond wire: Duration) -> Duration {
        min(max(.fromSeconds(p99 * 1.5) - wire, .milliseconds(4)), .milliseconds(50))
    }
}

extension LineCost: CustomStringConvertible {
    package var description: String {
        func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10)" }
        return
            "answers take \(milliseconds(p50)) ms, \(milliseconds(p99)) ms at worst (\(rounds) rounds, \(lost) not "
            + "whole)"
    }
}
