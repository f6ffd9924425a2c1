import Geometry
import Messages
import Time

/// How the controller executes chunks.
package struct ArmControllerConfiguration: Equatable, Sendable, BitwiseCopyable {
    /// Control ticks per second.
    package var rate: Rate
    /// Actions executed of a chunk before a newer one takes over, at least 1.
    package var executionHorizon: Int
    /// The arm holds when no fresh chunk came for this long.
    package var watchdog: Duration
    /// How long an arm that holds waits with a chunk before it starts it, unless that would cost a step.
    ///
    /// Policy and arm keep step: without a margin, each change of chunks would fall on the very moment that the next
    /// one arrives, and whenever that is a little late one of a step earlier would be taken. A quarter of a step covers
    /// the jitter of inference and costs that quarter once.
    package var startMargin: Duration

    package init(rate: Rate, executionHorizon: Int, watchdog: Duration, startMargin: Duration = .zero) {
        precondition(executionHorizon >= 1, "at least one action of each chunk must be executed")
        precondition(watchdog > .zero, "the watchdog time must be positive")
        self.rate = rate
        self.executionHorizon = executionHorizon
        self.watchdog = watchdog
        self.startMargin = startMargin
    }
}

/// The outcome of one control tick.
package struct ArmTick: Equatable, Sendable, BitwiseCopyable {
    /// What the driver is told, and the rest of what the arm is doing.
    package var state: ArmState
    /// What became of a chunk; at most one per tick, the others follow.
    package var report: ChunkReport?

    package var setpoint: JointSetpoint { state.setpoint }
}

