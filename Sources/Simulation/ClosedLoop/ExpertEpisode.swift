import Control
import Maths
import Messages
import Proprioception
import Simulation
import Time

/// One policy step of a demonstration.
package struct DemonstrationStep {
    package var frames: [CameraFrame]
    /// The action that the expert asked for, having seen this step: Bridge's seven numbers, without noise.
    package var action: [Float]
    /// Whether what the arm carried out in this step was off by a burst of noise, or was a learner's and something
    /// else.
    package var isPerturbed: Bool
    /// Measured state of the arm when the frames were captured: x y z (metres), roll pitch yaw from straight down
    /// (radians), gripper 0...1.
    package var state: [Float]
    /// Place of the task's object then: x y z (metres), yaw (radians).
    package var truth: [Float]
    /// Actions that the expert would have taken from this step on for each of the other goals: chunks of
    /// `ExpertPolicy.horizon` actions.
    package var otherActions: [Float] = []
    /// Time since the episode began, seconds.
    package var seconds: Double
}

/// Episodes of the scripted expert, as Bridge's were recorded: five steps a second.
package enum ExpertEpisode {
    package static let policyRate = Rate(hertz: 5)
    package static let controlRate = Rate(hertz: 100)
    /// Most policy steps of an episode: half a minute, more than any task needs.
    package static let maximumTimesteps = 150

    /// The expert replans at every step, as a policy in receding horizon.
    ///
    /// Its first chunk waits a tick, so that steps change at the very tick at which the next chunk comes. Without that
    /// they would change a tick earlier, and every action would be carried out a whole step after what it answers to.
    /// The gripper is told to open or to close, which is all that the expert ever asks.
    package static var controller: ArmControllerConfiguration {
        ArmControllerConfiguration(
            rate: controlRate, strategy: .recedingHorizon(executionHorizon: 1), gripper: .binary(threshold: 0.5),
            watchdog: .milliseconds(600), startMargin: controlRate.period)
    }

    /// Carries the task out in `world`, which is at its beginning, and is at its end afterwards.
    /// - Parameters:
    ///   - noise: disturbs what the arm carries out; nil for none.
    ///   - others: goals of other scenes, for which each step says what would be done.
    /// - Throws: `WorldError`, `EpisodeError`, and what `eachStep` throws.
    package static func run(
        _ task: ManipulationTask, in world: World, cameras: [EpisodeCamera], noise: MotionNoise? = nil,
        others: [OtherEnd] = [], eachStep: (DemonstrationStep) throws -> Void
    ) throws -> EpisodeOutcome {
        let expert = ScriptedExpert(task, in: world.scene, arm: world.calibration)
        return try run(
            ExpertPolicy(expert, rate: policyRate, noise: noise, others: others), task, in: world, cameras: cameras,
            eachStep: eachStep, said: { ($0.lastAction, $0.lastWasBurst, $0.lastForOthers) })
    }

    /// Lets `learner` drive, for as many policy steps as `handover` says; then the expert carries the task out from
    /// wherever that is. All actions of the demonstration are the expert's.
    /// - Parameter cameras: cameras that the learner looks through, and whose frames the steps have.
    /// - Throws: `WorldError`, `EpisodeError`, and what the learner and `eachStep` throw.
    package static func run(
        _ task: ManipulationTask, in world: World, cameras: [EpisodeCamera], coaching learner: some EpisodePolicy,
        handover: Int, eachStep: (DemonstrationStep) throws -> Void
    ) throws -> EpisodeOutcome {
        let expert = ScriptedExpert(task, in: world.scene, arm: world.calibration)
        // Whether a step went astray is known at the next one.
        var last: DemonstrationStep?
        let outcome = try run(
            CoachedPolicy(ExpertPolicy(expert, rate: policyRate), learner: learner, handover: handover), task,
            in: world,
            cameras: cameras,
            eachStep: { step in
                if var last {
                    last.isPerturbed = step.isPerturbed
                    try eachStep(last)
                }
                last = step
            }, said: { ($0.lastAction, $0.wentAstray, []) })
        if var last {
            last.isPerturbed = false
            try eachStep(last)
        }
        return outcome
    }

    private static func run<P: EpisodePolicy>(
        _ policy: P, _ task: ManipulationTask, in world: World, cameras: [EpisodeCamera],
        eachStep: (DemonstrationStep) throws -> Void,
        said: (P) -> (action: [Double], isPerturbed: Bool, forOthers: [Double])
    ) throws -> EpisodeOutcome {
        var policy = policy
        var runner = try EpisodeRunner(
            world,
            settings: EpisodeSettings(
                task: task, policyRate: policyRate, controller: controller, cameras: cameras,
                maximumTimesteps: maximumTimesteps))
        var start: MonotonicTime?
        return try runner.run(&policy) { moment, policy in
            let begin = start ?? moment.time
            start = begin
            let said = said(policy)
            try eachStep(
                DemonstrationStep(
                    frames: moment.frames, action: said.action.map(Float.init), isPerturbed: said.isPerturbed,
                    state: ArmMoment(moment.arm).numbers(of: ProprioLayout.bridgeFields),
                    truth: truth(of: moment.object),
                    otherActions: said.forOthers.map(Float.init), seconds: (moment.time - begin).inSeconds))
        }
    }

    private static func truth(of object: Pose) -> [Float] {
        let place = object.translation
        return [place.x, place.y, place.z, object.rotation.rollPitchYaw.z].map(Float.init)
    }
}
