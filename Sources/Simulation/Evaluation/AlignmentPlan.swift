import Simulation

/// Which trials an alignment study is made of.
package enum AlignmentPlan {
    /// Trials of each scene with the goal as it should be, then along every axis as far as it goes; scene by scene, so
    /// that a study that was cut has whole pairs.
    /// - Parameter seed: the first scene's; each further one has the next.
    package static func trials(
        _ task: ManipulationTask.Kind, object: String, axes: [GoalAxis], episodes: Int, seed: UInt64
    ) -> [Trial] {
        let changes = [GoalChange.none] + axes.flatMap { axis in axis.values.map { GoalChange(axis, $0) } }
        return (0..<episodes).flatMap { index in
            changes.map { Trial(task: task, object: object, change: $0, seed: seed &+ UInt64(index)) }
        }
    }
}
