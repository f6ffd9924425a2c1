import Maths
import Messages
import Time

/// The outcome of one control tick.
package struct ArmTick: Equatable, Sendable, BitwiseCopyable {
    /// What the driver is told, and the rest of what the arm is doing.
    package var state: ArmState
    /// What became of a chunk; at most one per tick, the others follow.
    package var report: ChunkReport?
    /// The servos are to let go instead of taking the setpoint.
    package var isLimp = false
    /// Nothing is to be sent: where the arm stands is not certain yet. The servos keep the goals that they have.
    package var isWithheld = false

    package var setpoint: JointSetpoint { state.setpoint }
}

/// Decides once per control tick what the arm does next. Performs nothing itself; real-time safe.
///
/// Who moves the arm: an emergency stop goes before an operator with the dead-man switch held, the operator before the
/// policy, the policy before standing still. The policy's chunks follow each other as `ChunkStrategy` says. When a
/// chunk takes over, which happens between two steps, the steps that have wholly elapsed since its observation are
/// dropped (by stamps, never by an assumed delay), and each remaining step takes its full duration, so that a chunk
/// that starts in the middle of a step is not hurried.
///
/// Deltas accumulate on the commanded pose, never on the measured one, and turn about the commanded tool point: the lag
/// of the servos appears nowhere in the motion. Only after a hold does the commanded pose start anew, at the
/// setpoint held. Between policy steps the reference is a cubic in every joint, continuous in position and velocity
/// across steps, chunks and holds; the setpoint follows it inside the `SafetyEnvelope`, through which everything
/// passes.
package struct ArmController: Sendable, BitwiseCopyable {
    /// Seconds without a whole reading, and at least as many ticks, after which the setpoint is drawn to where the arm
    /// was read to be: a process that slept, a loop that was late, servos that did not answer. Longer than a servo
    /// needs to get to its last goal, so that the lag of a moving arm is not taken for a move by somebody else.
    package static let longestPause = 0.04
    private static let longestPauseTicks = 3.0
    /// How far beyond a limit (radians) a joint may be found without that being a fault: encoders and backlash.
    package static let limitTolerance = 0.02

    /// Metres by which the tool may be outside the workspace box between two steps whose ends are inside: as much as a
    /// gentle curve strays from the straight line.
    package static let boxTolerance = 0.002

    /// Events that are expected in operation but should be seen.
    package struct Counts: Equatable, Sendable, BitwiseCopyable {
        /// Chunks that came a second time.
        package var duplicateChunks: UInt64 = 0
        /// Reports lost because they arose faster than one per tick.
        package var droppedReports: UInt64 = 0
        /// Times the setpoint was drawn to the measured position, from further away than a tick's travel.
        package var recoveries: UInt64 = 0
        /// How often nothing was sent until the arm was found anew; from there it went on from a standstill.
        package var pauses: UInt64 = 0
        /// Emergency stops that began.
        package var emergencyStops: UInt64 = 0
        /// Times an operator took the arm while a chunk was executed.
        package var interventions: UInt64 = 0
        /// Operators' commands that asked for no number, for another arm, or too late.
        package var refusedManualCommands: UInt64 = 0
    }

    enum Phase: Sendable, BitwiseCopyable {
        case holding(HoldReason)
        case executing
        case manual
        case recovering

        var isHolding: Bool { if case .holding = self { true } else { false } }
    }

    package let configuration: ArmControllerConfiguration
    package internal(set) var counts = Counts()
    let planner: StepPlanner
    let envelope: SafetyEnvelope
    /// Strokes per second.
    private let gripperSpeed: Double

    var phase = Phase.holding(.waitingForFirstChunk)
    private var ticks: UInt64 = 0
    var measured: JointState
    /// What was sent last.
    var motion: JointMotion
    var gripper: Double
    var gripperTarget: Double
    var latch: GripperLatch
    /// Place of the reference at the last tick, radians.
    var reference: JointVector
    /// Good ticks since the driver failed; a chunk starts only when one whole tick, read and write, has worked.
    var goodTicks = Int.max
    /// Every encoder was read in this tick.
    var hasWholeReading = true
    /// Time at which every encoder was read last.
    private var lastWholeReading: MonotonicTime
    /// The arm's place has to be read anew, twice alike, before anything is sent.
    var needsPlace = false
    /// A setpoint has been sent since the process began.
    private var hasMoved = false
    private var placeSeen: JointState?

    // Safety and operators; see ArmController+Operators.
    package internal(set) var isEmergencyStopped = false
    /// The policy may not move the arm: there was an emergency stop, and nobody has told it to go on.
    package internal(set) var awaitsResume = false
    /// What a joint was found to do wrong; latched until someone clears it.
    package internal(set) var fault: ArmFault?
    /// The driver failed; latched until someone clears it, before any other fault.
    package internal(set) var driverFault: ArmFault?
    /// Somebody has cleared a fault of the driver; it ends once the driver works.
    package internal(set) var isClearing = false
    var monitor: ServoMonitor
    private var grip: GripGuard
    /// The opening to send; `gripper`, unless something is in its way.
    private var easedGripper: Double
    /// The servos have been told to let go.
    private var isLimp = false
    var manual: ManualCommand?
    /// The switch was seen let go since the arm last refused to be moved by hand.
    var isManualArmed = true
    /// How far outside the workspace box, by axis, the tool may be: metres.
    var boxSlack = Vector3.zero
    /// Who ended the last emergency stop.
    package internal(set) var lastResetBy: OperatorID?

    // The chunk being executed; meaningful in `executing` only. See ArmController+Steps.
    var current = FixedActionChunk()
    var report: ChunkReport
    /// Step of `current` that is executed; with an ensemble the timestep.
    var step = 0
    /// How much later than meant, in steps, `current` is executed.
    var phaseLag = 0.0
    var segment: HermiteSegment
    var commanded: StepTarget
    var next: StepTarget?
    var awaitsFirstWrite = false
    var ensemble: TemporalEnsemble
    /// The chunk before, whose actions go over into those of `current`.
    var outgoing = FixedActionChunk()
    var outgoingStep = 0
    var outgoingLag = 0.0
    /// The step of `current` that was its first; nil when there is nothing to blend with.
    var blendStart: Int?

    // The newest chunk received that has not started.
    var pending = FixedActionChunk()
    var hasPending = false
    var pendingReceipt = MonotonicTime.zero
    /// Observation time and id of the newest chunk seen, whatever became of it.
    private var newest: (observationTime: MonotonicTime, id: UInt64)?
    var lastFreshReceipt = MonotonicTime.zero
    var reports = ChunkReportQueue()

    /// An arm that holds where it is. Found beyond a limit, it stays there until someone asks for `recover`.
    /// - Parameter measured: finite; one position for each joint of `calibration`.
    package init(calibration: ArmCalibration, configuration: ArmControllerConfiguration, measured: JointState) {
        precondition(
            measured.positions.count == calibration.joints.count && Self.isUsable(measured),
            "the first measured position must be finite, one number for each joint")
        self.configuration = configuration
        planner = StepPlanner(calibration)
        envelope = SafetyEnvelope(
            lower: calibration.lower, upper: calibration.upper, velocity: calibration.velocity,
            acceleration: calibration.acceleration, period: configuration.rate.periodSeconds)
        gripperSpeed = calibration.gripper.speed
        self.measured = measured
        lastWholeReading = measured.time
        motion = JointMotion(at: measured.positions)
        gripper = measured.gripper
        gripperTarget = gripper
        easedGripper = gripper
        latch = GripperLatch(rule: configuration.gripper, opening: gripper)
        reference = measured.positions
        commanded = planner.target(at: measured.positions)
        segment = HermiteSegment(start: .zero, duration: .seconds(1), from: motion, to: motion)
        report = ChunkReport(of: current, .executed)
        monitor = ServoMonitor(
            limits: configuration.servoLimits ?? ServoLimits(), period: configuration.rate.periodSeconds)
        grip = GripGuard(
            limits: configuration.servoLimits ?? ServoLimits(), period: configuration.rate.periodSeconds)
        if case .temporalEnsemble(let weight, let size) = configuration.strategy {
            ensemble = TemporalEnsemble(weight: weight, size: size)
        } else {
            ensemble = TemporalEnsemble(weight: 0, size: 1)
        }
        if let joint = jointBeyondLimits {
            fault = ArmFault(reason: .beyondLimits, joint: joint)
            phase = .holding(.beyondLimits)
        }
        admitPresentPlace()
    }

    /// Takes over what an earlier process of the same run left latched. Before the first tick.
    package mutating func restore(isEmergencyStopped: Bool, fault: ArmFault?, awaitsResume: Bool = false) {
        if awaitsResume {
            self.awaitsResume = true
            hold(.awaitingResume)
        }
        if let fault {
            if fault.reason == .driverFault { driverFault = fault } else if self.fault == nil { self.fault = fault }
            hold(fault.reason)
        }
        if isEmergencyStopped { emergencyStop() }
    }

    /// Joints of the arm, without the gripper.
    package var jointCount: Int { motion.positions.count }

    // MARK: Events

    /// A chunk has come. It starts at the next tick if the arm holds, else as the strategy says.
    package mutating func receive(_ chunk: FixedActionChunk, at now: MonotonicTime) {
        func refused(_ outcome: ChunkReport.Outcome, skipped: Int = 0) {
            reports.append(ChunkReport(of: chunk, outcome, receivedAt: now, stepsSkipped: skipped))
        }
        if case .holding(.stopping) = phase { return refused(.interrupted) }
        let expected = FixedActionChunk.dimension(of: chunk.actionSpace, jointCount: jointCount)
        // An observation from the future is a broken stamp. Believed, it would make every later chunk look old.
        guard chunk.actionDimension == expected, chunk.observationTime <= now + chunk.stepDuration else {
            return refused(.rejected)
        }
        if let newest, chunk.observationTime <= newest.observationTime {
            if newest == (chunk.observationTime, chunk.id) {
                counts.duplicateChunks += 1
            } else {
                refused(.superseded)
            }
            return
        }
        newest = (chunk.observationTime, chunk.id)
        let elapsed = chunk.elapsedSteps(at: now)
        guard elapsed < chunk.actionHorizon else { return refused(.tooLate, skipped: chunk.actionHorizon) }
        // What was inferred while a person moved the arm, or it could not move, is no plan for afterwards.
        guard obeysPolicy else { return refused(.interrupted) }
        lastFreshReceipt = now
        if joinsEnsemble(chunk) {
            ensemble.add(chunk, receivedAt: now, firstOpen: step + 1, reports: &reports)
            return
        }
        if hasPending { reports.append(ChunkReport(of: pending, .superseded, receivedAt: pendingReceipt)) }
        pending = chunk
        pendingReceipt = now
        hasPending = true
    }

    /// The setpoint of the last tick is with the driver.
    package mutating func wrote(at now: MonotonicTime) {
        guard awaitsFirstWrite else { return }
        if isEnsemble { return ensemble.wrote(step, at: now) }
        awaitsFirstWrite = false
        report.firstSetpointTime = now
    }

    /// The driver could not be read, or did not take the setpoint of the last tick: the arm brakes, and holds until
    /// somebody clears the fault and the driver works again.
    /// - Parameter joint: that it is about; nil when it is about none.
    package mutating func driverFailed(blaming joint: Int? = nil) {
        goodTicks = 0
        isClearing = false
        // What was wrong first stays: the rest may follow from it.
        if driverFault == nil || driverFault?.joint == nil {
            driverFault = ArmFault(reason: .driverFault, joint: joint)
        }
        hold(.driverFault)
    }

    /// Lets the arm brake, hold, and take no more chunks from now on.
    package mutating func beginStopping() { hold(.stopping) }

    /// One control tick.
    ///
    /// - Parameters:
    ///   - now: the tick's deadline rather than the wake-up, so that jitter does not reach the motion. Later than all
    ///     ticks before.
    ///   - measured: nil when the driver could not be read: the arm brakes as after `driverFailed()`. A position that
    ///     is not finite counts as that.
    package mutating func tick(at now: MonotonicTime, measured reading: JointState?) -> ArmTick {
        take(reading)
        chooseSource(at: now)
        chooseStep(at: now)
        let isWithheld = needsPlace && !findPlace(at: now)
        if !isWithheld {
            move(to: now)
            hasMoved = true
        }
        endClearing()
        letGoIfAsked()
        let tick = ArmTick(state: state, report: reports.popFirst(), isLimp: isLimp, isWithheld: isWithheld)
        counts.droppedReports = reports.dropped
        ticks += 1
        return tick
    }

    /// Takes what the encoders said.
    private mutating func take(_ reading: JointState?) {
        hasWholeReading = false
        guard let reading, Self.isUsable(reading), reading.positions.count == jointCount else { return driverFailed() }
        measured = reading
        // Of a joint that did not answer nothing is known: what follows waits until it does.
        guard reading.unread.isEmpty else { return }
        hasWholeReading = true
        let pause = (reading.time - lastWholeReading).inSeconds
        lastWholeReading = reading.time
        if goodTicks < 2 { goodTicks += 1 }
        watchServos()
        // Meanwhile the arm may have been moved.
        if pause > max(Self.longestPause, Self.longestPauseTicks * configuration.rate.periodSeconds) {
            needsPlace = true
        }
    }

    // MARK: Moving

    private mutating func move(to now: MonotonicTime) {
        guard hasWholeReading else { return stand(at: now) }
        switch phase {
        case .executing: follow(segment.positions(at: now), towards: segment.to)
        case .manual: moveManually()
        case .recovering: moveBack()
        case .holding(.chunkExhausted) where now - lastFreshReceipt < configuration.watchdog:
            follow(segment.to.positions, towards: segment.to)
        case .holding(.waitingForFirstChunk), .holding(.stalled), .holding(.overloaded), .holding(.notFollowing):
            // A joint found a hair beyond its limit goes back to it; one that is blocked stops pushing.
            follow(reference)
        case .holding: motion = envelope.braked(from: motion)
        }
        let stroke = gripperSpeed * configuration.rate.periodSeconds
        gripper += min(max(gripperTarget - gripper, -stroke), stroke)
        let eased = configuration.servoLimits == nil ? gripper : grip.eased(gripper, measured: measured)
        // Nor does it jump when it meets something, or when that gives way.
        easedGripper += min(max(eased - easedGripper, -stroke), stroke)
    }

    /// Brakes because a joint was not read; the reference of a chunk goes on, so that the arm can go after it.
    private mutating func stand(at now: MonotonicTime) {
        motion = envelope.braked(from: motion)
        if case .executing = phase { reference = segment.positions(at: now) } else { reference = motion.positions }
    }

    /// Waits until the arm was read whole at one place twice in a row, and draws the setpoint there.
    /// - Returns: whether that is so.
    private mutating func findPlace(at now: MonotonicTime) -> Bool {
        // Nothing is sent: the servos stand on their last goals, or somebody has moved them.
        motion = JointMotion(at: motion.positions)
        guard hasWholeReading else {
            placeSeen = nil
            reference = motion.positions
            return false
        }
        guard let seen = placeSeen, isOnePlace(seen, measured) else {
            placeSeen = measured
            if case .executing = phase { reference = segment.positions(at: now) }
            return false
        }
        placeSeen = nil
        needsPlace = false
        if hasMoved { counts.pauses += 1 }
        drawToMeasured()
        return true
    }

    /// Whether two states are one place: within a tick's travel, or what encoders are uncertain by where a tick is
    /// short.
    private func isOnePlace(_ one: JointState, _ other: JointState) -> Bool {
        let period = configuration.rate.periodSeconds
        for joint in 0..<jointCount
        where abs(one.positions[joint] - other.positions[joint]) > max(envelope.velocity[joint] * period, 0.01) {
            return false
        }
        return abs(one.gripper - other.gripper) <= max(gripperSpeed * period, 0.01)
    }

    /// Draws the setpoint to where the arm was read to be. The rest of the way, if somebody asks for it, is made at the
    /// joints' own speed.
    private mutating func drawToMeasured() {
        let period = configuration.rate.periodSeconds
        var place = motion.positions
        for joint in 0..<jointCount {
            let reach = envelope.velocity[joint] * period
            // Onto it, not to within a tick's travel of it: the tick that sends the first goal goes on from here.
            if abs(place[joint] - measured.positions[joint]) > reach { place[joint] = measured.positions[joint] }
        }
        let stroke = gripperSpeed * period
        let isGripperElsewhere = abs(easedGripper - measured.gripper) > stroke
        if isGripperElsewhere {
            (gripper, easedGripper) = (measured.gripper, measured.gripper)
            if phase.isHolding { gripperTarget = measured.gripper }
            grip.letGo()
        }
        let isArmElsewhere = place != motion.positions
        if isArmElsewhere {
            motion = JointMotion(at: place)
            reference = place
            admitPresentPlace()
        }
        if isArmElsewhere || isGripperElsewhere { counts.recoveries += 1 }
    }

    /// A fault of the driver that somebody has cleared is over once the driver has worked for two ticks.
    private mutating func endClearing() {
        guard isClearing, goodTicks >= 2, hasWholeReading, !needsPlace else { return }
        isClearing = false
        driverFault = nil
        // It did not follow because of that: it takes hold where it stands, and so does the setpoint.
        if fault?.reason == .notFollowing { fault = nil }
        if fault == nil { fault = jointBeyondLimits.map { ArmFault(reason: .beyondLimits, joint: $0) } }
        monitor.restart()
        hold(fault?.reason ?? idleReason, insteadOf: .driverFault)
    }

    /// An arm that stands after an emergency stop lets go, if it is to; from then on the setpoint goes with the arm, so
    /// that nothing jumps when the servos take hold again.
    private mutating func letGoIfAsked() {
        guard isEmergencyStopped, configuration.emergencyStop == .torqueOff, isLimp || motion.isAtRest else {
            if isLimp, let joint = jointBeyondLimits, fault == nil {
                fault = ArmFault(reason: .beyondLimits, joint: joint)
                hold(.beyondLimits)
            }
            if isLimp { needsPlace = true }
            isLimp = false
            return
        }
        isLimp = true
        motion = JointMotion(at: measured.positions)
        reference = measured.positions
        gripper = measured.gripper
        (gripperTarget, easedGripper) = (gripper, gripper)
        grip.letGo()
        latch.restart(at: gripper)
        admitPresentPlace()
    }

    mutating func follow(_ wanted: JointVector, towards end: JointMotion? = nil) {
        let velocity = (wanted - reference) * (1 / configuration.rate.periodSeconds)
        advance(to: envelope.limited(wanted, movingAt: velocity, from: motion, towards: end))
        reference = wanted
    }

    /// Moves on unless the tool could then no longer stop inside the workspace box: in that case the arm brakes, which
    /// it still can. The targets of all steps are inside; this is for what lies between them.
    mutating func advance(to next: JointMotion) {
        let chain = planner.inverseKinematics.chain
        let present = planner.outside(chain.baseFromEEF(motion.positions).translation)
        // Whoever comes in from outside does not go out again, by more than a curve strays.
        var limit = Vector3(repeating: Self.boxTolerance)
        for axis in 0..<3 {
            let isInside = present[axis] <= Self.boxTolerance
            boxSlack[axis] =
                isInside ? 2 * Self.boxTolerance : min(boxSlack[axis], present[axis] + 5 * Self.boxTolerance)
            if !isInside { limit[axis] = boxSlack[axis] }
        }
        var longest = 0.0
        for joint in 0..<jointCount {
            longest = max(longest, abs(next.velocities[joint]) / envelope.acceleration[joint])
        }
        // The way to a standstill is not straight, for the joints stop one after the other: looked at in three places.
        for part in 1...3 {
            let point = chain.baseFromEEF(braking(next, for: longest * Double(part) / 3)).translation
            let beyond = planner.outside(point)
            for axis in 0..<3 where beyond[axis] > limit[axis] && beyond[axis] > present[axis] {
                return motion = envelope.braked(from: motion)
            }
        }
        motion = next
    }

    /// Something to which the box does not apply has moved the arm: it goes on from where it is, in the box or not.
    mutating func admitPresentPlace() {
        let tool = planner.inverseKinematics.chain.baseFromEEF(motion.positions).translation
        boxSlack = planner.outside(tool) + Vector3(repeating: 5 * Self.boxTolerance)
    }

    /// Positions of the joints after braking for so many seconds, radians.
    private func braking(_ start: JointMotion, for seconds: Double) -> JointVector {
        var positions = start.positions
        for joint in 0..<jointCount {
            let (speed, deceleration) = (start.velocities[joint], envelope.acceleration[joint])
            let time = min(seconds, abs(speed) / deceleration)
            positions[joint] += speed * time - (speed < 0 ? -1 : 1) * deceleration * time * time / 2
        }
        return positions
    }

    /// Ends whatever is going on. The strongest reason stays.
    mutating func hold(_ reason: HoldReason) {
        switch phase {
        case .executing:
            if isEnsemble {
                ensemble.clear(.interrupted, reports: &reports)
            } else {
                report.outcome = .interrupted
                reports.append(report)
            }
            awaitsFirstWrite = false
        case .manual, .recovering: isManualArmed = false
        case .holding(let present):
            if present.rank > reason.rank { return }
        }
        if reason.rank >= HoldReason.stalled.rank && reason != .driverFault && hasPending {
            reports.append(ChunkReport(of: pending, .interrupted, receivedAt: pendingReceipt))
            hasPending = false
        }
        gripperTarget = gripper
        phase = .holding(reason)
    }

    /// What it does at present, as the last tick left it.
    package var state: ArmState {
        let chain = planner.inverseKinematics.chain
        var mode = ArmMode.manual
        var blamed: Int?
        var commandedPose: Pose?
        switch phase {
        case .executing:
            commandedPose = commanded.baseFromEEF
            mode = .executing(chunkID: current.id, step: step)
            if isEnsemble, let newest = ensemble.newest(at: step) {
                mode = .executing(chunkID: newest.id, step: newest.step)
            }
        case .holding(let reason):
            mode = .holding(reason)
            if let found = reason == .driverFault ? driverFault : fault, found.reason == reason { blamed = found.joint }
        case .manual: break
        case .recovering:
            mode = .recovering
            blamed = fault?.joint
        }
        return ArmState(
            tick: ticks, mode: mode, measured: measured,
            setpoint: JointSetpoint(positions: motion.positions, velocities: motion.velocities, gripper: easedGripper),
            baseFromEEF: chain.baseFromEEF(measured.positions),
            commandedBaseFromEEF: commandedPose ?? chain.baseFromEEF(motion.positions), blamedJoint: blamed)
    }

    private static func isUsable(_ state: JointState) -> Bool { state.positions.isFinite && state.gripper.isFinite }
}

extension HoldReason {
    /// Rank of the reason: of two the one with the higher rank stays.
    var rank: Int {
        switch self {
        case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .released, .awaitingResume: 0
        case .stalled, .overloaded, .overheated, .beyondLimits, .notFollowing: 1
        case .driverFault: 2
        case .emergencyStop: 3
        case .stopping: 4
        }
    }
}
