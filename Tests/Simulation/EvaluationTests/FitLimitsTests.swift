import Evaluation
import TestSupport
import Testing

@Suite struct FitLimitsTests {
    private func points(_ rates: [(Double, Int)], of episodes: Int = 20) -> [FitLimits.Point] {
        rates.map { FitLimits.Point(value: $0.0, successes: $0.1, episodes: episodes) }
    }

    @Test func amberIsWhereATenthIsGoneAndRedWhereHalfIs() throws {
        // 20, 20, 16, 8, 0 of 20: 90 % lies half way from 2 to 4, 50 % three quarters of the way from 4 to 8.
        let limits = try FitLimits(points([(0, 20), (2, 20), (4, 16), (8, 8), (16, 0)]))
        let (amber, red) = (try #require(limits.amber), try #require(limits.red))
        #expect(abs(amber - 3) < 1e-6)
        #expect(abs(red - 7) < 1e-6)
        #expect(limits.measuredTo == 16)
    }

    @Test func theSharesAreOfWhatSucceedsAtNoDistance() throws {
        let limits = try FitLimits(points([(0, 10), (1, 9), (2, 5), (4, 0)]))
        #expect(abs(try #require(limits.amber) - 1) < 1e-6)
        #expect(abs(try #require(limits.red) - 2) < 1e-6)
    }

    @Test func whatNeverFellHasNoLimit() throws {
        let limits = try FitLimits(points([(0, 18), (1, 18), (2, 17)]))
        #expect(limits.amber == nil && limits.red == nil && limits.measuredTo == 2)
    }

    @Test func chanceThatRisesIsPooled() throws {
        let limits = try FitLimits(points([(0, 18), (1, 14), (2, 18), (4, 4)]))
        #expect(limits.curve.map(\.rate) == [0.9, 0.8, 0.8, 0.2])
        // One unlucky value alone does not make a limit of 1.
        let lucky = try FitLimits(points([(0, 14), (1, 18), (2, 4)]))
        #expect(lucky.curve.map(\.rate) == [0.8, 0.8, 0.2])
    }

    @Test func poolsAreWeightedWithTheirEpisodes() {
        #expect(FitLimits.nonIncreasing([(0.5, 1), (1, 3)]) == [0.875, 0.875])
        #expect(FitLimits.nonIncreasing([(3, 1), (1, 1), (2, 1), (3, 1)]) == [3, 2, 2, 2])
        #expect(FitLimits.nonIncreasing([]).isEmpty)
    }

    @Test func theCurveNeverRisesAndKeepsTheMean() {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let values = (0..<8).map { _ in
                (
                    value: Double.random(in: 0...1, using: &generator),
                    weight: Double(Int.random(in: 1...20, using: &generator))
                )
            }
            let curve = FitLimits.nonIncreasing(values)
            #expect(zip(curve, curve.dropFirst()).allSatisfy { $0 >= $1 }, "seed \(seed)")
            let before = values.reduce(0) { $0 + $1.value * $1.weight }
            let after = zip(values, curve).reduce(0) { $0 + $1.1 * $1.0.weight }
            #expect(abs(before - after) < 1e-9, "seed \(seed)")
        }
    }

    @Test func aSwitchIsOneOrTheOther() throws {
        #expect(try FitLimits(points([(0, 18), (1, 4)]), isSwitch: true).red == 1)
        let amber = try FitLimits(points([(0, 18), (1, 14)]), isSwitch: true)
        #expect(amber.amber == 1 && amber.red == nil)
        #expect(try FitLimits(points([(0, 18), (1, 18)]), isSwitch: true).amber == nil)
    }

    @Test func aCurveThatSaysNothingGivesNoLimits() {
        #expect(throws: FitLimits.Silence.noBaseline) { try FitLimits(points([(1, 9)])) }
        #expect(throws: FitLimits.Silence.tooFewEpisodes(9)) { try FitLimits(points([(0, 9), (1, 1)], of: 9)) }
        #expect(throws: FitLimits.Silence.lowBaseline(0.25)) { try FitLimits(points([(0, 5), (1, 1)])) }
    }

    @Test func valuesWithoutEpisodesArePassedOver() throws {
        let limits = try FitLimits(
            points([(0, 20), (4, 0)]) + [FitLimits.Point(value: 2, successes: 0, episodes: 0)])
        #expect(abs(try #require(limits.red) - 2) < 1e-6)
    }
}
