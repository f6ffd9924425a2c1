import ClosedLoop
import Control
import JSONTree
import MCAPFiles
import Messages
import Recording
import Simulation
import Time
import Wire

/// Writes down what happens in trials, each as an episode's file.
package final class TrialTape {
    private let attachments: [MCAP.Attachment]
    private let keepsSuccesses: Bool
    private let policy: String
    private let wallTime: () -> String
    private let keep: (_ name: String, _ content: [UInt8]) throws -> Void
    private var episode: (name: String, tape: EpisodeTape)?
    private var now = MonotonicTime.zero

    /// Makes a tape with nothing on it.
    /// - Parameters:
    ///   - attachments: attachments of every file: manifest and calibration.
    ///   - keepsSuccesses: whether episodes that succeeded are kept, not only those that failed.
    ///   - policy: name of the policy, for people.
    ///   - keep: takes an episode's name and the content of its file.
    package init(
        attachments: [MCAP.Attachment], keepsSuccesses: Bool, policy: String, wallTime: @escaping () -> String,
        keep: @escaping (_ name: String, _ content: [UInt8]) throws -> Void
    ) {
        self.attachments = attachments
        self.keepsSuccesses = keepsSuccesses
        self.policy = policy
        self.wallTime = wallTime
        self.keep = keep
    }

    /// A trial's name as a file can have it.
    package static func name(of trial: Trial) -> String {
        var name = "\(trial.task.rawValue)-\(trial.object)-goal-\(trial.goal.text)"
        if let axis = trial.change.axis { name += "-\(axis.rawValue)-\(JSONNode(number: trial.change.value).text())" }
        let plain = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) || "-_.".contains($0) ? String($0) : "-" }
            .joined()
        // A recorder's names have at most 120 bytes; the seed keeps them apart.
        return plain.prefix(90) + "-seed-\(trial.seed)"
    }

    func begin(_ trial: Trial, goal: Goal, scene: Scene, at now: MonotonicTime) throws {
        self.now = now
        let name = Self.name(of: trial)
        let place = MCAP.Attachment(json: scene.tree.text().utf8, named: "simulation/scene.json", at: now)
        let fact = MCAP.Metadata(
            name: "evaluation", metadata: ["policy": policy, "trial": JSONNode(.object(trial.members)).text()])
        var tape = try EpisodeTape(
            named: name, attachments: attachments + [place], facts: [fact], at: now, wallTime: wallTime())
        if !goal.isNone { try tape.add(goal, on: Topics.goalCurrent, from: "goal", at: now) }
        episode = (name, tape)
    }

    func receive(_ moment: EpisodeMoment) throws {
        for frame in moment.frames {
            try add(
                frame, on: Topics.cameraImage(frame.camera), from: "camera-\(frame.camera)", at: moment.time,
                captured: frame.captureTime)
        }
    }

    func receive(_ observation: PolicyObservation, at now: MonotonicTime) throws {
        try add(observation, on: Topics.policyObservation, from: "policy", at: now, captured: observation.time)
    }

    func receive(_ chunk: ActionChunk, at now: MonotonicTime) throws {
        try add(chunk, on: Topics.policyChunk, from: "policy", at: now, captured: chunk.captureTime)
    }

    func receive(_ tick: ArmTick, at now: MonotonicTime) throws {
        self.now = now
        try add(tick.state, on: Topics.armState, from: "arm", at: now, captured: tick.state.measured.time)
        if let report = tick.report {
            try add(report, on: Topics.armChunk, from: "arm", at: now, captured: report.captureTime)
        }
    }

    func end(_ outcome: EpisodeOutcome) throws {
        guard var episode else { return }
        self.episode = nil
        guard keepsSuccesses || !outcome.isSuccess else { return }
        let note =
            outcome.isSuccess ? "the task was done" : "the task was not done in \(outcome.timesteps) policy steps"
        try keep(episode.name, episode.tape.finish(isSuccess: outcome.isSuccess, note: note, at: now))
    }

    private func add<Message: WireMessage>(
        _ message: Message, on topic: Topic<Message>, from node: String, at now: MonotonicTime, captured: MonotonicTime?
    ) throws {
        try episode?.tape.add(message, on: topic, from: node, at: now, captured: captured)
    }
}

/// A policy whose sights and chunks are written down.
struct TapedPolicy<Base: EpisodePolicy>: EpisodePolicy {
    private(set) var base: Base
    private let tape: TrialTape
    private var lastTick: UInt64?

    init(_ base: Base, tape: TrialTape) {
        self.base = base
        self.tape = tape
    }

    var isFinished: Bool { base.isFinished }
    var endsAtSuccess: Bool { base.endsAtSuccess }
    var lastObservation: PolicyObservation? { base.lastObservation }

    mutating func see(_ moment: EpisodeMoment) { base.see(moment) }

    mutating func feel(_ arm: ArmState) { base.feel(arm) }

    mutating func decide(at now: MonotonicTime) throws -> ActionChunk? {
        let chunk = try base.decide(at: now)
        if let observation = base.lastObservation, observation.tick != lastTick {
            lastTick = observation.tick
            try tape.receive(observation, at: now)
        }
        if let chunk { try tape.receive(chunk, at: now) }
        return chunk
    }
}
