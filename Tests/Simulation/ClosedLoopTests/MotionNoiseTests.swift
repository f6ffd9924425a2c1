import ClosedLoop
import Kinematics
import Maths
import Simulation
import TestSupport
import Testing
import Time

@Suite struct MotionNoiseTests {
    @Test func burstsAreRareShortAndStrongAndTheRestTrembles() {
        var noise = MotionNoise(scale: 1, seed: 5)
        let all = (0..<20_000).map { _ in noise.next() }
        #expect(all.allSatisfy { $0.offset.count == 7 && $0.offset[6] == 0 })
        let bursts = all.filter(\.isBurst)
        // A burst begins at 16 % of the steps outside of one, and lasts two steps on average.
        let share = Double(bursts.count) / Double(all.count)
        let expected = 0.32 / (0.32 + 0.84)
        #expect(abs(share - expected) < 0.02)
        func deviation(_ list: [MotionNoise.Disturbance], _ axis: Int) -> Double {
            (list.reduce(0) { $0 + $1.offset[axis] * $1.offset[axis] } / Double(list.count)).squareRoot()
        }
        let rest = all.filter { !$0.isBurst }
        #expect(deviation(bursts, 0) > 0.007 && deviation(bursts, 0) < 0.014)
        #expect(abs(deviation(rest, 0) - 0.0015) < 0.0002 && deviation(rest, 5) == 0)
        #expect(deviation(bursts, 5) > 0.05)
    }

    @Test func theScaleScalesAndTheSeedRepeats() {
        var (one, two, again) = (
            MotionNoise(scale: 1, seed: 8), MotionNoise(scale: 2, seed: 8), MotionNoise(scale: 1, seed: 8)
        )
        for _ in 0..<100 {
            let (small, large) = (one.next(), two.next())
            #expect(small == again.next())
            #expect(small.isBurst == large.isBurst)
            for (a, b) in zip(small.offset, large.offset) { #expect(abs(2 * a - b) < 1e-12) }
        }
    }
}

/// Demonstrations with noise: what is recorded, and what happens.
@Suite(.enabled(if: Episodes.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct NoisyDemonstrationTests {
    private func run(
        _ kind: ManipulationTask.Kind, seed: UInt64, noise: MotionNoise?
    ) throws -> (outcome: EpisodeOutcome, steps: [DemonstrationStep], objects: [Pose]) {
        let scene = Scene.tabletop.varied(seed: seed)
        let world = try World(scene, arm: widowX())
        let task = try ManipulationTask(kind, in: scene)
        var steps: [DemonstrationStep] = []
        var objects: [Pose] = []
        let outcome = try ExpertEpisode.run(task, in: world, cameras: [], noise: noise) { step in
            steps.append(step)
            objects.append(world.pose(ofObject: task.object))
        }
        return (outcome, steps, objects)
    }

    @Test(arguments: ManipulationTask.Kind.allCases) func labelsAreWhatTheExpertWouldDoFromTheStateItSees(
        kind: ManipulationTask.Kind
    ) throws {
        let scene = Scene.tabletop.varied(seed: 5)
        let (_, steps, objects) = try run(kind, seed: 5, noise: MotionNoise(scale: 1, seed: 5))
        var expert = ScriptedExpert(try ManipulationTask(kind, in: scene), in: scene, arm: try widowX())
        for (step, object) in zip(steps, objects) {
            let state = step.state.map(Double.init)
            let tool = Pose(
                rotation: BridgeConvention.baseFromEEF(rollPitchYaw: [state[3], state[4], state[5]]),
                translation: [state[0], state[1], state[2]])
            let action = expert.action(.init(tool: tool, opening: state[6], object: object))
            // As far as 32 bits tell.
            for (a, b) in zip(action, step.action) { #expect(abs(a - Double(b)) < 1e-4) }
        }
    }

    @Test func marksAreOnTheStepsWhoseMotionWasDisturbed() throws {
        let (_, steps, _) = try run(.pickPlace, seed: 2, noise: MotionNoise(scale: 1, seed: 2))
        var noise = MotionNoise(scale: 1, seed: 2)
        for (index, step) in steps.enumerated().dropLast() {
            let expected = noise.next()
            #expect(step.isPerturbed == expected.isBurst, "step \(index)")
            // What was reached is what was asked for and the noise; the arm is a few millimetres behind.
            let (before, after) = (step.state, steps[index + 1].state)
            for axis in 0..<2 {
                let reached = Double(after[axis] - before[axis])
                let asked = Double(step.action[axis])
                #expect(abs(reached - asked - expected.offset[axis]) < 0.012, "step \(index), axis \(axis)")
            }
        }
        #expect(steps.contains(where: \.isPerturbed) && steps.last?.isPerturbed == false)
        let clean = try run(.pickPlace, seed: 2, noise: nil)
        #expect(clean.steps.allSatisfy { !$0.isPerturbed })
    }

    @Test func itComesBackFromWhereTheNoisePutsIt() throws {
        let outcomes = try (0..<10).map {
            try run(.pickPlace, seed: $0, noise: MotionNoise(scale: 1, seed: $0)).outcome
        }
        #expect(outcomes.count(where: \.isSuccess) >= 9, "\(outcomes.map(\.isSuccess))")
    }

    /// An action takes place in the very step whose picture it answers to.
    @Test func actionsAreCarriedOutAtOnce() throws {
        let (_, steps, _) = try run(.reach, seed: 1, noise: nil)
        for (step, next) in zip(steps, steps.dropFirst()) {
            for axis in 0..<3 {
                let reached = next.state[axis] - step.state[axis]
                #expect(abs(reached - step.action[axis]) < 0.006)
            }
        }
    }

    @Test func itNeverLiftsBeforeTheGripperIsMeasuredClosed() throws {
        for seed in 0..<10 as Range<UInt64> {
            let (outcome, steps, objects) = try run(.pickPlace, seed: seed, noise: nil)
            #expect(outcome.isSuccess)
            var lifts = 0
            for (index, step) in steps.enumerated().dropFirst() where step.action[6] == 0 && step.action[2] > 0.01 {
                guard objects[index].translation.z < 0.025 else { continue }
                lifts += 1
                // A block of 4 cm: 0.4 open.
                let hasStopped = abs(step.state[6] - steps[index - 1].state[6]) < 0.02
                #expect(step.state[6] < 0.44 || hasStopped, "seed \(seed), step \(index)")
            }
            #expect(lifts > 0)
        }
    }
}
