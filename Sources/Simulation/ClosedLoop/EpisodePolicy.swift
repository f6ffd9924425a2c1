import Images
import Kinematics
import Maths
import Messages
import OctoModel
import Policy
import Simulation
import Time

/// Who decides what the arm does in an episode.
///
/// The runner calls `see` once a policy step, then `feel` and `decide` at every control tick until the next.
package protocol EpisodePolicy {
    /// Takes what there is to see at a policy step.
    mutating func see(_ moment: EpisodeMoment)

    /// Hears where the arm is measured to be at a control tick.
    mutating func feel(_ arm: ArmState)

    /// A chunk for the arm, if one is ready at `now`.
    mutating func decide(at now: MonotonicTime) throws -> ActionChunk?

    /// Whether the policy will not do more.
    var isFinished: Bool { get }
    /// Whether the episode is over when the task is done.
    var endsAtSuccess: Bool { get }
    /// The observation that went into the network last; nil for a policy without one.
    var lastObservation: PolicyObservation? { get }
}

extension EpisodePolicy {
    package mutating func feel(_ arm: ArmState) {}
    package var isFinished: Bool { false }
    package var endsAtSuccess: Bool { true }
    package var lastObservation: PolicyObservation? { nil }
}

/// The beginning of a policy step.
package struct EpisodeMoment {
    /// Counts policy steps from 0.
    package var timestep: Int
    package var time: MonotonicTime
    /// A frame of each camera, captured now.
    package var frames: [CameraFrame]
    /// State of the arm, measured now.
    package var arm: ArmState
    /// Pose of the task's object; no policy that looks through cameras may look at it.
    package var object: Pose
}

/// How a task ended in another scene.
package struct OtherEnd: Sendable {
    package var scene: Scene
    /// Pose of the end effector then.
    package var tool: Pose

    package init(scene: Scene, tool: Pose) {
        self.scene = scene
        self.tool = tool
    }
}

/// The scripted expert as a policy: its next steps as a chunk, each planned on the one before.
package struct ExpertPolicy: EpisodePolicy {
    /// Number of actions in a chunk, as Octo's pretrained checkpoints have.
    package static let horizon = 4
    private var expert: ScriptedExpert
    private var noise: MotionNoise?
    private let stepDuration: Duration
    private var ready: ActionChunk?
    private var count: UInt64 = 0
    /// The action that it asked for at the last policy step: an action of Bridge's kind, without noise.
    package private(set) var lastAction: [Double] = []
    /// Whether what was carried out in its place was off by a burst of noise.
    package private(set) var lastWasBurst = false
    /// Actions that it would carry out from the last policy step on for each of `others`: a chunk each.
    package private(set) var lastForOthers: [Double] = []
    private let others: [OtherEnd]

    /// Makes a policy of the expert.
    /// - Parameter noise: disturbs what is carried out, not what `lastAction` says.
    /// - Parameter others: goals for which `lastForOthers` says what would be done.
    /// - Parameter endsAtSuccess: whether the episode ends as soon as the task is done; normally not: its way back from
    ///   the object belongs to the demonstration.
    package init(
        _ expert: ScriptedExpert, rate: Rate, noise: MotionNoise? = nil, others: [OtherEnd] = [],
        endsAtSuccess: Bool = false
    ) {
        self.endsAtSuccess = endsAtSuccess
        self.others = others
        self.expert = expert
        self.noise = noise
        stepDuration = rate.period
    }

    /// The arm has stopped and waits for a person, who is not there.
    private var isStopped = false

    package var isFinished: Bool { expert.isFinished || isStopped }
    package let endsAtSuccess: Bool

    package mutating func see(_ moment: EpisodeMoment) {
        let seen = ScriptedExpert.Observation(
            tool: moment.arm.baseFromEEF, opening: moment.arm.measured.gripper, object: moment.object)
        lastForOthers = others.flatMap {
            expert.wanting($0.scene, reachedWith: $0.tool).foresight(Self.horizon, from: seen)
        }
        // The steps after this one come from a copy: by then the world may be another than foreseen, and a newer chunk
        // with it.
        var actions = expert.foresight(Self.horizon, from: seen)
        lastAction = expert.action(seen)
        isStopped = moment.arm.mode.isSafetyHold
        lastWasBurst = false
        // What is done is left as it is: nobody would mend it any more.
        if !expert.isFinished, let disturbance = noise?.next() {
            for (index, offset) in disturbance.offset.enumerated() { actions[index] += offset }
            lastWasBurst = disturbance.isBurst
        }
        ready = .made(actions, id: count, at: moment.time, stepDuration: stepDuration)
        count += 1
    }

    package mutating func decide(at now: MonotonicTime) -> ActionChunk? {
        defer { ready = nil }
        return ready
    }
}

