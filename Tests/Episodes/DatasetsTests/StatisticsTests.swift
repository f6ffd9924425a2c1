import Datasets
import JSONTree
import TestSupport
import Testing

@Suite struct StatisticsTests {
    /// As NumPy 2 computes them: `np.quantile(values, part)`.
    @Test func quantilesLieOnTheLineBetweenNeighbours() {
        let values: [Double] = [-3, 0, 1, 10]
        for (part, expected) in [(0, -3), (0.01, -2.91), (0.25, -0.75), (0.5, 0.5), (0.99, 9.73), (1, 10)] {
            #expect(abs(DatasetStatistics.quantile(part, ofSorted: values) - expected) < 1e-12)
        }
        #expect(DatasetStatistics.quantile(0.99, ofSorted: [5]) == 5)
    }

    /// Mean 2.5, deviation √1.25 for 1 2 3 4: divided by n.
    @Test func momentsAreThoseOfThePopulation() throws {
        let trajectories = [
            Trajectory(actions: [[1, -1], [2, -1]], proprio: [[8], [8]]),
            Trajectory(actions: [], proprio: []),
            Trajectory(actions: [[4, -1], [3, -1]], proprio: [[8], [10]]),
        ]
        let statistics = try DatasetStatistics(of: trajectories, actionMask: [true, false])
        #expect(statistics.action.mean == [2.5, -1] && statistics.action.std == [Double(1.25).squareRoot(), 0])
        #expect(statistics.action.min == [1, -1] && statistics.action.max == [4, -1])
        #expect(abs(statistics.action.p01[0] - 1.03) < 1e-12 && abs(statistics.action.p99[0] - 3.97) < 1e-12)
        #expect(statistics.proprio?.mean == [8.5] && statistics.proprio?.mask == nil)
        #expect(statistics.transitions == 4 && statistics.trajectories == 3)
    }

    @Test func theFileIsAsOctoWritesIt() throws {
        let trajectory = Trajectory(actions: [[1, 0], [2, 0]], proprio: [[3], [4]])
        let statistics = try DatasetStatistics(of: [trajectory], actionMask: [true, false])
        let keys = statistics.json.object?.map(\.key)
        #expect(keys == ["action", "proprio", "num_transitions", "num_trajectories"])
        #expect(statistics.json["action"]?.object?.map(\.key) == ["mean", "std", "max", "min", "p99", "p01", "mask"])
        #expect(statistics.json["action"]?["mean"] == [1.5, 0] && statistics.json["action"]?["mask"] == [true, false])
        #expect(statistics.json["num_transitions"] == 2 && statistics.json["num_trajectories"] == 1)
        #expect(statistics.json(dataset: "reach")["reach"] == statistics.json)
        let blind = try DatasetStatistics(of: [Trajectory(actions: [[1]], proprio: [])])
        #expect(blind.proprio == nil && blind.json["proprio"] == nil && blind.json["action"]?["mask"] == nil)
    }

    @Test func whatHasNoStatisticsIsNamed() {
        func error(_ trajectories: [Trajectory], mask: [Bool]? = nil) -> DatasetStatisticsError? {
            do {
                _ = try DatasetStatistics(of: trajectories, actionMask: mask)
                return nil
            } catch {
                return error
            }
        }
        let good = Trajectory(actions: [[1, 2]], proprio: [[1]])
        #expect(error([]) == .noTransitions && error([Trajectory(actions: [], proprio: [])]) == .noTransitions)
        #expect(
            error([good, Trajectory(actions: [[1]], proprio: [[1]])])
                == .otherCount(of: "numbers in one action", trajectory: 1, found: 1, expected: 2))
        #expect(
            error([good, Trajectory(actions: [[1, 2]], proprio: [])])
                == .otherCount(of: "states", trajectory: 1, found: 0, expected: 1))
        #expect(
            error([good, Trajectory(actions: [[1, 2]], proprio: [[.nan]])])
                == .notFinite(of: "proprio", trajectory: 1, step: 0))
        #expect(
            error([good], mask: [true])
                == .otherCount(of: "numbers in an action's mask", trajectory: nil, found: 1, expected: 2))
        for error: DatasetStatisticsError in [
            .noTransitions, .otherCount(of: "a", trajectory: 1, found: 1, expected: 2),
            .notFinite(of: "action", trajectory: 1, step: 2),
        ] {
            let text = error.description
            #expect(
                text.hasPrefix("computing a dataset's statistics: ") && text.contains("expected") && text.hasSuffix(".")
            )
        }
    }

    // MARK: Bridge

    /// Both ran through Octo's own function.
    @Test func theGripperIsMadeBinaryAsOctoDoes() {
        let nine: [Float] = [1, 0.98, 0.6, 0.3, 0, 0.02, 0.4, 0.97, 1]
        #expect(Trajectory.binarised(gripper: nine) == [1, 1, 0, 0, 0, 0, 1, 1, 1])
        #expect(Trajectory.binarised(gripper: [0, 0.5, 1, 0.9, 0.7]) == [0, 1, 1, 0.7, 0.7])
        #expect(Trajectory.binarised(gripper: []) == [])
        // The bounds themselves are undecided.
        #expect(
            Trajectory.binarised(gripper: [0.95, 0]) == [0, 0] && Trajectory.binarised(gripper: [0.05, 1]) == [1, 1])
    }

    @Test func actionsBecomeTheMotionThatWasReached() throws {
        let states: [[Float]] = [
            [0, 1, 2, 3, -3, 0.5, 0.9], [0.25, 1, 1.5, 3.5, 3, 0.5, 0.1], [0.25, 2, 1, 3, 2.5, 0, 0.2],
        ]
        let commands = [[Float]](repeating: [9, 9, 9, 9, 9, 9, 0.5], count: 2) + [[9, 9, 9, 9, 9, 9, 1]]
        let standardised = try Trajectory(actions: commands, proprio: states).standardisedForBridge()
        // Angles are subtracted as they are: 3 - (-3) is 6, though it is less than half a turn.
        #expect(
            standardised.actions == [[0.25, 0, -0.5, 0.5, 6, 0, 1], [0, 1, -0.5, -0.5, -0.5, -0.5, 1]])
        #expect(standardised.proprio == Array(states[..<2]))
        let single = Trajectory(actions: [commands[0]], proprio: [states[0]])
        #expect(try single.standardisedForBridge() == Trajectory(actions: [], proprio: []))
        #expect(try Trajectory(actions: [], proprio: []).standardisedForBridge().actions.isEmpty)
    }

    @Test func onlySevenNumbersAreBridges() {
        let seven: [Float] = [0, 0, 0, 0, 0, 0, 0]
        for (trajectory, name) in [
            (Trajectory(actions: [[1]], proprio: [seven]), "numbers in an action"),
            (Trajectory(actions: [seven], proprio: [[1]]), "numbers in a state"),
            (Trajectory(actions: [seven], proprio: []), "states"),
        ] {
            do {
                _ = try trajectory.standardisedForBridge()
                Issue.record("\(trajectory) was taken")
            } catch {
                guard case .otherCount(of: name, _, _, _) = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }

    @Test func anEpisodeIsATrajectory() throws {
        var generator = SeededGenerator(seed: 5)
        let episode = try RLDSEpisode.made(steps: 3, using: &generator)
        let trajectory = Trajectory(episode)
        #expect(trajectory.actions == episode.steps.map(\.action) && trajectory.proprio == episode.steps.map(\.state))
    }
}
