import JSONTree

/// Why statistics could not be computed.
package enum DatasetStatisticsError: Error, Equatable, Sendable {
    case noTransitions
    /// `trajectory`: its place, from 0; nil for one alone.
    case otherCount(of: String, trajectory: Int?, found: Int, expected: Int)
    case notFinite(of: String, trajectory: Int, step: Int)
}

extension DatasetStatisticsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noTransitions:
            "computing a dataset's statistics: there are no steps, expected at least one. Add episodes."
        case .otherCount(let name, let trajectory, let found, let expected):
            "computing a dataset's statistics: \(trajectory.map { "trajectory \($0)" } ?? "a trajectory") has "
                + "\(found) \(name), expected \(expected). All steps of a dataset have the same sizes: leave that "
                + "episode out."
        case .notFinite(let name, let trajectory, let step):
            "computing a dataset's statistics: the \(name) of step \(step) in trajectory \(trajectory) has a number "
                + "that is not finite, expected none. Leave that episode out."
        }
    }
}

/// How a dataset's actions and states are spread: what Octo normalises with, and what `dataset_statistics.json` holds.
package struct DatasetStatistics: Equatable, Sendable {
    /// One value for each number of an action or a state.
    package struct Spread: Equatable, Sendable {
        package let mean: [Double]
        /// Standard deviation of the population: divided by n, not n - 1.
        package let std: [Double]
        package let max: [Double]
        package let min: [Double]
        package let p99: [Double]
        package let p01: [Double]
        /// Which numbers the policy sees normalised; nil for all.
        package var mask: [Bool]?
    }

    package var action: Spread
    /// Spread of the states; nil when the trajectories have none.
    package let proprio: Spread?
    package let transitions: Int
    package let trajectories: Int

    /// Computes the statistics of a dataset, as Octo normalises with them.
    /// - Parameters:
    ///   - trajectories: the trajectories, standardised as the policy is to be trained on them; those without steps
    ///     count, but have no part in the numbers.
    ///   - actionMask: numbers of an action that are normalised; for Bridge all but the gripper.
    /// - Throws: `DatasetStatisticsError`. Source: the official code, commit 241fb35, octo/data/utils; sums are kept in
    ///   64 bits here, in 32 there, so the last digits differ.
    package init(of trajectories: [Trajectory], actionMask: [Bool]? = nil) throws(DatasetStatisticsError) {
        action = try Self.spread(of: "action", \.actions, in: trajectories)
        proprio =
            trajectories.allSatisfy(\.proprio.isEmpty)
            ? nil : try Self.spread(of: "proprio", \.proprio, in: trajectories)
        for (place, trajectory) in trajectories.enumerated()
        where proprio != nil && trajectory.proprio.count != trajectory.actions.count {
            throw .otherCount(
                of: "states", trajectory: place, found: trajectory.proprio.count, expected: trajectory.actions.count)
        }
        if let actionMask, actionMask.count != action.mean.count {
            throw .otherCount(
                of: "numbers in an action's mask", trajectory: nil, found: actionMask.count, expected: action.mean.count
            )
        }
        action.mask = actionMask
        transitions = trajectories.reduce(0) { $0 + $1.actions.count }
        self.trajectories = trajectories.count
    }

    private static func spread(
        of name: String, _ rows: (Trajectory) -> [[Float]], in trajectories: [Trajectory]
    ) throws(DatasetStatisticsError) -> Spread {
        var columns: [[Double]] = []
        for (place, trajectory) in trajectories.enumerated() {
            for (step, row) in rows(trajectory).enumerated() {
                if columns.isEmpty { columns = row.map { _ in [] } }
                guard row.count == columns.count else {
                    throw .otherCount(
                        of: "numbers in one \(name)", trajectory: place, found: row.count, expected: columns.count)
                }
                guard row.allSatisfy(\.isFinite) else { throw .notFinite(of: name, trajectory: place, step: step) }
                for (column, value) in row.enumerated() { columns[column].append(Double(value)) }
            }
        }
        guard !columns.isEmpty else { throw .noTransitions }
        let means = columns.map { $0.reduce(0, +) / Double($0.count) }
        let deviations = zip(columns, means).map { column, mean in
            (column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(column.count)).squareRoot()
        }
        let sorted = columns.map { $0.sorted() }
        return Spread(
            mean: means, std: deviations, max: sorted.map { quantile(1, ofSorted: $0) },
            min: sorted.map { quantile(0, ofSorted: $0) }, p99: sorted.map { quantile(0.99, ofSorted: $0) },
            p01: sorted.map { quantile(0.01, ofSorted: $0) })
    }

    /// The value below which the part `part` of all values lies, between two neighbours on the straight line: NumPy's
    /// `linear` method (Hyndman and Fan 1996, type 7).
    /// - Parameters:
    ///   - part: the share of values below the result, 0...1.
    ///   - values: the values in ascending order, at least one.
    package static func quantile(_ part: Double, ofSorted values: [Double]) -> Double {
        precondition(!values.isEmpty && (0...1).contains(part), "a quantile needs values and a part of them")
        let place = part * Double(values.count - 1)
        let below = Int(place)
        guard below + 1 < values.count else { return values[below] }
        return values[below] + (place - Double(below)) * (values[below + 1] - values[below])
    }

    /// The file's name in a checkpoint's folder.
    package static let fileName = "dataset_statistics.json"

    /// The statistics as Octo writes them: the object itself for a policy that was fine-tuned on this dataset.
    package var json: JSONNode {
        var node = JSONNode.object(["action": Self.json(of: action)])
        if let proprio { node = node.with("proprio", Self.json(of: proprio)) }
        return node.with("num_transitions", JSONNode(transitions)).with("num_trajectories", JSONNode(trajectories))
    }

    /// The statistics one level deeper, as a pretrained policy has it for each of its datasets.
    package func json(dataset: String) -> JSONNode {
        JSONNode(.object([.init(key: dataset, value: json)]))
    }

    private static func json(of spread: Spread) -> JSONNode {
        func list(_ values: [Double]) -> JSONNode { JSONNode(.array(values.map { JSONNode(number: $0) })) }
        let node = JSONNode.object([
            "mean": list(spread.mean), "std": list(spread.std), "max": list(spread.max), "min": list(spread.min),
            "p99": list(spread.p99), "p01": list(spread.p01),
        ])
        guard let mask = spread.mask else { return node }
        return node.with("mask", JSONNode(.array(mask.map { JSONNode(.bool($0)) })))
    }
}