/// Policy that moves at random: what others must be better than.
package struct RandomPolicy: EpisodePolicy {
    private var dice: SplitMix64
    private let stepDuration: Duration
    private var ready: ActionChunk?
    private var count: UInt64 = 0

    package init(seed: UInt64, rate: Rate) {
        dice = SplitMix64(seed: seed)
        stepDuration = rate.period
    }

    /// Draws an action: up to 3 cm and 0.1 rad along each axis, as large as the steps of Bridge; the gripper as a coin
    /// falls.
    package mutating func see(_ moment: EpisodeMoment) {
        var actions: [Double] = []
        for _ in 0..<4 {
            for _ in 0..<3 { actions.append(dice.symmetric(0.03)) }
            for _ in 0..<3 { actions.append(dice.symmetric(0.1)) }
            actions.append(dice.unit() < 0.5 ? 0 : 1)
        }
        ready = .made(actions, id: count, at: moment.time, stepDuration: stepDuration)
        count += 1
    }

    package mutating func decide(at now: MonotonicTime) -> ActionChunk? {
        defer { ready = nil }
        return ready
    }
}

/// A checkpoint, through the same core and engine as the policy node.
package struct NetworkPolicy: EpisodePolicy {
    private var core: PolicyNodeCore
    private var engine: PolicyEngine
    /// How long inference takes in the simulated world.
    private let delay: Duration
    private var running: (request: PolicyNodeCore.Request, due: MonotonicTime)?
    package private(set) var lastObservation: PolicyObservation?

    /// Makes a policy that pursues one goal.
    /// - Parameter delay: time from the tick that observes until the chunk is with the arm.
    package init(core: PolicyNodeCore, engine: PolicyEngine, goal: Goal, delay: Duration) {
        self.core = core
        self.engine = engine
        self.delay = delay
        self.core.receive(goal)
    }

    /// Why there are no chunks, if there are none.
    package var problem: String? { core.lastFailure ?? core.obstacle.map { "\($0)" } }

    package mutating func see(_ moment: EpisodeMoment) {
        for frame in moment.frames { core.receive(frame, at: moment.time) }
    }

    package mutating func feel(_ arm: ArmState) { core.receive(arm) }

    /// The chunk that is ready now; nil if there is none.
    /// - Throws: `InferenceError`.
    package mutating func decide(at now: MonotonicTime) throws -> ActionChunk? {
        if let due = core.nextTick, due <= now, case .observed(let observation, let request, _) = core.tick(at: now) {
            lastObservation = observation
            if let request { running = (request, now + delay) }
        }
        guard let (request, due) = running, due <= now else { return nil }
        let actions = try engine.run(request)
        engine.anticipate()
        let (chunk, next) = core.inferenceFinished(Result<[Float], InferenceError>.success(actions), at: now)
        running = next.map { ($0, now + delay) }
        return chunk
    }
}

extension ActionChunk {
    fileprivate static func made(_ actions: [Double], id: UInt64, at now: MonotonicTime, stepDuration: Duration) -> Self
    {
        ActionChunk(
            id: id, goalID: "", observationTime: now, captureTime: now, inferredTime: now, stepDuration: stepDuration,
            actionDimension: 7, actions: actions.map(Float.init), actionSpace: .eefDelta, noiseSeed: 0, noiseCounter: id
        )
    }
}