/// Decides once per control tick what the arm does next. Performs nothing itself; real-time safe.
///
/// Receding horizon: of each chunk `executionHorizon` actions are executed, then the newest chunk received takes over.
/// If there is none, the remaining actions follow; after the last the arm holds. When a chunk takes over, the steps that
/// have wholly elapsed since its observation are dropped (by stamps, never by an assumed delay), and each
/// remaining step then takes its full duration, so that a chunk that starts in the middle of a step is not hurried.
///
/// Deltas accumulate on the commanded pose, never on the measured one, and turn about the commanded tool point: the lag
/// of the servos appears nowhere in the motion. Only after a hold does the commanded pose start anew, at the
/// setpoint held. Between policy steps the reference is a cubic in every joint, continuous in position and velocity
/// across steps, chunks and holds; the setpoint follows it inside the `SafetyEnvelope`, through which everything passes.
package struct ArmController: Sendable, BitwiseCopyable {
    /// How far (radians, any joint) the arm may be from the setpoint after a driver fault for the setpoint to be
    /// kept. Beyond it the arm was moved or has sagged, and the setpoint starts anew from the measured position:
    /// the old one would make the servos jump. Larger than the lag of a moving arm, smaller than what hurts.
    package static let recoveryTolerance = 0.2

    /// Events that are expected in operation but should be seen.
    package struct Counts: Equatable, Sendable, BitwiseCopyable {
        /// Chunks that came a second time.
        package var duplicateChunks: UInt64 = 0
        /// Reports lost because they arose faster than one per tick.
        package var droppedReports: UInt64 = 0
        /// Times the setpoint started anew from the measured position after a driver fault.
        package var recoveries: UInt64 = 0
    }

    private enum Phase: Sendable, BitwiseCopyable {
        case holding(HoldReason)
        case executing
    }

    package let configuration: ArmControllerConfiguration
    package private(set) var counts = Counts()
    private let planner: StepPlanner
    private let envelope: SafetyEnvelope
    /// Strokes per second.
    private let gripperSpeed: Double

    private var phase = Phase.holding(.waitingForFirstChunk)
    private var ticks: UInt64 = 0
    private var measured: JointState
    /// What was sent last.
    private var motion: JointMotion
    private var gripper: Double
    private var gripperTarget: Double
    /// Where the reference was at the last tick, radians.
    private var reference: JointVector
    /// Good ticks since the driver failed; a chunk starts only when one whole tick, read and write, has worked.
    private var goodTicks = Int.max

    // The chunk being executed; meaningful in `executing` only.
    private var current = FixedActionChunk()
    private var report: ChunkReport
    private var step = 0
    private var segment: HermiteSegment
    private var commanded: StepTarget
    private var next: StepTarget?
    private var awaitsFirstWrite = false

    // The newest chunk received that has not started.
    private var pending = FixedActionChunk()
    private var hasPending = false
    /// Observation time and id of the newest chunk seen, whatever became of it.
    private var newest: (observationTime: MonotonicTime, id: UInt64)?
    private var lastFreshReceipt = MonotonicTime.zero
    private var reports = ChunkReportQueue()

    /// An arm that holds where it is.
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
        motion = JointMotion(at: measured.positions)
        gripper = min(max(measured.gripper, 0), 1)
        gripperTarget = gripper
        reference = measured.positions
        commanded = planner.target(at: measured.positions, gripper: gripper)
        segment = HermiteSegment(start: .zero, duration: .seconds(1), from: motion, to: motion)
        report = ChunkReport(of: current, .executed)
    }

    /// Joints of the arm, without the gripper.
    package var jointCount: Int { motion.positions.count }

    // MARK: Events

    /// A chunk has come. It starts at the next tick if the arm holds, else when `executionHorizon` actions are done.
    package mutating func receive(_ chunk: FixedActionChunk, at now: MonotonicTime) {
        if case .holding(.stopping) = phase { return reports.append(ChunkReport(of: chunk, .interrupted)) }
        let expected = FixedActionChunk.dimension(of: chunk.actionSpace, jointCount: jointCount)
        // An observation from the future is a broken stamp. Believed, it would make every later chunk look old.
        guard chunk.actionDimension == expected, chunk.observationTime <= now + chunk.stepDuration else {
            return reports.append(ChunkReport(of: chunk, .rejected))
        }
        if let newest, chunk.observationTime <= newest.observationTime {
            if newest == (chunk.observationTime, chunk.id) {
                counts.duplicateChunks += 1
            } else {
                reports.append(ChunkReport(of: chunk, .superseded))
            }
            return
        }
        newest = (chunk.observationTime, chunk.id)
        let elapsed = chunk.elapsedSteps(at: now)
        guard elapsed < chunk.actionHorizon else {
            return reports.append(ChunkReport(of: chunk, .tooLate, stepsSkipped: chunk.actionHorizon))
        }
        if hasPending { reports.append(ChunkReport(of: pending, .superseded)) }
        pending = chunk
        hasPending = true
        lastFreshReceipt = now
    }

    /// The setpoint of the last tick is with the driver.
    package mutating func wrote(at now: MonotonicTime) {
        guard awaitsFirstWrite else { return }
        awaitsFirstWrite = false
        report.firstSetpointTime = now
    }

    /// The driver did not take the setpoint of the last tick: the arm brakes, and holds until a chunk comes after the
    /// driver works again.
    package mutating func driverFailed() {
        goodTicks = 0
        hold(.driverFault)
    }

    /// From now on the arm brakes, holds, and takes no more chunks.
    package mutating func beginStopping() { hold(.stopping) }

    /// One control tick.
    ///
    /// - Parameters:
    ///   - now: the tick's deadline rather than the wake-up, so that jitter does not reach the motion. Later than all
    ///     ticks before.
    ///   - measured: nil when the driver could not be read: the arm brakes as after `driverFailed()`. A position that
    ///     is not finite counts as that.
    package mutating func tick(at now: MonotonicTime, measured reading: JointState?) -> ArmTick {
        if let reading, Self.isUsable(reading), reading.positions.count == jointCount {
            measured = reading
            recoverIfNeeded()
        } else {
            driverFailed()
        }
        chooseStep(at: now)
        move(to: now)
        let tick = ArmTick(state: state, report: reports.popFirst())
        counts.droppedReports = reports.dropped
        ticks += 1
        return tick
    }

    // MARK: Choosing the step

    private mutating func chooseStep(at now: MonotonicTime) {
        switch phase {
        case .executing:
            if now - lastFreshReceipt >= configuration.watchdog {
                hold(.noFreshChunk)
            } else if now >= segment.end {
                endStep(at: now)
            }
        case .holding(.stopping): break
        case .holding:
            // One good tick after a fault is not enough: its write may still fail.
            if hasPending && goodTicks >= 2 && isDueToStart(at: now) { _ = startPending(at: now, boundary: nil) }
        }
    }

    /// Whether the pending chunk has waited out the start margin, or would lose a step by waiting longer.
    private func isDueToStart(at now: MonotonicTime) -> Bool {
        configuration.startMargin == .zero || now - lastFreshReceipt >= configuration.startMargin
            || pending.elapsedSteps(at: now + configuration.rate.period) > pending.elapsedSteps(at: lastFreshReceipt)
    }

    /// The present step's time is over: the next step, the next chunk, or a hold.
    private mutating func endStep(at now: MonotonicTime) {
        report.stepsExecuted += 1
        // After a stall of the loop several steps may be over; those that never began are dropped, not made up.
        let stalled = Int((now - segment.end).nanoseconds / segment.duration.nanoseconds)
        let dropped = min(stalled, current.actionHorizon - 1 - step)
        report.stepsSkipped += dropped
        step += 1 + dropped
        let boundary = segment.end + .nanoseconds(Int64(stalled) * segment.duration.nanoseconds)
        let isDue = report.stepsExecuted >= configuration.executionHorizon || step >= current.actionHorizon
        if isDue && hasPending && startPending(at: now, boundary: boundary) { return }
        if step < current.actionHorizon { return beginStep(at: boundary, from: segment.to) }
        report.outcome = .executed
        reports.append(report)
        phase = .holding(.chunkExhausted)
        awaitsFirstWrite = false
        // The reference rests on the last target: a setpoint that lags behind it still arrives.
        segment.to = JointMotion(at: segment.to.positions)
    }

    /// The pending chunk takes over, unless all its steps have elapsed meanwhile or it is no longer fresh.
    /// - Parameter boundary: where the present chunk's step ended; nil when the arm holds.
    /// - Returns: whether it did.
    private mutating func startPending(at now: MonotonicTime, boundary: MonotonicTime?) -> Bool {
        hasPending = false
        let skipped = min(pending.elapsedSteps(at: now), pending.actionHorizon)
        // A chunk that waited out the watchdog (behind a driver fault, say) would be stopped again at the next tick.
        guard skipped < pending.actionHorizon, now - lastFreshReceipt < configuration.watchdog else {
            reports.append(ChunkReport(of: pending, .tooLate, stepsSkipped: skipped))
            return false
        }
        var start = segment.to
        if boundary == nil {
            start = motion
            commanded = planner.target(at: motion.positions, gripper: gripperTarget)
            reference = motion.positions
        } else {
            report.outcome = .executed
            reports.append(report)
        }
        current = pending
        step = skipped
        next = nil
        report = ChunkReport(of: current, .executed, stepsSkipped: skipped)
        awaitsFirstWrite = true
        phase = .executing
        // The motion to start from is that of the tick before: starting the cubic now would lose a tick's travel.
        beginStep(at: boundary ?? now - configuration.rate.period, from: start)
        return true
    }

    /// Lays the cubic for `step` from `start` to its target, with the velocity there that suits the step after it.
    private mutating func beginStep(at time: MonotonicTime, from start: JointMotion) {
        let duration = current.stepDuration
        let isPlanned = next != nil && segment.end == time
        let target = isPlanned ? next ?? commanded : planner.target(of: step, in: current, after: commanded)
        commanded = target
        if target.isClamped { report.stepsClamped += 1 }
        gripperTarget = target.gripper
        var end = JointMotion(at: target.positions)
        next = nil
        if step + 1 < current.actionHorizon {
            let following = planner.target(of: step + 1, in: current, after: target)
            let perSecond = 1 / duration.inSeconds
            end.velocities = HermiteSegment.velocity(
                between: (target.positions - start.positions) * perSecond,
                and: (following.positions - target.positions) * perSecond)
            next = following
        }
        segment = HermiteSegment(start: time, duration: duration, from: start, to: end)
    }

    // MARK: Moving

    private mutating func move(to now: MonotonicTime) {
        switch phase {
        case .executing: follow(segment.positions(at: now))
        case .holding(.chunkExhausted) where now - lastFreshReceipt < configuration.watchdog:
            follow(segment.to.positions)
        case .holding(.waitingForFirstChunk):
            // Moves only if the arm was found beyond a limit: back to it.
            follow(reference)
        case .holding: motion = envelope.braked(from: motion)
        }
        let stroke = gripperSpeed * configuration.rate.periodSeconds
        gripper += min(max(gripperTarget - gripper, -stroke), stroke)
    }

    private mutating func follow(_ wanted: JointVector) {
        let velocity = (wanted - reference) * (1 / configuration.rate.periodSeconds)
        motion = envelope.limited(wanted, movingAt: velocity, from: motion)
        reference = wanted
    }

    /// Ends whatever is going on. The strongest reason stays: stopping, then a driver fault.
    private mutating func hold(_ reason: HoldReason) {
        switch phase {
        case .executing:
            report.outcome = .interrupted
            reports.append(report)
            awaitsFirstWrite = false
        case .holding(.stopping): return
        case .holding: break
        }
        if reason == .stopping && hasPending {
            reports.append(ChunkReport(of: pending, .interrupted))
            hasPending = false
        }
        gripperTarget = gripper
        phase = .holding(reason)
    }

    private mutating func recoverIfNeeded() {
        guard goodTicks < 2 else { return }
        goodTicks += 1
        guard (measured.positions - motion.positions).magnitude > Self.recoveryTolerance else { return }
        motion = JointMotion(at: measured.positions)
        counts.recoveries += 1
    }

    private var state: ArmState {
        let mode: ArmMode =
            switch phase {
            case .executing: .executing(chunkID: current.id, step: step)
            case .holding(let reason): .holding(reason)
            }
        let chain = planner.inverseKinematics.chain
        let isExecuting = if case .executing = phase { true } else { false }
        return ArmState(
            tick: ticks, mode: mode, measured: measured,
            setpoint: JointSetpoint(positions: motion.positions, velocities: motion.velocities, gripper: gripper),
            baseFromEEF: chain.baseFromEEF(measured.positions),
            commandedBaseFromEEF: isExecuting ? commanded.baseFromEEF : chain.baseFromEEF(motion.positions))
    }

    private static func isUsable(_ state: JointState) -> Bool { state.positions.isFinite && state.gripper.isFinite }
}
