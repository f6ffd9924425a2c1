import Images
import Messages
import OctoModel
import Proprioception
import Time

/// Decides when the policy observes, what it sees, and what becomes of the result. Runs no network and reads no clock:
/// the same frames, states, goals and times give the same requests.
package struct PolicyNodeCore: Sendable {
    /// One inference to run.
    package struct Request: Sendable {
        package var observation: PolicyObservation
        package var goal: PreparedGoal
        /// Capture time of the oldest among the cameras' newest frames.
        package var captureTime: MonotonicTime
        package var noiseSeed: UInt64
        package var noiseCounter: UInt64
        /// The newest frames as the cameras delivered them, by camera; empty where nobody asks for them.
        package var sources: [String: CameraFrame]

        package init(
            observation: PolicyObservation, goal: PreparedGoal, captureTime: MonotonicTime, noiseSeed: UInt64,
            noiseCounter: UInt64, sources: [String: CameraFrame] = [:]
        ) {
            self.sources = sources
            self.observation = observation
            self.goal = goal
            self.captureTime = captureTime
            self.noiseSeed = noiseSeed
            self.noiseCounter = noiseCounter
        }
    }

    /// The goal at the network's size, processed like the observation.
    package struct PreparedGoal: Equatable, Sendable {
        package var id: String
        /// The goal's images by camera name; a camera without one is absent (the network then sees black).
        package var images: [String: RGBImage]
        package var text: TokenizedText?
        /// What the goal itself says of the task for FiLM layers, by key; the rest is the manifest's.
        package var taskNumbers: [String: [Float]]

        package init(
            id: String, images: [String: RGBImage], text: TokenizedText? = nil, taskNumbers: [String: [Float]] = [:]
        ) {
            self.id = id
            self.images = images
            self.text = text
            self.taskNumbers = taskNumbers
        }
    }

    /// What a tick came to.
    package enum TickResult: Sendable {
        /// Run the request when there is one, then publish the observation, then the event when there is one.
        case observed(PolicyObservation, run: Request?, event: RunEvent?)
        /// Nothing could be observed.
        case invalid
    }

    /// Why no chunk is being made.
    package enum Obstacle: Equatable, Sendable {
        case noFrameYet(camera: String)
        case staleFrame(camera: String, age: Duration)
        case unreadableFrame(camera: String, problem: String)
        /// Nothing is known of where the arm was at the observation's time.
        case noArmState(ArmStateGap)
        case noGoal
        case unusableGoal(problem: String)
        /// The goal does not fit what the cameras see.
        case unfitGoal(problem: String)
    }

    /// Totals since the node started, which its status tells.
    package struct Counters: Equatable, Sendable {
        package var ticks: Int64 = 0
        package var observations: Int64 = 0
        package var invalidTicks: Int64 = 0
        package var missedTicks: Int64 = 0
        package var chunks: Int64 = 0
        /// Number of observations that were overtaken by a newer one while the network was busy.
        package var overtaken: Int64 = 0
        package var failedInferences: Int64 = 0
        /// Numbers of frames that could not be decoded, and of those that could although something was odd about them.
        package var unreadableFrames: Int64 = 0
        package var mendedFrames: Int64 = 0
    }

    package let configuration: PolicyConfiguration
    package private(set) var counters = Counters()
    package private(set) var frameToChunk = LatencyHistogram()
    package private(set) var inferenceTime = LatencyHistogram()
    /// Time between the oldest and the newest camera frame of one observation.
    package private(set) var cameraSkew = LatencyHistogram()
    /// What keeps the policy from making chunks at present, nil when nothing does.
    package private(set) var obstacle: Obstacle?
    package private(set) var lastFailure: String?
    /// Optional cameras that showed nothing at the last tick, and why: their tokens are masked.
    package private(set) var masked: [(camera: String, obstacle: Obstacle)] = []

    /// Frames by camera, older first: the newest one that the next tick may see, and those that are too new for it.
    private var newest: [String: [CameraFrame]] = [:]
    /// The arm's last states; nil for a policy that reads images alone.
    private var arm: ArmStateHistory?
    private var preparation: FramePreparation
    /// What the last tick saw, by camera: a frame that cannot be read is no reason to be blind while that is young
    /// enough.
    private var lastSeen: [String: (frame: CameraFrame, image: RGBImage)] = [:]
    private var lastUnreadable: (time: MonotonicTime, words: String)?
    private var window: ObservationWindow
    private var cadence: Cadence?
    private let texts: TaskTextReading
    private var goal = PreparedGoal(id: "", images: [:])
    /// The goal images' sizes as they were taken, in the order of the configuration.
    private var goalSizes: [(camera: String, width: Int, height: Int)] = []
    private var goalProblem: String?
    private var givenText = false
    private var gate: GoalFitGate
    /// Whether the goal kept the policy from moving the arm at the last tick that observed.
    private var isHeld = false
    private var hasGoal: Bool { !goal.images.isEmpty || goal.text != nil }
    /// The request whose result is awaited, and the one that follows it.
    private var running: Request?
    private var runningSince = MonotonicTime.zero
    private var waiting: Request?

    /// Makes the core of a policy node that has no goal yet.
    /// - Parameter texts: reads goals that are sentences.
    package init(_ configuration: PolicyConfiguration, texts: TaskTextReading) {
        self.configuration = configuration
        self.texts = texts
        gate = GoalFitGate(configuration.fitRules)
        arm = configuration.proprio.map { ArmStateHistory(fields: $0.fields, joints: $0.joints) }
        window = ObservationWindow(size: configuration.windowSize)
        preparation = FramePreparation(configuration)
        obstacle = configuration.cameras.first { !$0.isOptional }.map { .noFrameYet(camera: $0.name) }
    }

    /// Time at which the next tick is due; nil until every camera that is not optional has delivered a frame.
    ///
    /// A policy that reads the arm waits for the first state that is not older than the observation: that is one period
    /// of arm.state_rate_hz at most. When none comes the tick is held all the same, and invalid.
    package var nextTick: MonotonicTime? {
        guard let due = cadence?.deadline, let arm, arm.awaitsState(for: due) else { return cadence?.deadline }
        return due + ArmStateHistory.longestGap
    }

    /// Most frames of a camera that are kept although they are too new: a tick that is later still finds an older
    /// picture, never one of its future.
    private static let mostFrames = 16

    /// Keeps the newest frame of each camera.
    ///
    /// The first tick comes shortly after the first complete set of frames: when cameras and policy run at the same
    /// rate, each frame is then used once, and young.
    package mutating func receive(_ frame: CameraFrame, at now: MonotonicTime) {
        guard configuration.cameras.contains(where: { $0.name == frame.camera }) else { return }
        let known = newest[frame.camera, default: []]
        if let last = known.last, last.captureTime >= frame.captureTime { return }
        var frames = known + [frame]
        // What the next tick will look at, and what came since: a tick that comes late must not see the future.
        if let due = cadence?.deadline, let usable = frames.lastIndex(where: { $0.captureTime <= due }) {
            frames.removeFirst(usable)
        } else if cadence == nil {
            frames.removeFirst(frames.count - 1)
        }
        if frames.count > Self.mostFrames { frames.remove(at: 1) }
        newest[frame.camera] = frames
        if cadence == nil, configuration.cameras.allSatisfy({ newest[$0.name] != nil || $0.isOptional }) {
            // A tenth of a period, at most 20 ms: later than the arrival jitter of frames, well before the next.
            let margin = min(Duration.milliseconds(20), Duration.nanoseconds(configuration.rate.periodNanoseconds / 10))
            cadence = Cadence(start: now + margin, rate: configuration.rate)
        }
    }

    /// Keeps the arm's states that the next observation may lie between; without effect for a policy that reads images
    /// alone.
    package mutating func receive(_ state: ArmState) { arm?.receive(state, due: cadence?.deadline) }

    /// Takes a new goal; it holds from the next tick on, the history goes on.
    package mutating func receive(_ goal: Goal) {
        gate.receive(goal)
        goalSizes = []
        for camera in configuration.cameras where camera.takesGoal {
            guard let view = goal.views.first(where: { $0.camera == camera.name }) else { continue }
            goalSizes.append((camera.name, view.image.width, view.image.height))
        }
        goalProblem = nil
        givenText = goal.text != nil
        do throws(TaskTextError) {
            self.goal = try preparation.prepare(goal, for: configuration.cameras, texts: texts)
        } catch {
            self.goal = PreparedGoal(id: goal.id, images: [:])
            goalProblem = error.description
        }
        if goalProblem == nil && !goal.views.isEmpty && self.goal.images.isEmpty {
            let given = goal.views.map(\.camera).joined(separator: ", ")
            let wanted = configuration.cameras.filter(\.takesGoal).map(\.name).joined(separator: ", ")
            goalProblem =
                "goal '\(goal.name)' has images of [\(given)], the checkpoint fuses goals of [\(wanted)]. Give it an "
                + "image of such a camera, or no image."
        }
        goalProblem = goalProblem ?? configuration.taskNumbers.problem(with: goal)
    }

    /// Takes how well the goal fits the scene at present.
    package mutating func receive(_ fit: GoalFit, at now: MonotonicTime) { gate.receive(fit, at: now) }

    /// Takes the observation that is due.
    /// - Parameter now: the present time, at or after `nextTick`.
    package mutating func tick(at now: MonotonicTime) -> TickResult {
        guard var cadence else { return .invalid }
        let index = cadence.nextIndex
        let due = cadence.deadline
        let missed = cadence.advance(past: now)
        self.cadence = cadence
        counters.ticks += 1
        counters.missedTicks += missed

        let seen: Sight
        switch look(at: due) {
        case .success(let sight): seen = sight
        case .failure(let found):
            obstacle = found.obstacle
            counters.invalidTicks += 1
            // The steps before and after a gap are no longer one policy step apart.
            window.removeAll()
            return .invalid
        }
        let frames = seen.frames.compactMap(\.self)
        masked = seen.masked
        window.append(seen.images, proprio: seen.proprio)
        defer {
            // The next tick is more than one policy step away: what is in the window is no history of it.
            if missed > 0 { window.removeAll() }
        }
        let captures = frames.map(\.captureTime)
        if let oldest = captures.min(), let newest = captures.max() { cameraSkew.record(newest - oldest) }
        let observation = makeObservation(tick: UInt64(index), time: due, seen)
        counters.observations += 1

        obstacle = hindrance(with: frames, at: now)
        let event = changeOfHolding(at: now)
        if let obstacle {
            // What was seen before the pause is no longer worth a chunk.
            if case .unfitGoal = obstacle { waiting = nil }
            return .observed(observation, run: nil, event: event)
        }
        gate.begin()
        let request = Request(
            observation: observation, goal: goal,
            captureTime: captures.min() ?? due,
            noiseSeed: configuration.noiseSeed, noiseCounter: UInt64(index),
            sources: Dictionary(frames.map { ($0.camera, $0) }, uniquingKeysWith: { $1 }))
        guard running == nil else {
            if waiting != nil { counters.overtaken += 1 }
            waiting = request
            return .observed(observation, run: nil, event: event)
        }
        running = request
        runningSince = now
        return .observed(observation, run: request, event: event)
    }

    /// Why the goal keeps the policy from moving the arm; nil when it does not.
    private func hindrance(with frames: [CameraFrame], at now: MonotonicTime) -> Obstacle? {
        if let goalProblem = goalProblem ?? sizeMismatch(with: frames) { return .unusableGoal(problem: goalProblem) }
        if !hasGoal && configuration.requiresGoal { return .noGoal }
        return gate.hindrance(at: now).map { .unfitGoal(problem: $0) }
    }

    /// The log is to have every moment at which the goal kept the policy from moving the arm, or let it go on. The
    /// reasons of one hindrance count pixels: a new number is no new event.
    private mutating func changeOfHolding(at now: MonotonicTime) -> RunEvent? {
        guard isHeld != (obstacle != nil) else { return nil }
        isHeld = obstacle != nil
        return RunEvent(
            node: Self.node, kind: isHeld ? .policyHeld : .policyReleased, subject: "",
            text: obstacle?.description ?? "the policy goes on", time: now)
    }

    /// Takes the network's answer to the running request.
    /// - Parameters:
    ///   - result: unnormalised actions `[actionHorizon, actionDimension]`, or what went wrong.
    ///   - finished: when the network was done.
    /// - Returns: the chunk to publish, and the request to run next.
    package mutating func inferenceFinished(
        _ result: Result<[Float], some Error>, at finished: MonotonicTime
    ) -> (publish: ActionChunk?, run: Request?) {
        guard let request = running else { return (nil, nil) }
        running = waiting
        waiting = nil
        inferenceTime.record(finished - runningSince)
        runningSince = finished
        switch result {
        case .failure(let error):
            counters.failedInferences += 1
            lastFailure = "\(error)"
            return (nil, running)
        case .success(let actions):
            let isWhole = !actions.isEmpty && actions.count.isMultiple(of: configuration.actionDimension)
            guard isWhole, actions.allSatisfy(\.isFinite) else {
                counters.failedInferences += 1
                lastFailure =
                    "the network's actions of tick \(request.observation.tick) are not finite numbers, "
                    + "\(configuration.actionDimension) for each step"
                return (nil, running)
            }
            lastFailure = nil
            // The goal went, or stopped fitting, while the network ran.
            switch obstacle {
            case .noGoal, .unfitGoal: return (nil, running)
            case .noFrameYet, .staleFrame, .unreadableFrame, .noArmState, .unusableGoal, nil: break
            }
            frameToChunk.record(finished - request.captureTime)
            let chunk = ActionChunk(
                id: UInt64(counters.chunks), goalID: request.goal.id, observationTime: request.observation.time,
                captureTime: request.captureTime, inferredTime: finished,
                stepDuration: configuration.rate.period, actionDimension: configuration.actionDimension,
                actions: actions, actionSpace: configuration.actionSpace, noiseSeed: request.noiseSeed,
                noiseCounter: request.noiseCounter)
            counters.chunks += 1
            return (chunk, running)
        }
    }

    /// What a person should know although chunks are being made.
    package func warning(at now: MonotonicTime) -> String? {
        if let missing = masked.first {
            return
                "without camera '\(missing.camera)', whose tokens are masked "
                + "(policy.cameras.\(missing.camera).optional): "
                + "\(missing.obstacle)"
        }
        if let lastUnreadable, now - lastUnreadable.time < Self.warningTime { return lastUnreadable.words }
        return gate.warning(at: now)
    }
    /// How long a frame that could not be read is told of.
    private static let warningTime = Duration.seconds(5)

    /// Whether the goal has a sentence that the network is not given, as it has pictures.
    package var ignoresText: Bool { givenText && goal.text == nil && !goal.images.isEmpty }

    /// Whether a request's result is awaited.
    package var isInferring: Bool { running != nil }

    /// Whether the network runs without a goal, on black images.
    package var isUnconditioned: Bool { !hasGoal && goalProblem == nil && !configuration.requiresGoal }

    /// Cameras that have no goal image although others have.
    package var camerasWithoutGoal: [String] {
        !goal.images.isEmpty
            ? configuration.cameras.filter { $0.takesGoal && goal.images[$0.name] == nil }.map(\.name) : []
    }

    /// A goal of another size was not taken by the camera that looks now: fused pixel by pixel it means nothing.
    private func sizeMismatch(with frames: [CameraFrame]) -> String? {
        for goal in goalSizes {
            guard let frame = frames.first(where: { $0.camera == goal.camera }),
                frame.width != goal.width || frame.height != goal.height
            else { continue }
            return "the goal image of '\(goal.camera)' is \(goal.width)x\(goal.height), the camera delivers "
                + "\(frame.width)x\(frame.height): record it with the same camera"
        }
        return nil
    }

    // MARK: - Observing

    private struct Unusable: Error { var obstacle: Obstacle }

    /// One timestep: what the cameras showed, and where the arm was.
    private struct Sight {
        /// One per camera; nil for an optional one that shows nothing.
        var frames: [CameraFrame?] = []
        var images: [RGBImage?] = []
        var masked: [(camera: String, obstacle: Obstacle)] = []
        var arm: ArmStateHistory.Sample?
        var proprio: [Float] = []
    }

    private mutating func look(at due: MonotonicTime) -> Result<Sight, Unusable> {
        var sight = Sight()
        for camera in configuration.cameras {
            switch usableImage(of: camera, at: due) {
            case .success(let (frame, image)):
                sight.frames.append(frame)
                sight.images.append(image)
            case .failure(let found):
                guard camera.isOptional else { return .failure(found) }
                sight.frames.append(nil)
                sight.images.append(nil)
                sight.masked.append((camera.name, found.obstacle))
            }
        }
        guard let arm, let reading = configuration.proprio else { return .success(sight) }
        do throws(ArmStateGap) {
            let sample = try arm.sample(at: due)
            sight.arm = sample
            sight.proprio = sample.moment.numbers(of: reading.fields)
            return .success(sight)
        } catch {
            return .failure(Unusable(obstacle: .noArmState(error)))
        }
    }

    private mutating func usableImage(
        of camera: PolicyCamera, at due: MonotonicTime
    ) -> Result<(CameraFrame, RGBImage), Unusable> {
        let frames = newest[camera.name, default: []]
        guard let frame = frames.last(where: { $0.captureTime <= due }) else {
            return .failure(Unusable(obstacle: .noFrameYet(camera: camera.name)))
        }
        let age = due - frame.captureTime
        guard age <= configuration.maximumFrameAge else {
            return .failure(Unusable(obstacle: .staleFrame(camera: camera.name, age: age)))
        }
        do throws(ImageError) {
            let image = try preparation.prepare(frame, for: camera)
            counters.mendedFrames = preparation.mendedFrames
            lastSeen[camera.name] = (frame, image)
            return .success((frame, image))
        } catch {
            counters.unreadableFrames += 1
            let obstacle = Obstacle.unreadableFrame(camera: camera.name, problem: error.problem)
            lastUnreadable = (due, "\(obstacle)")
            guard let last = lastSeen[camera.name], due - last.frame.captureTime <= configuration.maximumFrameAge else {
                return .failure(Unusable(obstacle: obstacle))
            }
            return .success(last)
        }
    }

    private func makeObservation(tick: UInt64, time: MonotonicTime, _ seen: Sight) -> PolicyObservation {
        let captures = seen.frames.map { $0?.captureTime ?? time }
        let proprio = seen.arm.map {
            PolicyObservation.Proprio(values: window.proprio, before: $0.before, after: $0.after)
        }
        return PolicyObservation(
            tick: tick, time: time, goalID: goal.id, views: window.views(of: configuration.cameras, captures: captures),
            timestepPadMask: window.padMask, proprio: proprio)
    }
}
