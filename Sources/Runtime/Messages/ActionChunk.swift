import Time

/// What the numbers of an action mean.
package enum ActionSpace: String, CaseIterable, Sendable, BitwiseCopyable {
    /// Bridge: dx dy dz (metres, base axes), droll dpitch dyaw (radians, fixed base axes), gripper target 1 open 0
    /// closed.
    case eefDelta = "eef_delta"
    /// The tool point (metres, base axes), roll pitch yaw (radians, fixed base axes, all zero while the gripper points
    /// straight down: `BridgeConvention`), gripper target 1 open 0 closed.
    case eefAbsolute = "eef_absolute"
    /// One absolute joint position each (radians), then the gripper target.
    case jointPosition = "joint_position"
    /// One joint increment each (radians), then the gripper target.
    case jointDelta = "joint_delta"

    /// Numbers in one action for an arm of `jointCount` joints.
    package func dimension(jointCount: Int) -> Int {
        switch self {
        case .eefDelta, .eefAbsolute: 7
        case .jointPosition, .jointDelta: jointCount + 1
        }
    }
}

/// Several actions predicted at once, one per policy step, unnormalised.
package struct ActionChunk: Equatable, Sendable {
    /// Counts chunks of one policy process from 0.
    package var id: UInt64
    package var goalID: String
    /// Time at which the observation tick was due whose window the chunk was inferred from. Action `i` is meant for
    /// `observationTime + i × stepDuration`.
    package var observationTime: MonotonicTime
    /// Capture time of the oldest among the cameras' newest frames: frame-to-actuation latency counts from here.
    package var captureTime: MonotonicTime
    /// Time at which the network had finished.
    package var inferredTime: MonotonicTime
    /// Time from one action to the next: a policy step.
    package var stepDuration: Duration
    /// Numbers in one action, the gripper's included.
    package var actionDimension: Int
    /// `[actionHorizon, actionDimension]` row-major; metres, radians and gripper opening as `actionSpace` says.
    package var actions: [Float]
    package var actionSpace: ActionSpace
    /// Seed and counter of the noise generator: with the observation they reproduce the chunk bit for bit.
    package var noiseSeed: UInt64
    package var noiseCounter: UInt64

    package var actionHorizon: Int { actionDimension == 0 ? 0 : actions.count / actionDimension }

    package init(
        id: UInt64, goalID: String, observationTime: MonotonicTime, captureTime: MonotonicTime,
        inferredTime: MonotonicTime, stepDuration: Duration, actionDimension: Int, actions: [Float],
        actionSpace: ActionSpace, noiseSeed: UInt64, noiseCounter: UInt64
    ) {
        self.id = id
        self.goalID = goalID
        self.observationTime = observationTime
        self.captureTime = captureTime
        self.inferredTime = inferredTime
        self.stepDuration = stepDuration
        self.actionDimension = actionDimension
        self.actions = actions
        self.actionSpace = actionSpace
        self.noiseSeed = noiseSeed
        self.noiseCounter = noiseCounter
    }
}
