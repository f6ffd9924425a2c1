import Simulation

/// Which trials an evaluation is made of.
package enum TrialPlan {
    /// Trials of each of `kinds` in each of `count` scenes, kind by kind. The scenes of all kinds are the same.
    /// - Parameter seed: the first scene's; each further one has the next.
    package static func trials(of kinds: [Trial.Kind], episodes count: Int, seed: UInt64) -> [Trial] {
        kinds.flatMap { kind in
            (0..<count).map { index in
                Trial(
                    task: kind.task, object: kind.object, goal: kind.goal, change: kind.change,
                    seed: seed &+ UInt64(index))
            }
        }
    }
}
