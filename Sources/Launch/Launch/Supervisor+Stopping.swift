import Glibc
import Manifests
import Messages
import Time

/// The way to the end: the arm first, then all others, the recorder last, then force, then certainty.
extension Supervisor {
    /// Begins to stop all processes, unless that has begun already.
    /// - Parameter error: text that the user is told last, when the end is not as it should be.
    mutating func beginStopping(_ outcome: Outcome, reason: String, error: String?, at now: MonotonicTime) -> [Action] {
        switch phase {
        case .stopping, .finished: return []
        case .startingUp, .running: break
        }
        phase = .stopping(outcome, error: error)
        stopBegan = now
        for index in processes.indices where !processes[index].isAlive && processes[index].life != .failed {
            processes[index].life = .ended
        }
        var actions: [Action] = [.report(.note, "stopping: \(reason)")]
        for index in processes.indices where processes[index].name == plan.stopsFirst {
            actions += stop(index, at: now)
        }
        return actions + continueStopping(at: now)
    }

    /// Asks one process to end. One that was killed already only needs to be waited for.
    private mutating func stop(_ index: Int, at now: MonotonicTime) -> [Action] {
        let process = processes[index]
        guard process.isAlive, process.life != .failed else { return [] }
        if case .stopping = process.life { return [] }
        var isKilled = false
        if case .ending = process.life { isKilled = true }
        processes[index].life = .stopping(deadline: now + plan.supervision.stopTimeout, isKilled: isKilled)
        guard let processID = process.processID, !isKilled else { return [] }
        return [.terminate(process.name, processID)]
    }

    /// A process that ended before it was asked to is worth a word, too, but nothing is started any more.
    mutating func exitedWhileStopping(_ index: Int, _ ending: Ending, at now: MonotonicTime) -> [Action] {
        let process = processes[index]
        var isKilled = false
        switch process.life {
        case .ending, .stopping(_, isKilled: true), .failed: isKilled = true
        case .waiting, .starting, .ready, .degraded, .backingOff, .stopping, .ended: break
        }
        processes[index].life = .ended
        // Our own request can reach a process before it has learnt to listen to it.
        var isAnswer = false
        if case .stopping = process.life { isAnswer = ending == .signalled(SIGTERM) }
        let isClean = ending == .exited(0) || isKilled || isAnswer || process.isFailureTold
        let words = process.ownError.map { ": \($0)" } ?? ""
        let report: [Action] =
            isClean ? [] : [.report(.warning, "\(process.name): \(ending) while it was stopping\(words)")]
        return report + continueStopping(at: now)
    }

    /// Does what is due on the way to the end.
    mutating func continueStopping(at now: MonotonicTime) -> [Action] {
        guard case .stopping(let outcome, let error) = phase else { return [] }
        var actions: [Action] = []
        for index in processes.indices { actions += enforce(index, at: now) }
        if processes.allSatisfy({ $0.name != plan.stopsFirst || $0.isSettled }) {
            let isLastsTurn = processes.allSatisfy { $0.name == plan.stopsLast || $0.isSettled }
            for index in processes.indices where isLastsTurn || processes[index].name != plan.stopsLast {
                actions += stop(index, at: now)
            }
        }
        if processes.allSatisfy(\.isSettled) {
            phase = .finished(outcome)
            if let error { actions.append(.report(.error, error)) }
            actions.append(.finish(outcome))
        }
        return actions
    }

    /// A process that stops and still brings out what it has is waited for as long as it gets on.
    mutating func waitFor(_ index: Int, _ status: NodeStatus, at now: MonotonicTime) -> [Action] {
        guard let left = status.counters.first(where: { $0.name == NodeStatus.bytesLeft })?.value, left > 0,
            left < processes[index].bytesLeft
        else { return [] }
        processes[index].bytesLeft = left
        processes[index].life = .stopping(deadline: now + plan.supervision.stopTimeout, isKilled: false)
        guard let stopBegan, now - stopBegan >= Self.silentWait, now >= processes[index].nextWaitReport else {
            return []
        }
        processes[index].nextWaitReport = now + Self.waitReportPeriod
        let size = (Double(left) / 1e6).decimals(1)
        return [
            .report(
                .note,
                "\(status.node): \(size) MB are still on their way to the disk; they are waited for (a second Ctrl-C "
                    + "cuts them off)"
            )
        ]
    }

    /// Kills a process that takes too long to stop, and gives up one that outlives that.
    private mutating func enforce(_ index: Int, at now: MonotonicTime) -> [Action] {
        let process = processes[index]
        guard case .stopping(let deadline, let isKilled) = process.life, now >= deadline,
            let processID = process.processID
        else { return [] }
        let name = process.name
        let time = Self.text(plan.supervision.stopTimeout)
        guard !isKilled else {
            processes[index].life = .failed
            return [
                .report(
                    .error,
                    "stopping '\(name)': process \(processID) is still there \(time) after it was killed; "
                        + "expected its end. It hangs in the kernel: look at the device it uses, then restart the "
                        + "machine."
                )
            ]
        }
        processes[index].life = .stopping(deadline: now + plan.supervision.stopTimeout, isKilled: true)
        return [.report(.warning, "\(name): did not stop within \(time); it is killed"), .kill(name, processID)]
    }

    /// Kills all that lives, at once.
    mutating func killAll(reason: String, at now: MonotonicTime) -> [Action] {
        var actions: [Action] = [
            .report(
                .warning,
                "\(reason) again: nothing is waited for any more"
                    + (processes.contains { $0.name == plan.stopsLast && $0.isAlive }
                        ? "; the episode is cut, 'octo-replay recover' makes it whole" : ""))
        ]
        for index in processes.indices where processes[index].isAlive {
            if case .stopping(_, true) = processes[index].life { continue }
            if processes[index].life == .failed { continue }
            processes[index].life = .stopping(deadline: now + plan.supervision.stopTimeout, isKilled: true)
            if let processID = processes[index].processID { actions.append(.kill(processes[index].name, processID)) }
        }
        return actions + continueStopping(at: now)
    }
}
