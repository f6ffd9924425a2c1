import Kinematics
import Maths
import Messages
import Time

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
        /// Number of times the setpoint was drawn to the measured position, from further away than a tick's travel.
        package var recoveries: UInt64 = 0
        /// How often nothing was sent until the arm was found anew; from there it went on from a standstill.
        package var pauses: UInt64 = 0
        /// Emergency stops that began.
        package var emergencyStops: UInt64 = 0
        /// Number of times an operator took the arm while a chunk was executed.
        package var interventions: UInt64 = 0
        /// Operators' commands that asked for no number, for another arm, or too late.
        package var refusedManualCommands: UInt64 = 0
    }

    package let configuration: ArmControllerConfiguration
    /// Events so far.
    package internal(set) var counts = Counts()
    /// Number of ticks so far.
    private var ticks: UInt64 = 0
    /// Who moves the arm, with what only that one needs.
    var phase = Phase.holding(.waitingForFirstChunk)
    /// Turns the policy's actions into targets.
    let planner: StepPlanner
    /// The policy's chunks, waiting and executed.
    var policy: PolicyExecution
    /// The operator's newest command, and whether it is heard.
    var hand = OperatorHand()
    /// What holds the arm until a person ends it: emergency stop and faults.
    var safety: SafetyLatches
    /// What the encoders said.
    var readings: ArmReadings
    /// Whether it is certain where the arm stands.
    var place: PlaceSearch
    /// What the joints are sent.
    var motion: BoundedMotion
    /// What the gripper is sent.
    var gripper: GripperMotion

    /// Begins with an arm that holds where it is. Found beyond a limit, it stays there until someone asks for
    /// `recover`.
    /// - Parameter measured: the arm's measured state; finite, one position for each joint of `calibration`.
    package init(calibration: ArmCalibration, configuration: ArmControllerConfiguration, measured: JointState) {
        precondition(
            measured.positions.count == calibration.joints.count,
            "the first measured position must have one number for each joint")
        self.configuration = configuration
        let period = configuration.rate.periodSeconds
        planner = StepPlanner(calibration)
        policy = PolicyExecution(strategy: configuration.strategy)
        safety = SafetyLatches(limits: configuration.servoLimits, period: period)
        readings = ArmReadings(measured)
        let envelope = SafetyEnvelope(
            lower: calibration.lower, upper: calibration.upper, velocity: calibration.velocity,
            acceleration: calibration.acceleration, period: period)
        motion = BoundedMotion(envelope, planner, at: measured.positions)
        gripper = GripperMotion(
            rule: configuration.gripper, speed: calibration.gripper.speed, limits: configuration.servoLimits,
            period: period, at: measured.gripper)
        place = PlaceSearch(travel: envelope.velocity * period, stroke: gripper.stroke)
        if let joint = jointBeyondLimits {
            safety.latch(ArmFault(reason: .beyondLimits, joint: joint))
            phase = .holding(.beyondLimits)
        }
    }

    /// How many joints the arm has, without the gripper.
    package var jointCount: Int { motion.positions.count }

    // MARK: One tick

    /// Runs one control tick.
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
        let isWithheld = place.isSought && !findPlace(at: now)
        if !isWithheld {
            move(to: now)
            place.noteMoved()
        }
        endClearing()
        letGoIfAsked()
        let tick = ArmTick(
            state: state, report: policy.takeReport(), isLimp: safety.isLimp, isWithheld: isWithheld)
        counts.droppedReports = policy.droppedReports
        ticks += 1
        return tick
    }

    /// Takes what the encoders said.
    private mutating func take(_ reading: JointState?) {
        switch readings.take(reading) {
        case .failed: driverFailed()
        // Of a joint that did not answer nothing is known: what follows waits until it does.
        case .partial: break
        case .whole(let pause):
            watchServos()
            // Meanwhile the arm may have been moved.
            if pause > longestPause { place.begin() }
        }
    }

    private mutating func move(to now: MonotonicTime) {
        guard readings.isWhole else { return stand(at: now) }
        switch phase {
        case .executing(let step): motion.follow(step.segment.positions(at: now), towards: step.segment.to)
        case .manual(let command):
            if let opening = command.gripper { gripper.go(to: opening) }
            motion.obey(command.motion)
        case .recovering: moveBack()
        case .arriving(let target):
            if isFresh(at: now) { motion.follow(target, towards: JointMotion(at: target)) } else { motion.brake() }
        case .holding(.waitingForFirstChunk), .holding(.stalled), .holding(.overloaded), .holding(.notFollowing):
            // A joint found a hair beyond its limit goes back to it; one that is blocked stops pushing.
            motion.follow(motion.reference)
        case .holding: motion.brake()
        }
        gripper.advance(measured: readings.measured)
    }

    /// Brakes because a joint was not read; the reference of a chunk goes on, so that the arm can go after it.
    private mutating func stand(at now: MonotonicTime) {
        motion.brake()
        motion.setReference(referenceOfPolicy(at: now) ?? motion.positions)
    }

    /// Where the policy's step leads at `now`, radians; nil while the policy does not move the arm.
    func referenceOfPolicy(at now: MonotonicTime) -> JointVector? {
        if case .executing(let step) = phase { step.segment.positions(at: now) } else { nil }
    }

    // MARK: Holding

    /// Ends whatever is going on. The strongest reason stays.
    mutating func hold(_ reason: HoldReason) {
        switch phase {
        case .executing: policy.finish(.interrupted)
        case .manual, .recovering: hand.disarm()
        case .arriving: break
        case .holding(let present):
            if present.rank > reason.rank { return }
        }
        if reason.rank >= HoldReason.stalled.rank && reason != .driverFault { policy.discardWaiting() }
        gripper.stay()
        phase = .holding(reason)
    }

    /// Holds for `reason` where the arm holds for `former`, however weak the new reason is.
    mutating func hold(_ reason: HoldReason, insteadOf former: HoldReason) {
        guard phase.holdReason == former else { return }
        motion.settleReference()
        phase = .holding(reason)
    }

    // MARK: State

    /// What the arm does at present, as the last tick left it.
    // Inlined, for else each tick copies the whole controller, chunks and all, to ask it: a tenth of the tick's time.
    @inline(__always) package var state: ArmState {
        let chain = planner.inverseKinematics.chain
        let measured = readings.measured
        var mode = ArmMode.manual
        var blamed: Int?
        var commandedPose: Pose?
        switch phase {
        case .executing(let step):
            commandedPose = step.target.baseFromEEF
            let present = policy.present
            mode = .executing(chunkID: present.chunkID, step: present.step)
        case .arriving: mode = .holding(.chunkExhausted)
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
            setpoint: JointSetpoint(
                positions: motion.sent.positions, velocities: motion.sent.velocities, gripper: gripper.sent),
            baseFromEEF: chain.baseFromEEF(measured.positions),
            commandedBaseFromEEF: commandedPose ?? chain.baseFromEEF(motion.positions), blamedJoint: blamed)
    }
}
