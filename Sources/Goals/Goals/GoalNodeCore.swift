import Images
import Messages
import SceneFit
import Time

/// The place in which a goal node's core finds goals and puts them.
package protocol GoalStore {
    /// Reads a goal of the library.
    func load(_ name: String) throws(GoalLibraryError) -> GoalRecord
    /// Reads a goal that is no goal of the library.
    func load(_ source: GoalSource) throws(GoalError) -> Goal
    /// Puts a goal into the library.
    /// - Parameter replaces: a goal of the same name goes; without, it stays and `.exists` is thrown.
    /// - Returns: the path of its folder.
    func save(_ record: GoalRecord, replaces: Bool) throws(GoalLibraryError) -> String
    /// The path of the folder that a goal of this name has in the library, whether it is there or not.
    func path(of name: String) -> String
}

extension GoalLibrary: GoalStore {
    package func load(_ source: GoalSource) throws(GoalError) -> Goal { try Goal(loading: source) }
}

/// What a goal node decides: which goal holds, what becomes of operators' commands, how the goal fits the scene.
///
/// Reads no clock and touches no socket; goals come from and go to the `GoalStore` it is given.
package struct GoalNodeCore: Sendable {
    /// What the shell publishes.
    package enum Output: Equatable, Sendable {
        /// A goal for the latched topic: whoever joins later gets it too.
        case goal(Goal)
        case result(GoalResult)
        case fit(GoalFit)
        case event(RunEvent)
    }
    private struct Recording: Sendable {
        var command: GoalCommand
        var request: GoalCommand.Recording
        var capture: GoalCapture
    }
    /// Time between two looks at the scene.
    package static let fitPeriod = Duration.milliseconds(500)
    /// A frame older than this shows the past.
    private static let oldestFrame = Duration.seconds(2)
    /// Answers that are kept, for commands that come again.
    private static let keptAnswers = 64

    private let node: String
    /// Names of the cameras that the policy looks at, in the manifest's order.
    private let cameras: [String]
    private let onArm: Set<String>
    private let armViews: [String: ArmView]
    private let limits: SceneFit.Limits
    /// The goal that holds; `.none` until one was set.
    package private(set) var current = Goal.none
    /// How it was taken, where that is known.
    private var record: GoalRecord?
    private var isPublished = false
    private var setTime: MonotonicTime?
    private var changes: Int64 = 0
    private var lastSetter = ""

    private var frames: [String: CameraFrame] = [:]
    private var arm: ArmState?
    /// Names of the cameras in the policy's observations; empty until one has come.
    private var seenCameras: Set<String> = []
    private var nextFit: MonotonicTime?
    package private(set) var fit: GoalFit?
    private var fitTime = LatencyHistogram()

    private var recording: Recording?
    private var answers: [GoalResult] = []

    /// Makes the core of a goal node that has no goal yet.
    /// - Parameters:
    ///   - cameras: names of the cameras that the policy looks at.
    ///   - onArm: names of the cameras that ride on the arm.
    ///   - armViews: views of the arm by camera, for those that know where the arm is in their picture.
    ///   - limits: limits of the policy: how far goal and scene may be apart.
    package init(
        node: String, cameras: [String] = [], onArm: Set<String> = [], armViews: [String: ArmView] = [:],
        limits: SceneFit.Limits = .usual
    ) {
        self.node = node
        self.cameras = cameras
        self.onArm = onArm
        self.armViews = armViews
        self.limits = limits
    }

    // MARK: What comes in

    /// A goal was loaded, or `.none` chosen. The first one always goes out: even "no goal" is news to a policy that
    /// waits for one.
    package mutating func set(
        _ goal: Goal, record: GoalRecord? = nil, by setter: String = "", at now: MonotonicTime
    ) -> [Output] {
        guard !isPublished || goal != current else {
            self.record = record ?? self.record
            return []
        }
        let isFirst = !isPublished
        let former = current
        current = goal
        self.record = record
        isPublished = true
        setTime = now
        lastSetter = setter
        changes += 1
        fit = nil
        nextFit = goal.views.isEmpty ? nil : now
        var outputs = [Output.goal(goal)]
        if !(isFirst && goal.isNone) {
            let text =
                (isFirst ? "" : "from \(Self.title(former)) ") + "to \(Self.title(goal))"
                + (setter.isEmpty ? "" : ", by \(setter)")
            outputs.append(event(.goalChanged, "the goal changes \(text)", at: now))
        }
        // Without pictures there is nothing to compare, which is told once.
        if goal.views.isEmpty {
            outputs.append(.fit(GoalFit(of: goal, record: nil, frames: [:], wall: .init(seconds: 0), at: now)))
        }
        return outputs
    }

    package mutating func receive(_ frame: CameraFrame) {
        frames[frame.camera] = frame
        recording?.capture.receive(frame)
    }

    package mutating func receive(_ state: ArmState) { arm = state }

    /// Takes an observation of the policy, which says which cameras count.
    package mutating func receive(_ observation: PolicyObservation) {
        seenCameras.formUnion(observation.views.map(\.camera))
    }

    /// An operator's command. The same one again gets the same answer.
    /// - Parameter wall: the time of day.
    package mutating func receive(_ command: GoalCommand, store: some GoalStore, at now: MonotonicTime) -> [Output] {
        if let known = answers.last(where: { $0.id == command.id && $0.operatorID == command.operatorID }) {
            return [.result(known)]
        }
        if let recording, recording.command.id == command.id, recording.command.operatorID == command.operatorID {
            return []
        }
        if case .record(let request) = command.action { return startRecording(request, command, store: store, at: now) }
        if let expected = command.expectedGoalID, expected != current.id {
            let setter = lastSetter.isEmpty ? "somebody" : lastSetter
            let seconds = setTime.map { Int((now - $0).inSeconds.rounded()) } ?? 0
            return refuse(
                command,
                "\(setter) has set \(Self.title(current)) \(seconds) s ago, while you saw another goal. Look again, "
                    + "and give the command anew if you still want it.", at: now)
        }
        switch command.action {
        case .set(let name):
            do throws(GoalLibraryError) {
                let record = try store.load(name)
                let outputs = set(
                    record.goal(folder: store.path(of: name)), record: record, by: command.operatorID, at: now)
                return outputs + accept(command, "the goal is '\(name)' now", path: store.path(of: name), at: now)
            } catch {
                return refuse(command, "\(error)", at: now)
            }
        case .setText(let text):
            let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            guard !words.isEmpty else {
                return refuse(
                    command, "setting a text: it is empty, expected a sentence. Use 'octo-goal clear' for no goal.",
                    at: now)
            }
            let goal = Goal(
                id: Goal.contentID(views: [], text: words), name: Goal.title(words), views: [], text: words,
                origin: .text)
            let outputs = set(goal, by: command.operatorID, at: now)
            return outputs + accept(command, "the goal is \"\(Goal.title(words))\" now", path: "", at: now)
        case .clear:
            let outputs = set(.none, by: command.operatorID, at: now)
            return outputs + accept(command, "no goal is set now", path: "", at: now)
        case .record: return []  // above
        }
    }

    // MARK: Time passes

    /// Time at which `tick` has something to do; nil while nothing is due.
    package var nextTick: MonotonicTime? {
        guard recording == nil else { return .zero }
        return nextFit
    }

    /// Looks at the scene when it is time, and takes the goal that is asked for when the pictures have settled.
    /// - Parameter wall: the time of day.
    package mutating func tick(store: some GoalStore, wall: WallTime, at now: MonotonicTime) -> [Output] {
        var outputs: [Output] = []
        if let recording {
            switch recording.capture.outcome(at: now) {
            case .waiting: break
            case .settled(let taken):
                self.recording = nil
                outputs += keep(taken, recording, store: store, wall: wall, at: now)
            case .failed(let words):
                self.recording = nil
                outputs += refuse(recording.command, words, at: now)
            }
        }
        if let due = nextFit, due <= now {
            nextFit = max(due + Self.fitPeriod, now)
            outputs += look(wall: wall, at: now)
        }
        return outputs
    }

    /// How long the last comparison took; the shell measures it.
    package mutating func spent(_ duration: Duration) { fitTime.record(duration) }

    private mutating func look(wall: WallTime, at now: MonotonicTime) -> [Output] {
        let young = frames.filter { now - $0.value.captureTime <= Self.oldestFrame }
        // Before the policy has said what it looks at, every camera counts.
        let seen = seenCameras.isEmpty ? nil : seenCameras
        let found = GoalFit(
            of: current, record: record, cameras: seen, onArm: onArm, armViews: armViews, arm: arm?.measured.positions,
            limits: limits, frames: young, wall: wall, at: now)
        defer { fit = found }
        var outputs = [Output.fit(found)]
        // The first frames of a run are on their way: that is no news.
        let former = fit?.verdict
        if found.verdict != former, !(former == nil && found.verdict == .unknown) {
            let reasons = found.reasons.isEmpty ? "" : ": " + found.reasons.joined(separator: "; ")
            let change = former.map { "\($0) -> " } ?? ""
            outputs.append(
                event(.fitChanged, "the fit of '\(current.name)': \(change)\(found.verdict)\(reasons)", at: now))
        }
        return outputs
    }

    // MARK: Recording

    private mutating func startRecording(
        _ request: GoalCommand.Recording, _ command: GoalCommand, store: some GoalStore, at now: MonotonicTime
    ) -> [Output] {
        guard recording == nil else {
            return refuse(
                command,
                "taking a goal: \(recording?.command.operatorID ?? "somebody") is taking one at this moment, expected "
                    + "none. Try again in a few seconds.", at: now)
        }
        guard !cameras.isEmpty else { return refuse(command, "taking a goal: the run has no camera.", at: now) }
        // What would fail at the end is told at the start.
        guard GoalRecord.isName(request.name) else {
            return refuse(command, "\(GoalLibraryError.badName(request.name))", at: now)
        }
        if !request.replaces {
            switch Result(catching: { () throws(GoalLibraryError) in try store.load(request.name) }) {
            case .failure(.missing): break
            case .success, .failure:
                let there = GoalLibraryError.exists(name: request.name, path: store.path(of: request.name))
                return refuse(command, "\(there)", at: now)
            }
        }
        recording = Recording(command: command, request: request, capture: GoalCapture(cameras: cameras, at: now))
        return []
    }

    private mutating func keep(
        _ taken: [CameraFrame], _ recording: Recording, store: some GoalStore, wall: WallTime, at now: MonotonicTime
    ) -> [Output] {
        let request = recording.request
        var views: [GoalRecord.View] = []
        do throws(ImageError) {
            for frame in taken {
                views.append(try GoalRecord.View(frame))
            }
        } catch {
            return refuse(recording.command, "taking a goal: \(error)", at: now)
        }
        let record = GoalRecord(
            name: request.name, recorded: wall, origin: GoalRecord.Origin(request.origin), text: request.text,
            taskNumbers: request.taskNumbers, views: views, arm: arm.map { GoalRecord.Arm($0) })
        do throws(GoalLibraryError) {
            let path = try store.save(record, replaces: request.replaces)
            let pictures = views.map { "\($0.camera) \($0.image.width)x\($0.image.height)" }.joined(separator: ", ")
            let message = "goal '\(record.name)' recorded: \(pictures)"
            let answer = result(
                recording.command, isAccepted: true, goalID: record.id, goalName: record.name, path: path,
                message: message, at: now)
            return [
                event(
                    .goalRecorded, "\(message), in \(path), by \(recording.command.operatorID)", subject: record.name,
                    at: now)
            ]
                + [.result(answer)]
        } catch {
            return refuse(recording.command, "\(error)", at: now)
        }
    }

    // MARK: Answers

    private mutating func accept(
        _ command: GoalCommand, _ message: String, path: String, at now: MonotonicTime
    ) -> [Output] {
        [
            .result(
                result(
                    command, isAccepted: true, goalID: current.id, goalName: current.name, path: path, message: message,
                    at: now))
        ]
    }

    private mutating func refuse(_ command: GoalCommand, _ message: String, at now: MonotonicTime) -> [Output] {
        [
            .result(
                result(
                    command, isAccepted: false, goalID: current.id, goalName: current.name, path: "", message: message,
                    at: now))
        ]
    }

    private mutating func result(
        _ command: GoalCommand, isAccepted: Bool, goalID: String, goalName: String, path: String, message: String,
        at now: MonotonicTime
    ) -> GoalResult {
        let answer = GoalResult(
            id: command.id, operatorID: command.operatorID, isAccepted: isAccepted, goalID: goalID, goalName: goalName,
            path: path,
            message: message, time: now)
        answers = answers.suffix(Self.keptAnswers - 1) + [answer]
        return answer
    }

    private func event(_ kind: RunEvent.Kind, _ text: String, subject: String? = nil, at now: MonotonicTime) -> Output {
        .event(RunEvent(node: node, kind: kind, subject: subject ?? current.name, text: text, time: now))
    }

    private static func title(_ goal: Goal) -> String { goal.isNone ? "none" : "'\(goal.name)'" }

    // MARK: Status

    /// What the goal node says of itself: which goal holds, since when, and how it fits.
    package func status(at now: MonotonicTime) -> NodeStatus {
        let (state, headline) = summary(at: now)
        return NodeStatus(
            node: node, processID: 0, state: state, headline: headline,
            counters: [.init(name: "changes", value: changes)],
            latencies: fitTime.count > 0 ? [.init(name: "fit_check", of: fitTime)] : [])
    }

    private func summary(at now: MonotonicTime) -> (NodeStatus.State, String) {
        guard isPublished, let setTime else { return (.starting, "loading the goal") }
        if current.isNone {
            return (
                .ready,
                "no goal is set. Take one with 'octo-teleop goal NAME', set it with 'octo-goal set NAME', or name one "
                    + "in the manifest."
            )
        }
        let parts =
            current.views.map { "\($0.camera) \($0.image.width)x\($0.image.height)" }
            + (current.text.map { ["\"\(Goal.title($0))\""] } ?? [])
        let seconds = Int((now - setTime).inSeconds)
        let line = "\(current.name) (\(current.id)): \(parts.joined(separator: ", ")); set \(seconds) s ago"
        guard let fit, fit.verdict != .unknown else { return (.ready, line) }
        let reasons = fit.reasons.isEmpty ? "" : ": " + fit.reasons.joined(separator: "; ")
        return (fit.verdict == .red ? .degraded : .ready, "\(line); fit \(fit.verdict)\(reasons)")
    }
}

extension GoalRecord.Origin {
    fileprivate init(_ origin: GoalCommand.Recording.Origin) {
        self =
            switch origin {
            case .live: .live
            case .teleop: .teleop
            }
    }
}
