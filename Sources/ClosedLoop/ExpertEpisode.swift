import Control
import Messages
import Simulation
import Time

/// One policy step of a demonstration.
package struct DemonstrationStep {
    package var frames: [CameraFrame]
    /// What the expert asked for: Bridge's seven numbers.
    package var action: [Float]
    /// Where the arm was measured to be: x y z (metres), roll pitch yaw from straight down (radians), gripper 0...1.
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
    package static var controller: ArmControllerConfiguration {
        ArmControllerConfiguration(rate: controlRate, executionHorizon: 1, watchdog: .milliseconds(600))
    }

    /// Carries the task out in `world`, which is at its beginning, and is at its end afterwards.
    /// - Throws: `WorldError`, `EpisodeError`, and what `eachStep` throws.
    package static func run(
        _ task: ManipulationTask, in world: World, cameras: [EpisodeCamera],
        eachStep: (DemonstrationStep) throws -> Void
    ) throws -> EpisodeOutcome {
        var policy = ExpertPolicy(ScriptedExpert(task, in: world.scene), rate: policyRate)
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
                    frames: moment.frames, action: policy.lastAction.map(Float.init), state: state(of: moment.arm),
                    seconds: (moment.time - begin).inSeconds))
        }
    }

    /// Bridge's proprioception.
    package static func state(of arm: ArmState) -> [Float] {
        let place = arm.baseFromEEF.translation
        let angles = BridgeConvention.rollPitchYaw(of: arm.baseFromEEF.rotation)
        return [place.x, place.y, place.z, angles.x, angles.y, angles.z, arm.measured.gripper].map(Float.init)
    }
}
