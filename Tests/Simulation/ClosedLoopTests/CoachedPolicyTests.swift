import ClosedLoop
import Kinematics
import Maths
import Messages
import Simulation
import TestSupport
import Testing
import Time

/// A learner drives, the expert says what it would have done, and ends the task.
@Suite(.enabled(if: Episodes.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct CoachedPolicyTests {
    private func coach(
        _ kind: ManipulationTask.Kind, learner: some EpisodePolicy, handover: Int
    ) throws -> (outcome: EpisodeOutcome, steps: [DemonstrationStep]) {
        let scene = Scene.tabletop.varied(seed: 5)
        let world = try World(scene, arm: widowX())
        var steps: [DemonstrationStep] = []
        let outcome = try ExpertEpisode.run(
            ManipulationTask(kind, in: scene), in: world, cameras: [], coaching: learner, handover: handover
        ) { steps.append($0) }
        return (outcome, steps)
    }

    @Test(arguments: ManipulationTask.Kind.allCases) func theExpertMendsWhatALearnerDid(
        kind: ManipulationTask.Kind
    ) throws {
        let handover = 12
        let (outcome, steps) = try coach(
            kind, learner: RandomPolicy(seed: 3, rate: ExpertEpisode.policyRate), handover: handover)
        #expect(outcome.isSuccess)
        #expect(steps.count == outcome.timesteps && steps.count > handover)
        // Chance seldom does what the expert wants; the expert always does.
        #expect(steps[..<handover].filter(\.isPerturbed).count > handover / 2)
        #expect(steps[handover...].allSatisfy { !$0.isPerturbed })
        // The arm went where the learner wanted, not where the actions that are recorded would have brought it.
        let followed = (1..<handover).filter { step in
            let moved = (0..<3).map { Double(steps[step].state[$0] - steps[step - 1].state[$0]) }
            let asked = steps[step - 1].action.prefix(3).map(Double.init)
            return zip(moved, asked).allSatisfy { abs($0 - $1) < 0.008 }
        }
        #expect(followed.count < handover / 2)
    }

    @Test func aLearnerThatDoesAsTheExpertGoesNotAstray() throws {
        let scene = Scene.tabletop.varied(seed: 5)
        let expert = ScriptedExpert(try ManipulationTask(.reach, in: scene), in: scene, arm: try widowX())
        let (outcome, steps) = try coach(
            .reach, learner: ExpertPolicy(expert, rate: ExpertEpisode.policyRate), handover: 100)
        #expect(outcome.isSuccess && steps.allSatisfy { !$0.isPerturbed })
    }

    /// A policy is told where the arm is at every control tick, before it is asked what to do.
    @Test func aPolicyFeelsTheArmAtEveryTick() throws {
        struct Feeling: EpisodePolicy {
            var felt: [ArmState] = []
            var asked: [MonotonicTime] = []
            mutating func see(_ moment: EpisodeMoment) {}
            mutating func feel(_ arm: ArmState) { felt.append(arm) }
            mutating func decide(at now: MonotonicTime) -> ActionChunk? {
                asked.append(now)
                return nil
            }
        }
        let scene = Scene.tabletop
        var runner = try EpisodeRunner(
            World(scene, arm: widowX()),
            settings: EpisodeSettings(
                task: ManipulationTask(.reach, in: scene), policyRate: ExpertEpisode.policyRate,
                controller: ExpertEpisode.controller, cameras: [], maximumTimesteps: 3))
        var policy = Feeling()
        _ = try runner.run(&policy)
        #expect(policy.asked.count == 60)
        #expect(policy.felt.map(\.measured.time) == policy.asked)
    }
}
