import ArgumentParser
import Bus
import Foundation
import Goals
import JSONTree
import Manifests
import Maths
import Messages
import NodeShell
import SceneFit
import Time
import Wire

/// Options that say where goals are.
struct LibraryChoice: ParsableArguments {
    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("The run's folder. Without it, the one run that is alive.", valueName: "folder"))
    var runFolder: String?

    @Option(
        help: ArgumentHelp(
            "The goal library. Without it, that of the run; without a run, 'goals'.", valueName: "folder"))
    var library: String?

    init() {}

    /// - Throws: `RunSearchError` when the run that was named is not there, or several are.
    func open() throws -> GoalLibrary {
        if let library { return GoalLibrary(folder: library) }
        do {
            let run = try RunDescription.load(folder: RunSearch.folder(runFolder))
            return GoalLibrary(folder: run.manifest.goal.library)
        } catch RunSearchError.nothingRunning where runFolder == nil {
            return GoalLibrary(folder: "goals")
        }
    }
}

/// A program's connection to the goal node of a run.
final class GoalOperator {
    /// How long the node has for an answer.
    private static let patience = Duration.seconds(3)

    let link: OperatorLink
    private let goals: Subscription<Goal>
    private(set) var goal: Goal?

    /// - Throws: `RunSearchError`, `OperatorLinkError`.
    init(run folder: String?) throws {
        link = try OperatorLink(run: folder, commanding: [Manifest.goalNode], name: "octo-goal")
        goals = try link.bus.subscribe(Topics.goalCurrent)
    }

    var library: GoalLibrary { GoalLibrary(folder: link.run.manifest.goal.library) }

    /// Waits for the goal that is set.
    /// - Throws: `NoAnswer` when the goal node says none.
    func currentGoal() throws -> Goal {
        let deadline = MonotonicTime.now() + Self.patience
        while goal == nil {
            guard MonotonicTime.now() < deadline else {
                throw NoAnswer(what: "the present goal", patience: Self.patience)
            }
            try link.bus.wait(until: .now() + .milliseconds(50))
            takeGoals()
        }
        return goal ?? .none
    }

    func takeGoals() { while let received = goals.take() { goal = received.message } }

    /// Sends a command and waits for its answer.
    /// - Parameters:
    ///   - isForced: whatever goal others have set meanwhile.
    ///   - patience: beyond the usual, for work that takes long.
    func send(
        _ action: GoalCommand.Action, isForced: Bool = true, patience extra: Duration = .zero
    ) throws -> GoalResult {
        let expected = isForced ? nil : try currentGoal().id
        var generator = SystemRandomNumberGenerator()
        let command = GoalCommand(
            id: generator.next(), operatorID: "\(operatorName)@\(getpid())", action: action, expectedGoalID: expected,
            time: .now())
        return try link.exchange(
            command, on: Topics.goalCommand, answers: Topics.goalResult, by: Manifest.goalNode,
            patience: Self.patience + extra
        ) { $0.id == command.id && $0.operatorID == command.operatorID }
    }

    /// Sets a goal, and hears what the policy makes of it.
    /// - Returns: no answer of the policy where the goal node refused; `hold`: why the arm holds all the same, if a
    ///   person has to end that.
    func set(
        _ action: GoalCommand.Action, isForced: Bool
    ) throws -> (result: GoalResult, policy: PolicyAnswer?, hold: HoldReason?) {
        let chunks = try link.bus.subscribe(Topics.policyChunk)
        let observations = try link.bus.subscribe(Topics.policyObservation)
        let statuses = try link.bus.subscribe(Topics.allNodeStatuses)
        let states = try link.bus.subscribe(Topics.armState)
        let result = try send(action, isForced: isForced)
        guard result.isAccepted else { return (result, nil, nil) }
        var hold: HoldReason?
        let begin = MonotonicTime.now()
        var watch = PolicyAnswerWatch(goalID: result.goalID)
        while true {
            try link.bus.wait(until: .now() + .milliseconds(50))
            while let state = states.take() { hold = state.message.latchedHold }
            while let chunk = chunks.take() {
                if let answer = watch.receive(chunk.message) { return (result, answer, hold) }
            }
            let seconds = (MonotonicTime.now() - begin).inSeconds
            while let observation = observations.take() { watch.receive(observation.message, at: seconds) }
            while let status = statuses.take() {
                if status.message.node == Manifest.policyNode { watch.receive(status.message) }
            }
            if let answer = watch.answer(at: seconds) { return (result, answer, hold) }
        }
    }

