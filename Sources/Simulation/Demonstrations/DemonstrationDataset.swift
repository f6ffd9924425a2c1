import Datasets

/// Makes the demonstrations of a plan and writes them as a dataset, with its statistics beside it.
package struct DemonstrationDataset {
    /// Counts of what has been written so far, or in all.
    package struct Tally: Equatable, Sendable {
        package var made = 0
        package var successes = 0
        package var written = 0
        package var transitions = 0
        /// Counts for each assignment, in the plan's order.
        package var parts: [Part] = []
    }

    /// Counts of one assignment's demonstrations.
    package struct Part: Equatable, Sendable {
        package var made = 0
        package var successes = 0
    }

    private let plan: DemonstrationPlan
    private let keepsFailures: Bool

    /// Makes a dataset of a plan's demonstrations.
    /// - Parameter keepsFailures: whether episodes that failed are written too.
    package init(_ plan: DemonstrationPlan, keepsFailures: Bool = true) {
        self.plan = plan
        self.keepsFailures = keepsFailures
    }

    /// Makes demonstrations and writes them as a dataset.
    /// - Parameters:
    ///   - count: number of episodes, from the plan's first.
    ///   - jobs: number of worlds at a time; the dataset is the same for any number.
    ///   - learner: makes the policy that a coaching plan lets drive; then there is one world at a time.
    ///   - writer: writer of a dataset with the plan's features; it is finished afterwards.
    ///   - progress: called after every episode.
    /// - Returns: what was made, and what the dataset's description says.
    /// - Throws: what making or writing throws; the writer has then to be given up.
    package func write(
        _ count: Int, jobs: Int, coaching learner: DemonstrationPlan.Learner? = nil, to writer: RLDSDatasetWriter,
        progress: (Tally) -> Void
    ) throws -> (tally: Tally, info: RLDSInfo) {
        var tally = Tally()
        tally.parts = plan.assignments.map { _ in Part() }
        var trajectories: [Trajectory] = []
        func take(_ demonstration: Demonstration) throws {
            let place = tally.made % plan.assignments.count
            tally.made += 1
            tally.parts[place].made += 1
            if demonstration.isSuccess {
                tally.successes += 1
                tally.parts[place].successes += 1
            }
            if demonstration.isSuccess || keepsFailures {
                var episode = demonstration.episode
                episode.metadata.episodeID = Int32(clamping: tally.written)
                try writer.append(episode)
                trajectories.append(Trajectory(episode))
                tally.written += 1
                tally.transitions += episode.steps.count
            }
            progress(tally)
        }
        if let learner {
            for index in 0..<count { try take(plan.demonstration(index, coaching: learner)) }
        } else {
            try OrderedWork.run(
                count, threads: jobs, make: { [plan] index in try plan.demonstration(index) }, take: take)
        }
        // Without an episode `finish` says so.
        let statistics =
            trajectories.isEmpty ? nil : try DatasetStatistics(of: trajectories, actionMask: Self.actionMask)
        return (tally, try writer.finish(statistics: statistics))
    }

    /// Mask of the numbers of an action that are normalised: all but the gripper's.
    package static let actionMask = Array(repeating: true, count: 6) + [false]
}
