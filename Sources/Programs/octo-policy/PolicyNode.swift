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
    private let modelName: String

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
        events = bus.publisher(Topics.event(of: PolicyNodeCore.node))
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
        if let due = core.nextTick, due <= now,
            case .observed(let observation, let request, let event) = core.tick(at: now)
        {
            // The network first: publishing can wait, the chunk cannot.
            if let request { worker.submit(request) }
            try observations.publish(observation, captureTime: observation.views.map(\.captureTime).min(), at: now)
            if let event { try events.publish(event, at: now) }
        }
        return core.nextTick
    }

    /// Whether the network is done, which the end waits for: a process that exits in the middle of a matrix product can
    /// hang in its libraries.
    mutating func stop(at now: MonotonicTime) -> Bool { !worker.isWorking }

    func status(at now: MonotonicTime) -> NodeStatus { core.status(model: modelName, at: now) }
}
