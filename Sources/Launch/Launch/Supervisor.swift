import Manifests
import Messages
import Time

/// Decides which processes are started, restarted and stopped, and when. Performs nothing itself.
///
/// Every event method returns the actions that follow from it, in the order in which they are to be performed. The
/// first actions come from `tick`.
package struct Supervisor: Sendable {
    /// Nodes of one stage start together, when all nodes of the stages before are ready.
    package struct Plan: Sendable {
        package var stages: [[String]]
        /// Name of the node that stops before all others, so that the arm holds while the rest is still there.
        package var stopsFirst: String
        /// Name of the node that stops after all others, so that what they say at their end is kept; nil: nobody.
        package var stopsLast: String?
        /// Names of nodes without which the run goes on, once they were ready: nothing that moves needs them.
        package var dispensable: Set<String> = [Manifest.consoleNode]
        /// The other machines that nodes wait for while they start, as people call them, by the nodes' names.
        package var waitsElsewhere: [String: String] = [:]
        package var supervision: Manifest.Supervision
        /// How long to run, counted from when all nodes are ready; nil: until told to stop.
        package var duration: Duration?

        package init(
            stages: [[String]], stopsFirst: String, stopsLast: String? = nil, supervision: Manifest.Supervision,
            duration: Duration?
        ) {
            self.stages = stages
            self.stopsFirst = stopsFirst
            self.stopsLast = stopsLast
            self.supervision = supervision
            self.duration = duration
        }

        /// The recorder first, so that nothing is missed; then a simulated world, for cameras and arm are in it; then
        /// cameras, goal and arm; the policy last, since loading it takes longest and it needs all of them.
        package init(_ manifest: Manifest, duration: Duration?) {
            let apart = [Manifest.recorderNode, Manifest.simulationNode, Manifest.policyNode]
            let alone = Dictionary(
                uniqueKeysWithValues: apart.map { name in (name, manifest.nodes.filter { $0 == name }) })
            let stages = [
                alone[Manifest.recorderNode], alone[Manifest.simulationNode],
                manifest.nodes.filter { !apart.contains($0) },
                alone[Manifest.policyNode],
            ]
            self.init(
                stages: stages.compactMap(\.self).filter { !$0.isEmpty }, stopsFirst: Manifest.armNode,
                stopsLast: manifest.record.isEnabled ? Manifest.recorderNode : nil, supervision: manifest.supervision,
                duration: duration)
            if let host = manifest.policyHost { waitsElsewhere[Manifest.policyNode] = host.description }
        }
    }

    /// How loudly a line is told.
    package enum Level: String, Sendable {
        case note
        case warning
        case error
    }

    /// The status with which octo-launch ends.
    package enum Outcome: Int32, Sendable {
        case done = 0
        case nodeFailed = 3
    }

    /// What the shell does with the processes and the terminal, in order.
    package enum Action: Equatable, Sendable {
        /// Start the node; answered by `started` or `couldNotStart`.
        case start(String)
        /// Ask it to stop (SIGTERM).
        case terminate(String, Int32)
        /// End it (SIGKILL).
        case kill(String, Int32)
        case report(Level, String)
        /// End the run: nothing is alive any more. No action follows.
        case finish(Outcome)
    }

    /// How a process ended.
    package enum Ending: Equatable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        package var description: String {
            switch self {
            case .exited(let code): "ended with exit code \(code)"
            case .signalled(let signal): "was ended by signal \(signal)"
            }
        }
    }

    enum Phase: Equatable {
        case startingUp
        case running(since: MonotonicTime)
        case stopping(Outcome, error: String?)
        case finished(Outcome)
    }

    /// A restarted process that works so long has recovered: failures before no longer count.
    static let recovery = Duration.seconds(60)
    /// A gap between two ticks longer than this is the launcher's own pause (a suspended machine, a debugger) and no
    /// silence of the nodes.
    static let ownPause = Duration.seconds(1)
    /// A request to stop is repeated on purpose after so long.
    static let secondWish = Duration.seconds(1)

    /// A wait for the disk at the end that needs no word.
    static let silentWait = Duration.seconds(1)
    static let waitReportPeriod = Duration.seconds(5)

    let plan: Plan
    var phase = Phase.startingUp
    var processes: [SupervisedProcess]
    private var lastTick: MonotonicTime?
    var stopBegan: MonotonicTime?

    /// Time at which all nodes were ready for the first time.
    package private(set) var readySince: MonotonicTime?
    package var hasFinished: Bool { if case .finished = phase { true } else { false } }
    /// Numbers of restarts of each node, in the order of the plan.
    package var restarts: [(node: String, count: Int)] { processes.map { ($0.name, $0.restarts) } }

    package init(_ plan: Plan) {
        self.plan = plan
        processes = plan.stages.joined().map { SupervisedProcess(name: $0) }
    }

    /// The process that a start action made.
    package mutating func started(_ node: String, processID: Int32, at now: MonotonicTime) -> [Action] {
        guard let index = index(of: node), processes[index].isStartPending else { return [] }
        processes[index].isStartPending = false
        processes[index].processID = processID
        processes[index].lastHeard = now
        // Whatever was decided while the start was on its way reaches the process now, and its time counts from here.
        switch processes[index].life {
        case .starting:
            processes[index].life = .starting(since: now)
            return []
        case .ending(let reason, _): return end(index, reason, at: now)
        case .stopping(_, let isKilled):
            processes[index].life = .stopping(deadline: now + plan.supervision.stopTimeout, isKilled: isKilled)
            return [isKilled ? .kill(node, processID) : .terminate(node, processID)]
        case .waiting, .ready, .degraded, .backingOff, .failed, .ended: return []
        }
    }

    /// A start action did not come to a process.
    package mutating func couldNotStart(_ node: String, _ reason: String, at now: MonotonicTime) -> [Action] {
        guard let index = index(of: node), processes[index].isStartPending else { return [] }
        processes[index].isStartPending = false
        guard isUp else {
            processes[index].life = .ended
            return continueStopping(at: now)
        }
        return attemptFailed(index, "it could not be started: \(reason)", at: now)
    }

    /// A line that a node wrote; kept for error messages.
    /// - Returns: whether it is to be shown now. The line with which a node ends is not: its words come back with what
    ///   follows from its end.
    @discardableResult
    package mutating func wrote(_ line: String, by node: String) -> Bool {
        guard let index = index(of: node) else { return true }
        processes[index].keep(line: line)
        return !line.hasPrefix(SupervisedProcess.errorMark)
    }

    /// A process has ended, whatever way.
    package mutating func exited(
        _ node: String, processID: Int32, _ ending: Ending, at now: MonotonicTime
    ) -> [Action] {
        guard let index = index(of: node), processes[index].processID == processID else { return [] }
        processes[index].processID = nil
        guard isUp else { return exitedWhileStopping(index, ending, at: now) }
        switch processes[index].life {
        case .starting: return attemptFailed(index, "it \(ending) before it was ready", at: now)
        case .ready, .degraded: return attemptFailed(index, "it \(ending)", at: now)
        case .ending(let reason, _): return attemptFailed(index, reason, at: now)
        case .waiting, .backingOff, .stopping, .failed, .ended: return []
        }
    }

    /// Takes what a node says about itself. Words of a process that is no longer the node's are no news.
    package mutating func received(_ status: NodeStatus, at now: MonotonicTime) -> [Action] {
        guard let index = index(of: status.node), processes[index].processID == status.processID else { return [] }
        processes[index].lastHeard = now
        processes[index].headline = status.headline
        switch (processes[index].life, status.state) {
        case (.starting, .ready), (.starting, .degraded): return becameReady(index, status, at: now)
        case (.starting, .fault):
            processes[index].fault = status.headline
            return startHasFault(index, at: now)
        case (.starting, .starting): return saidWhileStarting(index, status, at: now)
        case (.starting, .stopping): return []
        case (.ready, .degraded), (.ready, .fault), (.ready, .starting), (.degraded, .degraded), (.degraded, .fault):
            guard processes[index].isNews(status.headline, at: now) else { return [] }
            processes[index].life = .degraded
            if status.state == .fault {
                processes[index].fault = status.headline
                processes[index].isFaultTold = true
            }
            let level: Level = status.state == .fault ? .error : .warning
            return [.report(level, "\(status.node): \(status.headline)")]
        case (.degraded, .ready):
            processes[index].life = .ready
            processes[index].fault = nil
            processes[index].told = [:]
            return [.report(.note, "\(status.node): \(status.headline)")]
        case (.ready, _), (.degraded, _): return []
        case (.stopping(_, isKilled: false), _): return waitFor(index, status, at: now)
        case (.waiting, _), (.ending, _), (.backingOff, _), (.stopping, _), (.failed, _), (.ended, _): return []
        }
    }

    /// Ends the run, as somebody has asked (Ctrl-C, SIGTERM). Asked a second time, nothing is waited for any more.
    package mutating func stopRequested(_ reason: String, at now: MonotonicTime) -> [Action] {
        switch phase {
        case .startingUp, .running: return beginStopping(.done, reason: reason, error: nil, at: now)
        case .stopping:
            // Two signals of one keystroke, or of an impatient shell, are one wish.
            if let stopBegan, now - stopBegan < Self.secondWish { return [] }
            return killAll(reason: reason, at: now)
        case .finished: return []
        }
    }

    /// Time has passed. Called several times a second.
    package mutating func tick(at now: MonotonicTime) -> [Action] {
        if let lastTick, now - lastTick > Self.ownPause {
            for index in processes.indices { processes[index].lastHeard += now - lastTick }
        }
        lastTick = now
        var actions: [Action] = []
        for index in processes.indices where isUp { actions += overdue(index, at: now) }
        switch phase {
        case .startingUp: actions += startNextStage(at: now)
        case .running(let since):
            if let duration = plan.duration, now - since >= duration {
                actions += beginStopping(.done, reason: "the time given with --for is over", error: nil, at: now)
            }
        case .stopping: actions += continueStopping(at: now)
        case .finished: break
        }
        return actions
    }

    // MARK: Starting

    private mutating func startNextStage(at now: MonotonicTime) -> [Action] {
        for stage in plan.stages {
            let members = processes.indices.filter { stage.contains(processes[$0].name) }
            let waiting = members.filter { processes[$0].life == .waiting }
            if !waiting.isEmpty { return waiting.map { start($0, at: now) } }
            if !members.allSatisfy({ processes[$0].isWorking }) { return [] }
        }
        phase = .running(since: now)
        readySince = now
        return [.report(.note, "all processes are ready")]
    }

    private mutating func start(_ index: Int, at now: MonotonicTime) -> Action {
        precondition(!processes[index].isAlive, "'\(processes[index].name)' still runs and is started again")
        processes[index].life = .starting(since: now)
        processes[index].isStartPending = true
        processes[index].forgetWords()
        return .start(processes[index].name)
    }

    private mutating func becameReady(_ index: Int, _ status: NodeStatus, at now: MonotonicTime) -> [Action] {
        processes[index].life = status.state == .ready ? .ready : .degraded
        processes[index].wasEverReady = true
        processes[index].readySince = now
        guard status.state != .ready else { return [.report(.note, "\(status.node) is ready")] }
        _ = processes[index].isNews(status.headline, at: now)
        return [.report(.warning, "\(status.node): \(status.headline)")]
    }

    /// Ends the attempt: what the node waits for will not come in it. it is not given the rest of its time.
    private mutating func startHasFault(_ index: Int, at now: MonotonicTime) -> [Action] {
        let reason = "it cannot start"
        if !processes[index].wasEverReady { return attemptFailed(index, reason, at: now) }
        return end(index, reason, at: now)
    }

    // MARK: Failing

    /// Does what is due for one process at this time.
    private mutating func overdue(_ index: Int, at now: MonotonicTime) -> [Action] {
        let process = processes[index]
        switch process.life {
        case .starting(let since) where waitsElsewhere(index): return waits(index, since: since, at: now)
        case .starting(let since) where now - since >= plan.supervision.readyTimeout:
            let reason =
                "it was not ready within \(Self.text(plan.supervision.readyTimeout)) (supervision.ready_timeout_s)"
            return process.wasEverReady ? end(index, reason, at: now) : attemptFailed(index, reason, at: now)
        case .ready, .degraded:
            if let since = process.readySince, now - since >= Self.recovery { processes[index].failuresInARow = 0 }
            guard now - process.lastHeard >= plan.supervision.statusTimeout else { return [] }
            return end(index, "it said nothing for \(Self.text(plan.supervision.statusTimeout))", at: now)
        case .backingOff(let until) where now >= until:
            processes[index].restarts += 1
            return [start(index, at: now)]
        case .ending(let reason, let overdue) where now >= overdue:
            let error = failure(
                of: process, "ending '\(process.name)'", "\(reason), and it does not end even when it is killed")
            return beginStopping(.nodeFailed, reason: "'\(process.name)' does not end", error: error, at: now)
        case .waiting, .starting, .ending, .backingOff, .stopping, .failed, .ended: return []
        }
    }

    /// Kills a process that is no longer of use; what follows comes with its exit.
    private mutating func end(_ index: Int, _ reason: String, at now: MonotonicTime) -> [Action] {
        processes[index].life = .ending(reason: reason, overdue: now + plan.supervision.stopTimeout)
        guard let processID = processes[index].processID else { return [] }
        return [.kill(processes[index].name, processID)]
    }

    /// Ends the run when a node fails before it has ever worked: the cause is most likely there to stay, and nothing
    /// moves yet. Later the node is started again.
    private mutating func attemptFailed(_ index: Int, _ reason: String, at now: MonotonicTime) -> [Action] {
        let process = processes[index]
        guard process.wasEverReady else {
            return giveUp(index, "starting '\(process.name)'", reason, at: now)
        }
        let most = plan.supervision.maximumRestarts
        processes[index].failuresInARow += 1
        let count = processes[index].failuresInARow
        guard count <= most else {
            return giveUp(
                index, "running '\(process.name)'", "\(reason), after \(most) restart\(most == 1 ? "" : "s")", at: now)
        }
        let wait = backoff(afterFailures: count)
        let words = process.isFaultTold ? "" : process.ownError.map { ": \($0)" } ?? process.lastWords
        processes[index].life = .backingOff(until: now + wait)
        return [
            .report(
                .warning, "\(process.name): \(reason); restart \(count) of \(most) in \(Self.text(wait))\(words)")
        ]
    }

    private mutating func giveUp(
        _ index: Int, _ attempt: String, _ reason: String, at now: MonotonicTime
    ) -> [Action] {
        if plan.dispensable.contains(processes[index].name), processes[index].wasEverReady, !processes[index].isAlive {
            processes[index].life = .failed
            let words = processes[index].ownError.map { ": \($0)" } ?? ""
            return [
                .report(.error, "\(attempt): \(reason)\(words) The run goes on without '\(processes[index].name)'.")
            ]
        }
        let error = failure(of: processes[index], attempt, reason)
        processes[index].isFailureTold = true
        if !processes[index].isAlive { processes[index].life = .failed }
        return beginStopping(.nodeFailed, reason: "'\(processes[index].name)' failed", error: error, at: now)
    }

    /// A node's own words say what is wrong and how to mend it. Only where it has none, the supervisor's own follow.
    private func failure(of process: SupervisedProcess, _ attempt: String, _ reason: String) -> String {
        if let words = process.ownError {
            let isStart = !process.wasEverReady
            return "\(attempt): " + (isStart ? "" : "\(reason): ") + "\(words) Everything was stopped."
        }
        let words = process.lastWords
        return "\(attempt): \(reason), expected it to "
            + (process.wasEverReady ? "go on until it is told to stop" : "become ready") + ". "
            + (words.isEmpty ? "It wrote nothing: run its program by hand to see why" : "Mend what it says below")
            + ", then start octo-launch again. Everything was stopped.\(words)"
    }

    /// Wait before the next attempt: it doubles with each failure, up to the longest.
    private func backoff(afterFailures count: Int) -> Duration {
        var wait = plan.supervision.backoff
        for _ in 1..<max(count, 1) where wait < plan.supervision.maximumBackoff { wait = wait * 2 }
        return min(wait, plan.supervision.maximumBackoff)
    }

    /// Whether the run has not begun to stop.
    private var isUp: Bool {
        switch phase {
        case .startingUp, .running: true
        case .stopping, .finished: false
        }
    }

    private func index(of node: String) -> Int? { processes.firstIndex { $0.name == node } }

    static func text(_ duration: Duration) -> String {
        let milliseconds = Int64(duration.inMilliseconds.rounded())
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(Double(milliseconds) / 1000) s"
    }
}
