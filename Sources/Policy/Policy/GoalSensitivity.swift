/// How much the policy's actions depend on the goal: the same observation and noise, with different goals.
///
/// Differences are measured in units of the sampler's own scatter: how far two chunks for one and the same goal lie
/// apart for their noise alone.
package struct GoalSensitivity: Sendable {
    /// Whether the policy's chunks depend on the goal.
    package enum Verdict: Equatable, Sendable {
        /// The goal moves the actions more than chance does.
        case listens
        /// The goal moves them, but less than chance.
        case hardly
        case deaf
    }
    /// Root mean square over steps and dimensions of how far chunks for the goal lie from those for a black picture, in
    /// units of the scatter.
    package let againstBlack: Double
    /// Distance, likewise, from chunks for the present frame as the goal: "stay".
    package let againstPresent: Double
    /// Mean scatter of the sampler, one for each dimension, in the units of the actions.
    package let scatter: [Double]
    /// Mean chunks over the seeds, `[actionHorizon][actionDimension]`, in the units of the actions: for the goal, for a
    /// black picture, and for the present frame.
    package let means: (goal: [[Double]], black: [[Double]], present: [[Double]])

    /// The distances from which on the goal counts for more than chance, and below which it counts for nothing: the
    /// paired difference of independent chunks would be √2.
    private static let limit = (listens: 1.0, deaf: 0.1)

    /// Compares chunks that differ in the goal alone.
    /// - Parameters: chunks `[actionHorizon, actionDimension]`, one for each seed, the same seeds in the same order; at
    ///   least two of each.
    ///   - dimension: actionDimension.
    ///   - floor: one for each dimension, the smallest scatter that is believed: heads without a sampler have none.
    package init(goal: [[Float]], black: [[Float]], present: [[Float]], dimension: Int, floor: [Double]) {
        precondition(
            goal.count >= 2 && goal.count == black.count && goal.count == present.count, "the same seeds for all")
        let steps = goal[0].count / dimension
        var scatter = [Double](repeating: 0, count: dimension)
        for index in 0..<dimension {
            var sum = 0.0
            for step in 0..<steps {
                let values = goal.map { Double($0[step * dimension + index]) }
                let mean = values.reduce(0, +) / Double(values.count)
                sum += values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
            }
            scatter[index] = max((sum / Double(steps)).squareRoot(), floor[index])
        }
        self.scatter = scatter
        func distance(_ others: [[Float]]) -> Double {
            var sum = 0.0
            for (a, b) in zip(goal, others) {
                for index in a.indices {
                    let difference = (Double(a[index]) - Double(b[index])) / scatter[index % dimension]
                    sum += difference * difference
                }
            }
            return (sum / Double(goal.count * steps * dimension)).squareRoot()
        }
        againstBlack = distance(black)
        againstPresent = distance(present)
        func mean(_ chunks: [[Float]]) -> [[Double]] {
            (0..<steps).map { step in
                (0..<dimension).map { index in
                    chunks.reduce(0) { $0 + Double($1[step * dimension + index]) } / Double(chunks.count)
                }
            }
        }
        means = (mean(goal), mean(black), mean(present))
    }

    package var verdict: Verdict {
        let least = min(againstBlack, againstPresent)
        return least >= Self.limit.listens ? .listens : least >= Self.limit.deaf ? .hardly : .deaf
    }

    /// One sentence for people.
    package var words: String {
        switch verdict {
        case .listens: "the policy listens to the goal: another goal changes its actions more than chance does"
        case .hardly:
            "the policy hardly listens to the goal: another goal changes its actions less than chance does. Does the "
                + "goal show the present scene, and was the checkpoint trained with goal images?"
        case .deaf:
            "the policy does not listen to the goal: its actions are the same with any. The checkpoint was not "
                + "trained with goal images, or not for a scene like this."
        }
    }
}
