import Messages
import Time

// An operator moves the arm.
extension ArmController {
    /// Takes an operator's command to move the arm. It lasts until the next command, at most `deadManTimeout` from its
    /// stamp.
    package mutating func receive(_ command: ManualCommand, at now: MonotonicTime) {
        guard command.isUsable(jointCount: jointCount), command.time <= now + configuration.deadManTimeout else {
            counts.refusedManualCommands += 1
            return hand.forget()
        }
        hand.take(command)
    }

    /// Gives the arm to the operator, or takes it back.
    mutating func chooseSource(at now: MonotonicTime) {
        guard let command = hand.held(at: now, timeout: configuration.deadManTimeout) else {
            if phase.isManual { release() }
            return
        }
        if !phase.isManual {
            guard hand.isArmed, mayBeMoved else { return }
            if phase.isExecuting {
                counts.interventions += 1
                hold(.released)
            }
            policy.discardWaiting()
            motion.settleReference()
        }
        phase = .manual(command)
    }

    private var mayBeMoved: Bool {
        guard safety.letsOperatorMove, readings.driverWorks, readings.isWhole else { return false }
        return switch phase {
        case .recovering, .holding(.stopping): false
        case .executing, .manual, .arriving, .holding: true
        }
    }

    private mutating func release() {
        if jointBeyondLimits == nil { safety.endBeyondLimits() }
        gripper.restart()
        phase = .holding(safety.restingReason)
    }
}
