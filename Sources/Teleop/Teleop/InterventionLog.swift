import Messages
import Time

/// Tells from the arm's modes when an operator took it from the policy and gave it back, and of emergency stops: what a
/// run's log must have.
package struct InterventionLog: Sendable {
    private let node: String
    private var wasExecuting = false
    private var isIntervening = false
    private var isStopped = false
    private var held: HoldReason?
    /// Who moved the arm by hand last, and who last gave it a command; empty: nobody yet.
    private var mover = ""
    private var commander = ""

    package init(node: String) { self.node = node }

    /// Takes note of who moves the arm by hand: a program with its process, as "octo-teleop (pid 1234)".
    package mutating func noteMotion(by operatorID: String) { mover = operatorID }

    /// Takes note of who stops the arm, resets it or lets it go on.
    package mutating func noteCommand(by operatorID: String) { commander = operatorID }

    /// Takes note of the arm's mode.
    /// - Parameter condition: what is the matter with the arm, and what ends it; empty: the mode's own words.
    /// - Returns: what there is to tell.
    package mutating func receive(_ mode: ArmMode, condition: String = "", at now: MonotonicTime) -> [RunEvent] {
        var events: [RunEvent] = []
        func tell(_ kind: RunEvent.Kind, _ text: String, by operatorID: String = "") {
            events.append(RunEvent(node: node, kind: kind, subject: operatorID, text: text, time: now))
        }
        let isEmergency = mode == .holding(.emergencyStop)
        if isEmergency != isStopped {
            tell(
                isEmergency ? .emergencyStop : .emergencyStopReset,
                (isEmergency ? "emergency stop" : "the emergency stop is reset")
                    + (commander.isEmpty ? "" : " by \(commander)"), by: commander)
            isStopped = isEmergency
        }
        var reason: HoldReason?
        if case .holding(let present) = mode, present != .emergencyStop, present.command != nil { reason = present }
        if reason != held {
            if let reason {
                tell(
                    .armHeld,
                    condition.isEmpty ? "\(reason)\(reason.command.map { ": '\($0)' ends it" } ?? "")" : condition)
            } else if !isEmergency {
                tell(.armReleased, "nothing holds the arm any more")
            }
            held = reason
        }
        switch mode {
        case .manual:
            if wasExecuting, !isIntervening {
                isIntervening = true
                tell(
                    .interventionBegan,
                    (mover.isEmpty ? "an operator" : mover) + " takes the arm from the policy", by: mover)
            }
            wasExecuting = false
        case .executing:
            if isIntervening {
                isIntervening = false
                tell(.interventionEnded, "the policy has the arm again")
            }
            wasExecuting = true
        case .holding(.released): break  // between an operator's motions, or before the policy's next chunk
        case .holding, .recovering:
            // A hold of the policy's own: between its chunks it still has the arm.
            if isIntervening {
                isIntervening = false
                tell(.interventionEnded, "the operator has let go")
            }
            if case .holding(let reason) = mode, reason != .chunkExhausted, reason != .noFreshChunk {
                wasExecuting = false
            }
        }
        return events
    }
}
