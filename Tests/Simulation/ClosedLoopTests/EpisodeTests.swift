import ClosedLoop
import Foundation
import Kinematics
import Maths
import Messages
import Simulation
import TestSupport
import Testing
import Time

enum Episodes {
    static let areUsable = (try? World.libraryVersion()) != nil

    static func settings(_ task: ManipulationTask, limit: Int = 120) -> EpisodeSettings {
        EpisodeSettings(
            task: task, policyRate: Rate(hertz: 5),
            controller: ExpertEpisode.controller, cameras: [], maximumTimesteps: limit)
    }

    static func runExpert(
        _ kind: ManipulationTask.Kind, object: String? = nil, seed: UInt64
    ) throws -> EpisodeOutcome {
        let scene = Scene.tabletop.varied(seed: seed)
        let arm = try widowX()
        let world = try World(scene, arm: arm)
        let task = try ManipulationTask(kind, object: object, in: scene)
        var policy = ExpertPolicy(ScriptedExpert(task, in: scene, arm: arm), rate: Rate(hertz: 5))
        var runner = try EpisodeRunner(world, settings: settings(task))
        return try runner.run(&policy)
    }
}

@Suite(.enabled(if: Episodes.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct EpisodeTests {
    /// At most one of 20 may fail.
    @Test(arguments: ManipulationTask.Kind.allCases)
    func theExpertSolvesTheTask(kind: ManipulationTask.Kind) throws {
        let outcomes = try (0..<20).map { try Episodes.runExpert(kind, seed: $0) }
        let failed = outcomes.indices.filter { !outcomes[$0].isSuccess }
        #expect(Double(failed.count) <= 0.05 * 20, "\(kind) failed for seeds \(failed)")
        for outcome in outcomes where outcome.isSuccess {
            #expect(outcome.secondsToSuccess.map { $0 > 0 && $0 < 24 } == true)
            #expect(outcome.pathLength > 0.02 && outcome.pathLength < 3)
        }
    }

    @Test(arguments: ["cylinder", "cup"])
    func otherObjectsCanBeGraspedToo(object: String) throws {
        let outcomes = try (0..<6).map { try Episodes.runExpert(.pickPlace, object: object, seed: $0) }
        #expect(outcomes.count(where: \.isSuccess) >= 5, "\(outcomes.map(\.isSuccess))")
    }

    @Test func aRandomPolicyHardlySolvesAnything() throws {
        let successes = try (0..<10).count { seed in
            let scene = Scene.tabletop.varied(seed: UInt64(seed))
            let task = try ManipulationTask(.pickPlace, in: scene)
            var policy = RandomPolicy(seed: UInt64(seed), rate: Rate(hertz: 5))
            var runner = try EpisodeRunner(
                World(scene, arm: widowX()), settings: Episodes.settings(task, limit: 40))
            let outcome = try runner.run(&policy)
            #expect(outcome.timesteps == 40 || outcome.isSuccess)
            return outcome.isSuccess
        }
        #expect(successes == 0)
    }

    @Test func theSameEpisodeComesAgainBitForBit() throws {
        let first = try Episodes.runExpert(.push, seed: 3)
        #expect(try Episodes.runExpert(.push, seed: 3) == first)
        #expect(try Episodes.runExpert(.push, seed: 4) != first)
    }

    @Test func aTaskTheSceneCannotHaveIsRefused() throws {
        var scene = Scene.tabletop
        scene.tray = nil
        #expect(throws: ManipulationTask.Problem.self) { try ManipulationTask(.pickPlace, in: scene) }
        let error = #expect(throws: ManipulationTask.Problem.self) {
            try ManipulationTask(.reach, object: "spoon", in: scene)
        }
        #expect(error.map { "\($0)".contains("block, cylinder, cup") } == true)
    }

    @Test func aRateThatDoesNotFitThePhysicsIsRefused() throws {
        let task = try ManipulationTask(.reach, in: .tabletop)
        var settings = Episodes.settings(task)
        settings.controller.rate = Rate(hertz: 1_000)
        #expect(throws: EpisodeError.self) {
            _ = try EpisodeRunner(World(.tabletop, arm: widowX()), settings: settings)
        }
    }
}

@Suite struct EvaluationSummaryTests {
    private func summary(_ successes: Int, of count: Int) -> EvaluationSummary {
        EvaluationSummary(
            (0..<count).map { index in
                var outcome = EpisodeOutcome()
                outcome.isSuccess = index < successes
                return outcome
            })
    }

    /// Bounds as statsmodels' proportion_confint(method: wilson) gives them.
    @Test(arguments: [
        (0, 10, 0.0, 0.27753279), (5, 10, 0.23658959, 0.76341041), (10, 10, 0.72246721, 1.0),
        (19, 20, 0.76387, 0.99112),
    ])
    func theIntervalIsWilsons(successes: Int, count: Int, lower: Double, upper: Double) {
        let interval = summary(successes, of: count).interval
        #expect(abs(interval.lowerBound - lower) < 1e-4)
        #expect(abs(interval.upperBound - upper) < 1e-4)
    }

    @Test func withoutEpisodesNothingIsKnown() {
        #expect(summary(0, of: 0).interval == 0...1)
        #expect(summary(0, of: 0).rate == 0)
    }
}
