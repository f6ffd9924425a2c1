import Messages

// What goes before policy and operator: the emergency stop, faults of driver and joints, the way back from beyond a
// limit.
extension ArmController {
    // MARK: What is latched

    /// Whether an emergency stop holds the arm.
    package var isEmergencyStopped: Bool { safety.emergencyStop == .active }
    /// Whether the policy may not move the arm because there was an emergency stop, and nobody has told it to go on.
    package var awaitsResume: Bool { safety.emergencyStop != .none }
    /// What a joint was found to do wrong; latched until someone clears it.
    package var fault: ArmFault? { safety.fault }
    /// The driver's failure; latched until someone clears it, before any other fault.
    package var driverFault: ArmFault? { safety.driver.map { ArmFault(reason: .driverFault, joint: $0.joint) } }
    /// Whether somebody has cleared a fault of the driver that ends once the driver works.
    package var isClearing: Bool { safety.driver?.isClearing ?? false }
    /// Who ended the last emergency stop, or let the policy go on after it.
    package var lastResetBy: OperatorID? { safety.lastResetBy }
    /// Whether a joint was found beyond its limits, at the start or after a fault, and nobody has seen to it yet.
    package var isBeyondLimits: Bool { safety.fault?.reason == .beyondLimits }

    /// Takes over what an earlier process of the same run left latched. To be called before the first tick.
    package mutating func restore(isEmergencyStopped: Bool, fault: ArmFault?, awaitsResume: Bool = false) {
        if awaitsResume {
            if safety.emergencyStop == .none { safety.emergencyStop = .awaitsResume }
            hold(.awaitingResume)
        }
        if let fault {
            safety.restore(fault)
            hold(fault.reason)
        }
        if isEmergencyStopped { emergencyStop() }
    }

    // MARK: Stops

    /// Lets the arm brake, hold, and take no more chunks from now on.
    package mutating func beginStopping() { hold(.stopping) }

    /// Lets the arm brake and hold until `resetEmergencyStop`. Anyone may ask, as often as they like.
    package mutating func emergencyStop() {
        if !isEmergencyStopped { counts.emergencyStops += 1 }
        safety.emergencyStop = .active
        hand.disarm()
        hold(.emergencyStop)
    }

    /// Ends what holds the arm, one thing at a time: an emergency stop, else a fault. Nothing moves by that: after an
    /// emergency stop the policy waits for `resume`, after a fault for a new chunk; an operator must let the dead-man
    /// switch go first.
    package mutating func resetEmergencyStop(by operatorID: OperatorID) {
        safety.lastResetBy = operatorID
        guard isEmergencyStopped else { return clearFault() }
        safety.emergencyStop = .awaitsResume
        hold(driverFault?.reason ?? safety.restingReason, insteadOf: .emergencyStop)
    }

    /// Lets the policy move the arm again once the emergency stop is reset: from the next chunk on. While the stop or a
    /// fault lasts nothing changes.
    package mutating func resume(by operatorID: OperatorID) {
        guard safety.emergencyStop == .awaitsResume, fault == nil, driverFault == nil else { return }
        safety.lastResetBy = operatorID
        safety.emergencyStop = .none
        hold(.released, insteadOf: .awaitingResume)
    }

    /// Lets an arm that stands after an emergency stop go, if it is to; from then on the setpoint goes with the arm, so
    /// that nothing jumps when the servos take hold again.
    mutating func letGoIfAsked() {
        guard isEmergencyStopped, configuration.emergencyStop == .torqueOff, safety.isLimp || motion.sent.isAtRest
        else {
            if safety.isLimp { takeHold() }
            return
        }
        safety.isLimp = true
        motion.restart(at: readings.measured.positions)
        gripper.goAlong(with: readings.measured.gripper)
    }

    /// Goes on after the arm was limp: it has torque again, and may stand anywhere.
    private mutating func takeHold() {
        safety.isLimp = false
        if let joint = jointBeyondLimits, fault == nil {
            safety.latch(ArmFault(reason: .beyondLimits, joint: joint))
            hold(.beyondLimits)
        }
        place.begin()
    }

    // MARK: Faults

    /// Notes that the driver could not be read, or did not take the setpoint of the last tick: the arm brakes, and
    /// holds until somebody clears the fault and the driver works again.
    /// - Parameter joint: the joint that it is about; nil when it is about none.
    package mutating func driverFailed(blaming joint: Int? = nil) {
        readings.noteFailure()
        safety.noteDriverFailure(blaming: joint)
        hold(.driverFault)
    }

    /// Ends a hold for a joint that was blocked, overloaded, too hot or did not follow; one for a joint beyond its
    /// limits that has been moved back by hand; one for a fault of the driver, once that works. The arm holds on until
    /// a new chunk comes or an operator moves it.
    package mutating func clearFault() {
        if safety.driver != nil {
            safety.beginClearingDriver()
            return place.begin()
        }
        guard let fault, fault.reason != .beyondLimits || jointBeyondLimits == nil else { return }
        safety.clearFault()
        hold(safety.idleReason, insteadOf: fault.reason)
    }

    /// Ends a fault of the driver that somebody has cleared, once the driver has worked for two ticks.
    mutating func endClearing() {
        guard isClearing, readings.driverWorks, readings.isWhole, !place.isSought else { return }
        // What did not follow because of that takes hold where it stands, and so does the setpoint.
        safety.endDriverFault()
        if let joint = jointBeyondLimits { safety.latch(ArmFault(reason: .beyondLimits, joint: joint)) }
        hold(safety.restingReason, insteadOf: .driverFault)
    }

    /// The first joint that is measured beyond its limits, by more than the tolerance.
    var jointBeyondLimits: Int? {
        motion.envelope.firstJointBeyondLimits(at: readings.measured.positions, by: Self.limitTolerance)
    }

    /// Holds when a joint does not follow, pushes too hard or is too hot.
    mutating func watchServos() {
        guard readings.driverWorks, let finding = safety.watch(readings.measured, setpoint: motion.positions) else {
            return
        }
        hold(finding.reason)
        // Where it stands nothing pushes; the others stay where they are.
        var reference = motion.positions
        if finding.reason != .overheated { reference[finding.joint] = readings.measured.positions[finding.joint] }
        motion.setReference(reference)
    }

    // MARK: The way back

    /// Moves joints that are beyond their limits back, at `recoverySpeed`. Nothing else makes the arm do that.
    package mutating func recover() {
        guard isBeyondLimits, phase.holdReason == .beyondLimits, readings.driverWorks else { return }
        motion.settleReference()
        phase = .recovering
    }

    /// Goes one tick of the way back; ends it when all joints stand inside.
    mutating func moveBack() {
        let stands = motion.moveBack(atMost: configuration.recoverySpeed)
        guard stands, jointBeyondLimits == nil else { return }
        safety.endBeyondLimits()
        phase = .holding(safety.idleReason)
    }
}
