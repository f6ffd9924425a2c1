import Policy
import TestSupport
import Testing

@Suite struct GoalSensitivityTests {
    private static let horizon = 4

    /// Chunks that scatter by 1 in each of two dimensions, moved by `shift`.
    private func chunks(_ shift: Double, seed: UInt64, scatter: Double = 1) -> [[Float]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<64).map { _ in
            (0..<Self.horizon * 2).map { _ in
                // The sum of twelve uniform numbers is nearly normal, with variance 1.
                let normal = (0..<12).reduce(0.0) { sum, _ in sum + .random(in: 0..<1, using: &generator) } - 6
                return Float(normal * scatter + shift)
            }
        }
    }

    private func sensitivity(_ black: Double, _ present: Double) -> GoalSensitivity {
        GoalSensitivity(
            goal: chunks(0, seed: 1), black: chunks(black, seed: 1), present: chunks(present, seed: 1), dimension: 2,
            floor: [0, 0])
    }

    @Test func differencesAreInUnitsOfTheScatter() {
        let found = sensitivity(3, 0.5)
        #expect(abs(found.againstBlack - 3) < 0.3 && abs(found.againstPresent - 0.5) < 0.05, "\(found)")
        #expect(found.scatter.allSatisfy { abs($0 - 1) < 0.2 })
    }

    @Test func theVerdictGoesByTheSmallerDifference() {
        #expect(sensitivity(3, 2).verdict == .listens)
        #expect(sensitivity(3, 0.5).verdict == .hardly, "from the present view it cannot tell the goal")
        #expect(sensitivity(0, 0).verdict == .deaf)
        for verdict in [sensitivity(3, 2), sensitivity(3, 0.5), sensitivity(0, 0)] {
            #expect(verdict.words.contains("listen"))
        }
    }

    @Test func theMeanChunksAreThoseOfEachGoalByStepAndDimension() {
        let found = GoalSensitivity(
            goal: [[1, 2, 3, 4], [3, 2, 5, 4]], black: [[0, 0, 0, 1], [0, 0, 0, 3]],
            present: [[5, 6, 7, 8], [5, 6, 7, 8]], dimension: 2, floor: [1, 1])
        #expect(found.means.goal == [[2, 2], [4, 4]])
        #expect(found.means.black == [[0, 0], [0, 2]])
        #expect(found.means.present == [[5, 6], [7, 8]])
    }

    @Test func aHeadWithoutASamplerIsMeasuredByTheFloor() {
        let steady = [[Float]](repeating: [1, 1, 1, 1], count: 4)
        let other = [[Float]](repeating: [1.5, 1, 1.5, 1], count: 4)
        let found = GoalSensitivity(goal: steady, black: other, present: steady, dimension: 2, floor: [0.5, 0.5])
        #expect(found.scatter == [0.5, 0.5])
        #expect(abs(found.againstBlack - 0.5.squareRoot()) < 1e-6 && found.againstPresent == 0)
    }
}
