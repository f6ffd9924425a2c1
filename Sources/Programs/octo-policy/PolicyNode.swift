import Bus
import Messages
import NodeShell
import Policy
import Time
import Wire

/// The policy node: carries messages between the bus, the core and the place where the network runs.
struct PolicyNode: NodeBody {
    /// What there is once the checkpoint is known.
    private struct Work {
        var core: PolicyNodeCore
        let frames: [Subscription<CameraFrame>]
        /// States of the arm; nil for a policy that reads images alone.
        let armStates: Subscription<ArmState>?
        let modelName: String

        init(_ offer: PolicyOffer, bus: BusNode) throws {
            core = PolicyNodeCore(offer.configuration, texts: offer.texts)
            modelName = offer.modelName
            frames = try offer.configuration.cameras.map { try bus.subscribe(Topics.cameraImage($0.name)) }
            armStates = offer.configuration.proprio == nil ? nil : try bus.subscribe(Topics.everyArmState)
        }
    }

    private let place: any InferencePlace
    private let bus: BusNode
    private var work: Work?
    private let goals: Subscription<Goal>
    private let observations: Publisher<PolicyObservation>
    private let chunks: Publisher<ActionChunk>
    private let fits: Subscription<GoalFit>
    private let events: Publisher<RunEvent>

    init(place: any InferencePlace, bus: BusNode) throws {
        self.place = place
        self.bus = bus
        goals = try bus.subscribe(Topics.goalCurrent)
        observations = bus.publisher(Topics.policyObservation)
        chunks = bus.publisher(Topics.policyChunk)
        fits = try bus.subscribe(Topics.goalFit)
        events = bus.publisher(Topics.event(of: PolicyNodeCore.node))
        try begin()
    }

    var wakeDescriptors: [Int32] { [place.wakeDescriptor] }

    /// Begins to observe once the checkpoint is known.
    /// - Throws: what is wrong with it, also later on.
    private mutating func begin() throws {
        guard let offer = try place.offer(), work == nil else { return }
        work = try Work(offer, bus: bus)
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        try begin()
        // Goals wait in their subscription until there is somebody to take them.
        guard var work = self.work.take() else {
            _ = place.take()
            return nil
        }
        defer { self.work = work }
        while let answer = place.take() {
            let (chunk, next) = work.core.inferenceFinished(answer.result, at: answer.finished)
            if let chunk { try chunks.publish(chunk, captureTime: chunk.captureTime, at: now) }
            if let next { place.submit(next) }
        }
        while let goal = goals.take() { work.core.receive(goal.message) }
        while let fit = fits.take() { work.core.receive(fit.message, at: now) }
        for subscription in work.frames {
            while let frame = subscription.take() { work.core.receive(frame.message, at: now) }
        }
        while let state = work.armStates?.take() { work.core.receive(state.message) }
        if let due = work.core.nextTick, due <= now,
            case .observed(let observation, let request, let event) = work.core.tick(at: now)
        {
            // The network first: publishing can wait, the chunk cannot.
            if let request { place.submit(request) }
            try observations.publish(observation, captureTime: observation.views.map(\.captureTime).min(), at: now)
            if let event { try events.publish(event, at: now) }
        }
        return work.core.nextTick
    }

    /// The place ends in its own time, which the end waits for.
    mutating func stop(at now: MonotonicTime) -> Bool { place.stop() }

    func status(at now: MonotonicTime) -> NodeStatus {
        var status =
            work.map { $0.core.status(model: $0.modelName, at: now) }
            ?? NodeStatus(
                node: PolicyNodeCore.node, processID: 0, state: .starting, headline: "waits for its checkpoint")
        place.report(in: &status, at: now)
        return status
    }
}
