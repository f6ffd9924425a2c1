/// The numbers of an episode that Octo normalises: for each step an action and a proprioceptive state, or no state.
package struct Trajectory: Equatable, Sendable {
    /// Actions, `[steps][numbers of an action]`.
    package var actions: [[Float]]
    /// States of the arm, `[steps][numbers of a state]`; empty when the policy is not to see any.
    package var proprio: [[Float]]

    package init(actions: [[Float]], proprio: [[Float]]) {
        self.actions = actions
        self.proprio = proprio
    }

    /// Takes an episode as recorded: commanded actions, states as proprio.
    package init(_ episode: RLDSEpisode) {
        self.init(actions: episode.steps.map(\.action), proprio: episode.steps.map(\.state))
    }

    /// The trajectory as Octo's `bridge_dataset` loads it: the gripper is made binary, the first six numbers of an
    /// action become the motion that was reached until the next state (a plain difference, angles too), the last step,
    /// which has no next state, goes. A trajectory of one step becomes empty.
    ///
    /// Computed in 32 bits, as there. Source: the official code, commit 241fb35, octo/data.
    /// - Throws: `DatasetStatisticsError` unless actions and states have seven numbers each, for the same steps.
    package func standardisedForBridge() throws(DatasetStatisticsError) -> Trajectory {
        guard actions.count == proprio.count else {
            throw .otherCount(of: "states", trajectory: nil, found: proprio.count, expected: actions.count)
        }
        for row in actions where row.count != 7 {
            throw .otherCount(of: "numbers in an action", trajectory: nil, found: row.count, expected: 7)
        }
        for row in proprio where row.count != 7 {
            throw .otherCount(of: "numbers in a state", trajectory: nil, found: row.count, expected: 7)
        }
        let gripper = Self.binarised(gripper: actions.map { $0[6] })
        let count = max(0, actions.count - 1)
        let reached = (0..<count).map { step in
            (0..<6).map { proprio[step + 1][$0] - proprio[step][$0] } + [gripper[step]]
        }
        return Trajectory(actions: reached, proprio: Array(proprio[..<count]))
    }

    /// Makes the gripper's numbers binary: 1 above 0.95 and 0 below 0.05; what lies between takes the value of the next
    /// step that is decided. When none follows it takes the last value as it is, which need not be binary. Source: the
    /// official code, commit 241fb35, octo/data.
    package static func binarised(gripper: [Float]) -> [Float] {
        var next = gripper.last ?? 0
        var result: [Float] = []
        for value in gripper.reversed() {
            if value > 0.95 { next = 1 } else if value < 0.05 { next = 0 }
            result.append(next)
        }
        return result.reversed()
    }
}
