import Maths
import Messages
import Time

// What goes before the policy: the emergency stop, faults of the servos, an operator, the way back from beyond a limit.
extension ArmController {
    // MARK: Events

    /// Brake and hold until `resetEmergencyStop`. Anyone may ask, as often as they like.
    package mutating func emergencyStop() {
        if !isEmergencyStopped { counts.emergencyStops += 1 }
        isEmergencyStopped = true
        awaitsResume = true
        isManualArmed = false
        hold(.emergencyStop)
    }

    /// Ends what holds the arm, one thing at a time: an emergency stop, else a fault. Nothing moves by that: after an
    /// emergency stop the policy waits for `resume`, after a fault for a new chunk; an operator must let the dead-man
    /// switch go first.
    package mutating func resetEmergencyStop(by operatorID: OperatorID) {
        lastResetBy = operatorID
        guard isEmergencyStopped else { return clearFault() }
        isEmergencyStopped = false
        hold(driverFault?.reason ?? fault?.reason ?? idleReason, insteadOf: .emergencyStop)
    }

    /// Lets the policy move the arm again once the emergency stop is reset: from the next chunk on. While the stop or a
    /// fault lasts nothing changes.
    package mutating func resume(by operatorID: OperatorID) {
        guard awaitsResume, !isEmergencyStopped, fault == nil, driverFault == nil else { return }
        lastResetBy = operatorID
        awaitsResume = false
        hold(.released, insteadOf: .awaitingResume)
    }

    /// Why the arm holds when nothing is the matter with it and nobody moves it.
    var idleReason: HoldReason { awaitsResume ? .awaitingResume : .released }

    /// Ends a hold for a joint that was blocked, overloaded, too hot or did not follow; one for a joint beyond its
    /// limits that has been moved back by hand; one for a fault of the driver, once that works. The arm holds on until
    /// a new chunk comes or an operator moves it.
    package mutating func clearFault() {
        if driverFault != nil {
            (isClearing, needsPlace) = (true, true)
            return
        }
        guard let fault, fault.reason != .beyondLimits || jointBeyondLimits == nil else { return }
        monitor.restart()
        self.fault = nil
        hold(idleReason, insteadOf: fault.reason)
    }

    /// Moves joints that are beyond their limits back, at `recoverySpeed`. Nothing else makes the arm do that.
    package mutating func recover() {
        guard let fault, fault.reason == .beyondLimits, case .holding(.beyondLimits) = phase, goodTicks >= 2 else {
            return
        }
        reference = motion.positions
        phase = .recovering
    }

    /// An operator asks for motion. It lasts until the next command, at most `deadManTimeout` from its stamp.
    package mutating func receive(_ command: ManualCommand, at now: MonotonicTime) {
        let isFinite =
            switch command.motion {
            case .joints(let velocities): velocities.isFinite && velocities.count == jointCount
            case .twist(let linear, let angular):
                linear.x.isFinite && linear.y.isFinite && linear.z.isFinite && angular.x.isFinite && angular.y.isFinite
                    && angular.z.isFinite
            case .positions(let positions, let speed):
                positions.isFinite && positions.count == jointCount && speed > 0 && speed <= 1
            }
        guard isFinite, command.gripper.map(\.isFinite) ?? true, command.time <= now + configuration.deadManTimeout
        else {
            counts.refusedManualCommands += 1
            // Whoever sends nonsense does not steer.
            manual = nil
            return
        }
        manual = command
    }

    // MARK: Deciding

    /// Whether chunks may move the arm.
    var obeysPolicy: Bool {
        if isEmergencyStopped || awaitsResume || fault != nil || driverFault != nil { return false }
        return switch phase {
        case .manual, .recovering, .holding(.stopping): false
        case .executing, .holding: true
        }
    }

    /// Gives the arm to the operator, or takes it back.
    mutating func chooseSource(at now: MonotonicTime) {
        if let command = manual, now - command.time >= configuration.deadManTimeout { manual = nil }
        guard let command = manual, command.isDeadManHeld else {
            isManualArmed = true
            if case .manual = phase { release() }
            return
        }
        if case .manual = phase { return }
        guard isManualArmed, mayBeMoved else { return }
        if case .executing = phase {
            counts.interventions += 1
            hold(.released)
        }
        if hasPending {
            reports.append(ChunkReport(of: pending, .interrupted, receivedAt: pendingReceipt))
            hasPending = false
        }
        reference = motion.positions
        phase = .manual
    }

    private var mayBeMoved: Bool {
        if isEmergencyStopped || driverFault != nil || goodTicks < 2 || !hasWholeReading { return false }
        if let fault, fault.reason != .beyondLimits { return false }
        return switch phase {
        case .recovering, .holding(.stopping): false
        case .executing, .manual, .holding: true
        }
    }

    private mutating func release() {
        if jointBeyondLimits == nil, fault?.reason == .beyondLimits { fault = nil }
        gripperTarget = gripper
        latch.restart(at: gripper)
        phase = .holding(fault?.reason ?? idleReason)
    }

    /// Holds for `reason` where the arm holds for `former`, however weak the new reason is.
    mutating func hold(_ reason: HoldReason, insteadOf former: HoldReason) {
        guard case .holding(let present) = phase, present == former else { return }
        reference = motion.positions
        phase = .holding(reason)
    }

    // MARK: Faults

