import Bus
import Messages
import NodeShell
import Policy
import Time
import Wire

/// The policy node: carries messages between the bus, the core and the network's thread.
struct PolicyNode: NodeBody {
    private var core: PolicyNodeCore
    private let worker: InferenceWorker
    private let frames: [Subscription<CameraFrame>]
    private let goals: Subscription<Goal>
    /// States of the arm; nil for a policy that reads images alone.
    private let armStates: Subscription<ArmState>?
    private let observations: Publisher<PolicyObservation>
    private let chunks: Publisher<ActionChunk>
    private let fits: Subscription<GoalFit>
    private let events: Publisher<RunEvent>
    /// Why the policy held the arm, as was said last.
    private var saidHindrance: String?
    private let modelName: String
    private static let name = "policy"

    init(core: PolicyNodeCore, worker: InferenceWorker, bus: BusNode, modelName: String) throws {
        self.core = core
        self.worker = worker
        self.modelName = modelName
        frames = try core.configuration.cameras.map { try bus.subscribe(Topics.cameraImage($0.name)) }
        goals = try bus.subscribe(Topics.goalCurrent)
        armStates = core.configuration.proprio == nil ? nil : try bus.subscribe(Topics.everyArmState)
        observations = bus.publisher(Topics.policyObservation)
        chunks = bus.publisher(Topics.policyChunk)
        fits = try bus.subscribe(Topics.goalFit)
        events = bus.publisher(Topics.event(of: Self.name))
    }

    var wakeDescriptors: [Int32] { [worker.wakeDescriptor] }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        while let answer = worker.take() {
            let (chunk, next) = core.inferenceFinished(answer.result, at: answer.finished)
            if let chunk { try chunks.publish(chunk, captureTime: chunk.captureTime, at: now) }
            if let next { worker.submit(next) }
        }
        while let goal = goals.take() { core.receive(goal.message) }
        while let fit = fits.take() { core.receive(fit.message, at: now) }
        for subscription in frames {
            while let frame = subscription.take() { core.receive(frame.message, at: now) }
        }
        while let state = armStates?.take() { core.receive(state.message) }
        if let due = core.nextTick, due <= now, case .observed(let observation, let request) = core.tick(at: now) {
            // The network first: publishing can wait, the chunk cannot.
            if let request { worker.submit(request) }
            try observations.publish(observation, captureTime: observation.views.map(\.captureTime).min(), at: now)
            try tellOfHolding(at: now)
        }
        return core.nextTick
    }

    /// The log is to have every moment at which the goal kept the policy from moving the arm, or let it go on.
    private mutating func tellOfHolding(at now: MonotonicTime) throws {
        let hindrance: String? =
            switch core.obstacle {
            case .noGoal, .unusableGoal, .unfitGoal: core.obstacle?.description
            case .noFrameYet, .staleFrame, .unreadableFrame, .noArmState, nil: nil
            }
        // The reasons of one hindrance count pixels: a new number is no new event.
        guard (hindrance == nil) != (saidHindrance == nil) else { return }
        saidHindrance = hindrance
        try events.publish(
            RunEvent(
                node: Self.name, kind: hindrance == nil ? .policyReleased : .policyHeld, subject: "",
                text: hindrance ?? "the policy goes on", time: now), at: now)
    }

    /// Ends when the network is done: a process that exits in the middle of a matrix product can hang in its libraries.
    mutating func stop(at now: MonotonicTime) -> Bool { !worker.isWorking }

    func status(at now: MonotonicTime) -> NodeStatus {
        let counters = core.counters
        let (state, headline) = condition(at: now)
        return NodeStatus(
            node: Self.name, processID: 0, state: state, headline: headline,
            counters: [
                .init(name: "ticks", value: counters.ticks),
                .init(name: "observations", value: counters.observations),
                .init(name: "invalid_ticks", value: counters.invalidTicks),
                .init(name: "missed_ticks", value: counters.missedTicks),
                .init(name: "chunks", value: counters.chunks),
                .init(name: "overtaken", value: counters.overtaken),
                .init(name: "failed_inferences", value: counters.failedInferences),
                .init(name: "unreadable_frames", value: counters.unreadableFrames),
                .init(name: "mended_frames", value: counters.mendedFrames),
            ],
            latencies: [
                .init(name: "inference", of: core.inferenceTime),
                .init(name: "frame_to_chunk", of: core.frameToChunk),
                .init(name: "camera_skew", of: core.cameraSkew),
            ])
    }

    private func condition(at now: MonotonicTime) -> (NodeStatus.State, String) {
        if let failure = core.lastFailure { return (.degraded, "inference fails: \(failure)") }
        if let obstacle = core.obstacle {
            switch obstacle {
            // Before the first frame and state there is nothing wrong yet: the policy is ready for them.
            case .noFrameYet, .noArmState(.noneYet): return (.ready, "\(obstacle)")
            case .staleFrame, .unreadableFrame, .noArmState, .noGoal, .unusableGoal, .unfitGoal:
                return (.degraded, "\(obstacle)")
            }
        }
        if core.isUnconditioned {
            return (.degraded, "unconditioned: no goal is set, the network sees a black image")
        }
        let missing = core.camerasWithoutGoal
        if !missing.isEmpty {
            return (.degraded, "no goal image for \(missing.joined(separator: ", ")): the network sees a black one")
        }
        if let warning = core.warning(at: now) { return (.degraded, warning) }
        let remark = core.ignoresText ? "; of the goal its pictures are used, not its sentence (goal.use)" : ""
        return (.ready, "running \(modelName)\(remark)")
    }
}
