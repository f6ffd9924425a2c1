import Messages

/// Every topic there is. A queue's capacity is a few seconds at the topic's rate.
package enum Topics {
    /// Frames of the camera with this name in the manifest.
    package static func cameraImage(_ camera: String) -> Topic<CameraFrame> { Topic("camera/\(camera)/image", .latest) }

    /// What the robot is asked to reach.
    package static let goalCurrent = Topic<Goal>("goal/current", .latched)

    /// What operators ask of the goal node. Anyone may publish it.
    package static let goalCommand = Topic<GoalCommand>("goal/command", .every(capacity: 64))
    /// Answers to `goalCommand`.
    package static let goalResult = Topic<GoalResult>("goal/result", .every(capacity: 64))
    /// How the goal fits the scene, twice a second while one is set.
    package static let goalFit = Topic<GoalFit>("goal/fit", .latched)

    /// What operators ask of the recorder. Anyone may publish it.
    package static let episodeCommand = Topic<EpisodeCommand>("episode/command", .every(capacity: 64))
    /// Answers to `episodeCommand`.
    package static let episodeResult = Topic<EpisodeResult>("episode/result", .every(capacity: 64))
    /// What the recorder is about.
    package static let episodeState = Topic<EpisodeState>("episode/state", .latched)

    /// What people do to the simulated world. Anyone may publish it.
    package static let simulationCommand = Topic<SimulationCommand>("simulation/command", .every(capacity: 64))
    /// Answers to `simulationCommand`.
    package static let simulationResult = Topic<SimulationResult>("simulation/result", .every(capacity: 64))

    /// What the node with this name has to say for the log.
    package static func event(of node: String) -> Topic<RunEvent> { Topic("event/\(node)", .every(capacity: 64)) }
    /// The events of every node.
    package static let allEvents = TopicPattern<RunEvent>(prefix: "event/", suffix: "", capacity: 256)

    /// What went into the network.
    package static let policyObservation = Topic<PolicyObservation>("policy/observation", .every(capacity: 32))
    /// What came out of it.
    package static let policyChunk = Topic<ActionChunk>("policy/chunk", .every(capacity: 64))

    package static let armState = Topic<ArmState>("arm/state", .latest)
    /// Every state of the arm, for those who look between two states.
    package static let everyArmState = Topic<ArmState>(armState.name, .every(capacity: 256))
    /// What became of each chunk.
    package static let armChunk = Topic<ChunkReport>("arm/chunk", .every(capacity: 64))
    /// The control loop's inputs and outputs, tick by tick, for recordings.
    package static let armTrace = Topic<ArmTrace>("arm/trace", .every(capacity: 256))
    /// What operators ask of the arm besides moving it, the emergency stop above all. Anyone may publish it.
    package static let armCommand = Topic<ArmCommand>("arm/command", .every(capacity: 64))
    /// An operator's motion; the newest counts.
    package static let armManual = Topic<ManualCommand>("arm/manual", .latest)
    /// The control loop's punctuality, once a second.
    package static let armLoop = Topic<LoopReport>("arm/loop", .every(capacity: 64))

    /// What the node with this name says about itself.
    package static func nodeStatus(_ node: String) -> Topic<NodeStatus> { Topic("node/\(node)/status", .latched) }
    /// The status of every node, whatever its name.
    package static let allNodeStatuses = TopicPattern<NodeStatus>(prefix: "node/", suffix: "/status", capacity: 256)
}