    /// Whether a joint was found beyond its limits, at the start or after a fault, and nobody has seen to it yet.
    package var isBeyondLimits: Bool { fault?.reason == .beyondLimits }

    /// The first joint that is measured beyond its limits, by more than the tolerance.
    var jointBeyondLimits: Int? {
        for joint in 0..<jointCount {
            let position = measured.positions[joint]
            if position < envelope.lower[joint] - Self.limitTolerance
                || position > envelope.upper[joint] + Self.limitTolerance
            {
                return joint
            }
        }
        return nil
    }

    mutating func watchServos() {
        guard configuration.servoLimits != nil, goodTicks >= 2, fault == nil, driverFault == nil, !isEmergencyStopped
        else {
            return
        }
        guard let finding = monitor.check(measured, setpoint: motion.positions) else { return }
        monitor.restart()
        fault = ArmFault(reason: finding.reason, joint: finding.joint)
        hold(finding.reason)
        // Where it stands nothing pushes; the others stay where they are.
        reference = motion.positions
        if finding.reason != .overheated { reference[finding.joint] = measured.positions[finding.joint] }
    }

    // MARK: Moving

    mutating func moveManually() {
        guard let command = manual else { return motion = envelope.braked(from: motion) }
        if let opening = command.gripper { gripperTarget = min(max(opening, 0), 1) }
        switch command.motion {
        case .joints(let asked):
            var velocities = asked
            for joint in 0..<jointCount {
                let top = envelope.velocity[joint]
                velocities[joint] = min(max(asked[joint], -top), top)
            }
            move(at: velocities)
        case .twist(let linear, let angular):
            // All joints alike, so that the direction stays.
            var velocities = planner.inverseKinematics.velocities(
                linear: linear, angular: angular, at: motion.positions)
            var excess = 1.0
            for joint in 0..<jointCount { excess = max(excess, abs(velocities[joint]) / envelope.velocity[joint]) }
            velocities = velocities * (1 / excess)
            move(at: velocities)
        case .positions(let target, let speed):
            approach(target, atMost: envelope.velocity * speed)
        }
    }

    /// One tick at these joint velocities, slower where the tool would leave the workspace.
    private mutating func move(at asked: JointVector) {
        let velocities = asked * workspaceShare(of: asked)
        advance(to: envelope.moved(at: velocities, from: motion))
        reference = motion.positions
    }

    /// How much of these joint velocities (0...1) still lets the tool stop inside the workspace box; outside of it,
    /// whether it moves further out (0) or not (1).
    private func workspaceShare(of velocities: JointVector) -> Double {
        let jacobian = planner.inverseKinematics.chain.jacobian(motion.positions)
        let tool = jacobian.baseFromEEF.translation
        var toolVelocity = Vector3.zero
        var stopping = configuration.rate.periodSeconds
        for joint in 0..<jointCount {
            toolVelocity += jacobian[joint].linear * velocities[joint]
            stopping = max(
                stopping, configuration.rate.periodSeconds + abs(velocities[joint]) / envelope.acceleration[joint])
        }
        var share = 1.0
        for axis in 0..<3 where toolVelocity[axis] != 0 {
            let wall = toolVelocity[axis] > 0 ? planner.workspaceUpper[axis] : planner.workspaceLower[axis]
            let room = max(0, (wall - tool[axis]) * (toolVelocity[axis] > 0 ? 1 : -1))
            // Twice the way that braking takes: the wall is approached, not run into.
            share = min(share, room / (abs(toolVelocity[axis]) * stopping))
        }
        return share
    }

    /// One tick towards a configuration, all joints arriving together, none faster than `speed`. A person named the
    /// configuration, or it is the way back from beyond a limit: the workspace box does not stand in its way.
    private mutating func approach(_ target: JointVector, atMost speed: JointVector) {
        let way = target - reference
        var excess = 1.0
        for joint in 0..<jointCount {
            excess = max(excess, abs(way[joint]) / (speed[joint] * configuration.rate.periodSeconds))
        }
        let wanted = reference + way * (1 / excess)
        let velocity = (wanted - reference) * (1 / configuration.rate.periodSeconds)
        motion = envelope.limited(wanted, movingAt: velocity, from: motion)
        reference = wanted
        admitPresentPlace()
    }

    /// One tick of the way back inside, all joints arriving together; ends there. Not by way of a reference outside the
    /// limits, which the envelope would take for one at the limit.
    mutating func moveBack() {
        var inside = motion.positions
        for joint in 0..<jointCount {
            inside[joint] = min(max(inside[joint], envelope.lower[joint]), envelope.upper[joint])
        }
        let way = inside - motion.positions
        let speed = min(
            configuration.recoverySpeed,
            envelope.brakingSpeed(over: way.magnitude, acceleration: slowestAcceleration))
        if way.magnitude > 0 {
            motion = envelope.moved(at: way * (speed / way.magnitude), from: motion)
        } else {
            motion = envelope.braked(from: motion)
        }
        reference = motion.positions
        admitPresentPlace()
        guard motion.isAtRest, way.magnitude < 1e-9, jointBeyondLimits == nil else { return }
        fault = nil
        phase = .holding(idleReason)
    }

    private var slowestAcceleration: Double {
        var slowest = Double.infinity
        for joint in 0..<jointCount { slowest = min(slowest, envelope.acceleration[joint]) }
        return slowest
    }
}
