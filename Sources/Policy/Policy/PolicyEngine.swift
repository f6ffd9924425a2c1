import Images
import Messages
import OctoModel

/// Why the policy cannot run a checkpoint in this robot.
package enum PolicyEngineError: Error, Equatable, CustomStringConvertible {
    /// The robot has none of the checkpoint's cameras.
    case missingCamera(wanted: [String], given: [String])
    /// The checkpoint's image encoder is conditioned on numbers of the task.
    case missingTaskNumbers(key: String, count: Int)
    case wrongTaskNumbers(key: String, found: Int, expected: Int)
    case windowTooLong(wanted: Int, maximum: Int)

    package var description: String {
        switch self {
        case .missingCamera(let wanted, let given):
            "fitting the checkpoint to the robot: it was trained with cameras [\(wanted.joined(separator: ", "))], the "
                + "manifest has [\(given.joined(separator: ", "))]. Name one of the manifest's cameras so."
        case .missingTaskNumbers(let key, let count):
            "fitting the checkpoint to the robot: its image encoder reads \(count) numbers of the task as '\(key)' "
                + "(task_film_keys), the manifest has none. Set policy.task_numbers.\(key) to a list of \(count), go "
                + "for goals of the library that bring them (octo-goal record --numbers), or use a checkpoint that "
                + "was trained without."
        case .wrongTaskNumbers(let key, let found, let expected):
            "fitting the checkpoint to the robot: policy.task_numbers.\(key) has \(found) numbers, the checkpoint's "
                + "image encoder reads \(expected). Give that many."
        case .windowTooLong(let wanted, let maximum):
            "fitting the checkpoint to the robot: policy.window is \(wanted), the checkpoint has position embeddings "
                + "for \(maximum) timesteps. Set policy.window to 1...\(maximum), or leave it out."
        }
    }
}

