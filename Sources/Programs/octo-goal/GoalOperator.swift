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
    @OptionGroup var runOption: RunOption

    @Option(
        help: ArgumentHelp(
            "Use this goal library. Without it, that of the run; without a run, 'goals'.", valueName: "folder"))
    var library: String?

    init() {}

    /// Opens the library that was named, or else that of the run; without a run, `goals`.
    /// - Throws: `RunSearchError` when the run that was named is not there, or several are.
    func open() throws -> GoalLibrary {
        if let library { return GoalLibrary(folder: library) }
        do {
            return GoalLibrary(folder: try runOption.load().manifest.goal.library)
        } catch RunSearchError.nothingRunning {
            return GoalLibrary(folder: "goals")
        }
    }

    /// The library for a command that joins the run anyway.
    func library(of goals: GoalOperator) -> GoalLibrary { library.map { GoalLibrary(folder: $0) } ?? goals.library }
}

/// A program's connection to the goal node of a run.
final class GoalOperator {
    let link: OperatorLink
    private let goals: Subscription<Goal>
    private(set) var goal: Goal?

    /// Joins the run that was chosen.
    /// - Throws: `RunSearchError`, `RunFolderError`, `BusError`.
    init(_ option: RunOption) throws {
        link = try OperatorLink(to: option.load(), commanding: [Manifest.goalNode], program: "octo-goal")
        goals = try link.bus.subscribe(Topics.goalCurrent)
    }

    var library: GoalLibrary { GoalLibrary(folder: link.run.manifest.goal.library) }

    /// Waits for the goal that is set.
    /// - Throws: `NodeSilence` when the goal node says none.
    func currentGoal() throws -> Goal {
        takeGoals()
        if let goal { return goal }
        guard let first = try link.next(of: goals, within: NodeExchange.patience) else {
            throw NodeSilence(of: [Manifest.goalNode], missing: "goal", for: NodeExchange.patience)
        }
        goal = first
        return first
    }

    func takeGoals() { while let received = goals.take() { goal = received.message } }

    /// Sends a command and waits for its answer.
    /// - Parameters:
    ///   - isForced: whether the command counts whatever goal others have set meanwhile.
    ///   - extra: time beyond the usual, for work that takes long.
    func send(
        _ action: GoalCommand.Action, isForced: Bool = true, patience extra: Duration = .zero
    ) throws -> GoalResult {
        let expected = isForced ? nil : try currentGoal().id
        let command = GoalCommand(
            id: link.makeID(), operatorID: "\(link.name)", action: action, expectedGoalID: expected, time: .now())
        return try link.exchange(
            command, on: Topics.goalCommand, answers: Topics.goalResult, by: Manifest.goalNode,
            patience: NodeExchange.patience + extra)
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
        try link.next(of: link.bus.subscribe(Topics.policyObservation), within: .seconds(1)).map {
            Set($0.views.map(\.camera))
        }
    }

    /// How far goal and scene may be apart for the run's policy.
    func fitLimits() throws -> SceneFit.Limits {
        try SceneFit.Limits(ofCheckpoint: link.run.manifest.policy.checkpoint)
    }

    var camerasOnArm: Set<String> { link.run.manifest.camerasOnArm }

    /// Positions of the arm's joints, radians; nil when it does not say so soon.
    func armPositions() throws -> JointVector? {
        try link.next(of: link.bus.subscribe(Topics.armState), within: .seconds(1))?.measured.positions
    }

    /// The newest frame of each camera, once all have come.
    /// - Throws: `NodeSilence` of the cameras from which none came.
    func frames(of cameras: [String], patience: Duration = .seconds(5)) throws -> [String: CameraFrame] {
        let subscriptions = try cameras.map { try link.bus.subscribe(Topics.cameraImage($0)) }
        var frames: [String: CameraFrame] = [:]
        let deadline = MonotonicTime.now() + patience
        while frames.count < Set(cameras).count {
            guard MonotonicTime.now() < deadline else {
                let nodes = link.run.manifest.cameras.map { ($0.name, $0.node) }
                let silent = cameras.filter { frames[$0] == nil }.map { name in
                    nodes.first { $0.0 == name }?.1 ?? name
                }
                throw NodeSilence(of: silent, missing: "frame", for: patience)
            }
            try link.bus.wait(until: .now() + .milliseconds(50))
            for subscription in subscriptions {
                while let received = subscription.take() { frames[received.message.camera] = received.message }
            }
        }
        return frames
    }
}

extension ArmState {
    /// The reason for which it holds, if a person has to end that.
    var latchedHold: HoldReason? {
        guard case .holding(let reason) = mode, reason.command != nil else { return nil }
        return reason
    }
}

extension HoldReason {
    /// Words for the hold of an arm.
    var words: String { "holds: \(self)\(command.map { " ('\($0)')" } ?? "")" }
}

extension GoalResult {
    /// Prints what became of a command.
    /// - Parameters:
    ///   - policy: what the policy made of a goal that was set.
    ///   - hold: why the arm does not move.
    /// - Throws: `WorkFailure` for one that was refused, or a goal that the policy does not go for.
    func report(json: Bool, policy: PolicyAnswer? = nil, hold: HoldReason? = nil) throws {
        var holds = false
        if case .holds = policy { holds = true }
        if json {
            var tree = policy.map { node.with("policy", $0.node) } ?? node
            if let hold { tree = tree.with("arm_holds", JSONNode(hold.description)) }
            print(tree.text())
            if !isAccepted || holds { throw ExitCode.failure }
            return
        }
        guard isAccepted else { throw WorkFailure(message) }
        print(path.isEmpty ? message : "\(message) (\(path))")
        if let hold { note("warning: the arm \(hold.words)") }
        if let policy {
            if holds { throw WorkFailure(policy.words) }
            print(policy.words)
        }
    }
}