    /// The names of the cameras that the policy looks at; nil when it does not say so soon.
    func policyCameras() throws -> Set<String>? {
        let observations = try link.bus.subscribe(Topics.policyObservation)
        let deadline = MonotonicTime.now() + .seconds(1)
        while MonotonicTime.now() < deadline {
            try link.bus.wait(until: .now() + .milliseconds(50))
            if let received = observations.take() { return Set(received.message.views.map(\.camera)) }
        }
        return nil
    }

    /// How far goal and scene may be apart for the run's policy.
    func fitLimits() throws -> SceneFit.Limits {
        try SceneFit.Limits(ofCheckpoint: link.run.manifest.policy.checkpoint)
    }

    var camerasOnArm: Set<String> { link.run.manifest.camerasOnArm }

    /// Positions of the arm's joints, radians; nil when it does not say so soon.
    func armPositions() throws -> JointVector? {
        let states = try link.bus.subscribe(Topics.armState)
        let deadline = MonotonicTime.now() + .seconds(1)
        while MonotonicTime.now() < deadline {
            try link.bus.wait(until: .now() + .milliseconds(50))
            var newest: JointVector?
            while let received = states.take() { newest = received.message.measured.positions }
            if let newest { return newest }
        }
        return nil
    }

    /// The newest frame of each camera, once all have come.
    func frames(of cameras: [String], patience: Duration = .seconds(5)) throws -> [String: CameraFrame] {
        let subscriptions = try cameras.map { try link.bus.subscribe(Topics.cameraImage($0)) }
        var frames: [String: CameraFrame] = [:]
        let deadline = MonotonicTime.now() + patience
        while frames.count < Set(cameras).count {
            guard MonotonicTime.now() < deadline else {
                let missing = cameras.filter { frames[$0] == nil }.joined(separator: ", ")
                throw NoAnswer(what: "a frame of \(missing)", patience: patience)
            }
            try link.bus.wait(until: .now() + .milliseconds(50))
            for subscription in subscriptions {
                while let received = subscription.take() { frames[received.message.camera] = received.message }
            }
        }
        return frames
    }

    struct NoAnswer: Error, CustomStringConvertible {
        let what: String
        let patience: Duration

        var description: String {
            "waiting for \(what): it did not come within \(patience.inSeconds) s, expected at once. See 'octo-bus "
                + "list' whether the process that sends it is alive."
        }
    }
}

extension ArmState {
    /// Why it holds, if a person has to end that.
    var latchedHold: HoldReason? {
        guard case .holding(let reason) = mode, reason.command != nil else { return nil }
        return reason
    }
}

extension HoldReason {
    /// What is said of an arm.
    var words: String { "holds: \(self)\(command.map { " ('\($0)')" } ?? "")" }
}

extension GoalResult {
    /// Prints what became of a command.
    /// - Parameters:
    ///   - policy: what the policy made of a goal that was set.
    ///   - hold: why the arm does not move.
    /// - Throws: `NodeExit.failure` for one that was refused, or a goal that the policy does not go for.
    func report(json: Bool, policy: PolicyAnswer? = nil, hold: HoldReason? = nil) throws {
        var holds = false
        if case .holds = policy { holds = true }
        if json {
            var tree = policy.map { node.with("policy", $0.node) } ?? node
            if let hold { tree = tree.with("arm_holds", JSONNode(hold.description)) }
            print(tree.text())
        } else if isAccepted {
            print(path.isEmpty ? message : "\(message) (\(path))")
            if let policy { holds ? complain("error: \(policy.words)") : print(policy.words) }
            if let hold { complain("warning: the arm \(hold.words)") }
        } else {
            complain("error: \(message)")
        }
        if !isAccepted || holds { throw NodeExit.failure }
    }
}
