import Images
import Messages
import Time

/// One image the network takes at every timestep.
package struct PolicyCamera: Equatable, Sendable {
    /// The camera's name in the manifest; its observation key is `image_<name>`.
    package var name: String
    /// Width of the pictures as the checkpoint was trained, pixels.
    package var width: Int
    /// Height of the pictures as the checkpoint was trained, pixels.
    package var height: Int
    /// The tokenizer fuses a goal image of this camera.
    package var takesGoal: Bool
    /// Whether the camera's tokens are masked without a usable frame; otherwise nothing is observed then.
    package var isOptional: Bool

    package init(name: String, width: Int, height: Int, takesGoal: Bool, isOptional: Bool = false) {
        self.isOptional = isOptional
        self.name = name
        self.width = width
        self.height = height
        self.takesGoal = takesGoal
    }
}

/// What the policy node is told at start.
package struct PolicyConfiguration: Equatable, Sendable {
    package var cameras: [PolicyCamera]
    /// Numbers of the arm that the network reads; nil for images alone.
    package var proprio: ProprioReading?
    /// Number of timesteps of history that the network sees.
    package var windowSize: Int
    package var actionDimension: Int
    package var actionSpace: ActionSpace
    /// How often observations are taken; the control frequency of the data the checkpoint was trained on.
    package var rate: Rate
    package var preprocessing: Preprocessing
    /// Whether no chunk is made without a goal (so that the arm holds), instead of running on a black image.
    package var requiresGoal: Bool
    /// How well the goal has to fit the scene.
    package var fitRules: GoalFitRules
    /// A newest frame older than this at a tick makes the tick invalid.
    package var maximumFrameAge: Duration
    package var noiseSeed: UInt64
    package var goalUse: GoalUse
    package var taskNumbers: TaskNumbers

    package init(
        cameras: [PolicyCamera], windowSize: Int, actionDimension: Int, actionSpace: ActionSpace, rate: Rate,
        preprocessing: Preprocessing, requiresGoal: Bool, fitRules: GoalFitRules = .none,
        maximumFrameAge: Duration, noiseSeed: UInt64, proprio: ProprioReading? = nil, goalUse: GoalUse = .images,
        taskNumbers: TaskNumbers = TaskNumbers()
    ) {
        self.cameras = cameras
        self.proprio = proprio
        self.windowSize = windowSize
        self.actionDimension = actionDimension
        self.actionSpace = actionSpace
        self.rate = rate
        self.preprocessing = preprocessing
        self.requiresGoal = requiresGoal
        self.fitRules = fitRules
        self.maximumFrameAge = maximumFrameAge
        self.noiseSeed = noiseSeed
        self.goalUse = goalUse
        self.taskNumbers = taskNumbers
    }
}
