import Simulation

/// Which trials an evaluation is made of.
package enum TrialPlan {
    /// Why there is none.
    package enum Problem: Error, Equatable, CustomStringConvertible {
        case nothingToShuffle(episodes: Int)

        package var description: String {
            switch self {
            case .nothingToShuffle(let count):
                "shuffling the goals: found \(count) episode, expected 2 or more: with one there is no other scene's goal. Give "
                    + "--episodes 2 or more."
            }
        }
    }

    /// Each of `kinds` in each of `count` scenes, kind by kind.
    ///
    /// The scenes of all kinds are the same. A shuffled goal is that of another of these scenes, each used once; with another
    /// count they are others.
    /// - Parameter seed: the first scene's; each further one has the next.
    package static func trials(of kinds: [Trial.Kind], episodes count: Int, seed: UInt64) throws(Problem) -> [Trial] {
        var trials: [Trial] = []
        for kind in kinds {
            var goals = Array(0..<count)
            if kind.goal == .shuffled {
                guard let cycle = Derangement.cycle(of: count, seed: seed) else { throw .nothingToShuffle(episodes: count) }
                goals = cycle
            }
            for index in 0..<count {
                trials.append(
                    Trial(
                        task: kind.task, object: kind.object, goal: kind.goal, change: kind.change,
                        seed: seed &+ UInt64(index), goalSeed: seed &+ UInt64(goals[index])))
            }
        }
        return trials
    }
}
