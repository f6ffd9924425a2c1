import ClosedLoop
import Control
import Kinematics
import Simulation
import Time

/// What all trials of an evaluation have in common.
package struct EvaluationSetup: Sendable {
    /// The scene before a seed varies it.
    package var scene: Scene
    package var arm: ArmCalibration
    /// Cameras that the policy sees through, and whose goal images it gets.
    package var cameras: [EpisodeCamera]
    package var policyRate: Rate
    package var controller: ArmControllerConfiguration
    /// Number of policy steps after which an episode has failed.
    package var maximumTimesteps: Int

    package init(
        scene: Scene, arm: ArmCalibration, cameras: [EpisodeCamera], policyRate: Rate,
        controller: ArmControllerConfiguration, maximumTimesteps: Int
    ) {
        self.scene = scene
        self.arm = arm
        self.cameras = cameras
        self.policyRate = policyRate
        self.controller = controller
        self.maximumTimesteps = maximumTimesteps
    }
}
