import Control
import Messages
import Simulation
import Time

/// One policy step of a demonstration.
package struct DemonstrationStep {
    package var frames: [CameraFrame]
    /// What the expert asked for, having seen this step: Bridge's seven numbers, without noise.
    package var action: [Float]
    /// A burst of noise was added to what the arm carried out in this step.
    package var isPerturbed: Bool
    /// Where the arm was measured to be when the frames were captured: x y z (metres), roll pitch yaw from straight down (radians), gripper 0...1.
    package var state: [Float]
    /// Seconds since the episode began.
    package var seconds: Double
}

/// Episodes of the scripted expert, as Bridge's were recorded: five steps a second.
package enum ExpertEpisode {
    package static let policyRate = Rate(hertz: 5)
    package static let controlRate = Rate(hertz: 100)
    /// Policy steps: half a minute, more than any task needs.
    package static let maximumTimesteps = 150

    /// The expert replans at every step, as a policy in receding horizon.
    ///
    /// Its first chunk waits a tick, so that steps change at the very tick at which the next chunk comes. Without that they
    /// would change a tick earlier, and every action would be carried out a whole step after what it answers to.
    package static var controller: ArmControllerConfiguration {
        ArmControllerConfiguration(
            rate: controlRate, executionHorizon: 1, watchdog: .milliseconds(600), startMargin: controlRate.period)
    }

    /// Carries the task out in `world`, which is at its beginning, and is at its end afterwards.
    /// - Parameter noise: disturbs what the arm carries out; nil for none.
    /// - Throws: `WorldError`, `EpisodeError`, and what `eachStep` throws.
    package static func run(
        _ task: ManipulationTask, in world: World, cameras: [EpisodeCamera], noise: MotionNoise? = nil,
        eachStep: (DemonstrationStep) throws -> Void
    ) throws -> EpisodeOutcome {
        let expert = ScriptedExpert(task, in: world.scene, arm: world.calibration)
        var policy = ExpertPolicy(expert, rate: policyRate, noise: noise)
        var runner = try EpisodeRunner(
            world,
            settings: EpisodeSettings(
                task: task, policyRate: policyRate, controller: controller, cameras: cameras,
                maximumTimesteps: maximumTimesteps))
        var start: MonotonicTime?
        return try runner.run(&policy) { moment, policy in
            let begin = start ?? moment.time
            start = begin
            try eachStep(
                DemonstrationStep(
                    frames: moment.frames, action: policy.lastAction.map(Float.init),
                    isPerturbed: policy.lastWasBurst, state: state(of: moment.arm), seconds: (moment.time - begin).inSeconds))
        }
    }

    /// Bridge's proprioception.
    package static func state(of arm: ArmState) -> [Float] {
        let place = arm.baseFromEEF.translation
        let angles = BridgeConvention.rollPitchYaw(of: arm.baseFromEEF.rotation)
        return [place.x, place.y, place.z, angles.x, angles.y, angles.z, arm.measured.gripper].map(Float.init)
    }
}