/// Runs the network for the policy node: requests in, unnormalised actions out.
package struct PolicyEngine {
    private let network: FastNetwork
    private let statistics: ActionStatistics
    private let proprio: ProprioReading?
    private let taskNumbers: [String: [Float]]
    /// The task of the last goal: whatever depends on the goal alone is computed once.
    private var prepared: (goal: PolicyNodeCore.PreparedGoal, task: FastTask)?
    /// The timesteps of the last request that the next one's window begins with; nil for a window of one.
    private var older: ObservationInput?

    /// Makes an engine that has seen no goal yet.
    /// - Parameters:
    ///   - statistics: action statistics of the data set whose robot this is.
    ///   - proprio: reading of what the network takes of the arm; nil for images alone.
    ///   - taskNumbers: numbers that the image encoder reads of the task, by key, for goals that do not say it
    ///     themselves.
    package init(
        network: FastNetwork, statistics: ActionStatistics, proprio: ProprioReading? = nil,
        taskNumbers: [String: [Float]] = [:]
    ) {
        self.network = network
        self.statistics = statistics
        self.proprio = proprio
        self.taskNumbers = taskNumbers
    }

    /// Numbers in an unnormalised action.
    package var actionDimension: Int { statistics.dimension }

    /// Infers one chunk.
    /// - Returns: `[actionHorizon, actionDimension]`, unnormalised, the gripper from 0 (closed) to 1 (open).
    /// - Throws: `InferenceError`.
    package mutating func run(_ request: PolicyNodeCore.Request) throws(InferenceError) -> [Float] {
        let run = try begin(request)
        return finish(
            try network.infer(
                run.observation, task: run.task, noise: run.noise, embodimentDimension: run.embodimentDimension))
    }

    /// An engine for another run with the same weights, which has seen no goal yet.
    package func sharingWeights() -> PolicyEngine {
        PolicyEngine(
            network: network.sharingWeights(), statistics: statistics, proprio: proprio, taskNumbers: taskNumbers)
    }

    /// What the network is to be given for a request, alone or among others (`FastNetwork.infer(batch:)`); what it
    /// answers goes through `finish`.
    /// - Throws: `InferenceError`.
    package mutating func begin(_ request: PolicyNodeCore.Request) throws(InferenceError) -> FastNetwork.Run {
        let task = try task(for: request.goal)
        var images: [String: [UInt8]] = [:]
        var masks: [String: [Bool]] = [:]
        for view in request.observation.views {
            images["image_\(view.camera)"] = withExtendedLifetime(view.pixels) { Array($0.bytes) }
            if !view.padMask.isEmpty { masks["image_\(view.camera)"] = view.padMask }
        }
        var numbers: [String: [Float]] = [:]
        if let proprio, let read = request.observation.proprio {
            numbers[proprio.key] = proprio.normalised(read.values)
        }
        let observation = ObservationInput(
            images: images, timestepPadMask: request.observation.timestepPadMask, padMasks: masks, lowdim: numbers)
        older = observation.withoutOldest
        return FastNetwork.Run(
            network: network, observation: observation, task: task,
            noise: network.makeNoise(seed: request.noiseSeed, counter: request.noiseCounter),
            embodimentDimension: statistics.dimension)
    }

    /// The network's actions as the robot takes them.
    /// - Parameter actions: `[actionHorizon, actionDimension]`, normalised.
    /// - Returns: the same, unnormalised, the gripper from 0 (closed) to 1 (open).
    package func finish(_ actions: [Float]) -> [Float] {
        // Nil only for `bounds` without percentiles, which the checkpoint's statistics have refused.
        let unnormalised = statistics.unnormalise(actions, actionDimension: network.description.actionDimension) ?? []
        return statistics.withGripperFromZero(unnormalised)
    }

    /// Computes ahead of time what the next request needs of the frames that are known already. The next chunk is the
    /// same without it, only later.
    package func anticipate() {
        guard let older, let prepared else { return }
        // It was good enough for the last request.
        try? network.anticipate(older, task: prepared.task)
    }

    private mutating func task(for goal: PolicyNodeCore.PreparedGoal) throws(InferenceError) -> FastTask {
        if let prepared, prepared.goal == goal { return prepared.task }
        var images: [String: [UInt8]] = [:]
        for (camera, image) in goal.images {
            images["image_\(camera)"] = withExtendedLifetime(image.pixels) { Array($0.bytes) }
        }
        let numbers = taskNumbers.merging(goal.taskNumbers.filter { isRead($0.key) }) { $1 }
        let task = try network.prepare(TaskInput(goalImages: images, text: goal.text, vectors: numbers))
        prepared = (goal, task)
        return task
    }

    private func isRead(_ key: String) -> Bool { network.description.taskVectors.contains { $0.key == key } }
}

extension PolicyConfiguration {
    /// The checkpoint's cameras that the robot lacks: their tokens are to be left out.
    /// - Throws: `.missingCamera` when that would be all of them.
    package static func absentCameras(
        of model: ModelDescription, in cameras: [String]
    ) throws(PolicyEngineError) -> [ModelDescription.Camera] {
        let absent = model.cameras.filter { !cameras.contains($0.name) }
        guard absent.count < model.cameras.count else {
            throw .missingCamera(wanted: model.cameras.map(\.name), given: cameras.sorted())
        }
        return absent
    }

    /// Fits the cameras that the checkpoint asks for to the robot.
    /// - Parameters:
    ///   - model: description of the checkpoint without the cameras that are absent.
    ///   - cameras: names of the manifest's cameras.
    ///   - window: number of timesteps of history; nil takes the checkpoint's.
    /// - Throws: `PolicyEngineError` when the robot lacks what the checkpoint needs.
    package static func cameras(
        of model: ModelDescription, in cameras: [String], window: Int?
    ) throws(PolicyEngineError) -> (cameras: [PolicyCamera], window: Int) {
        let wanted = model.cameras.map(\.name)
        guard wanted.allSatisfy(cameras.contains) else { throw .missingCamera(wanted: wanted, given: cameras.sorted()) }
        let window = window ?? model.windowSize
        guard (1...model.maximumHorizon).contains(window) else {
            throw .windowTooLong(wanted: window, maximum: model.maximumHorizon)
        }
        return (
            model.cameras.map {
                PolicyCamera(name: $0.name, width: $0.width, height: $0.height, takesGoal: $0.fusesGoal)
            },
            window
        )
    }
}
