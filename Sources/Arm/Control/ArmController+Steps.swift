import Maths
import Messages
import Time

// The policy moves the arm: step by step, chunk after chunk.
extension ArmController {
    /// Takes a chunk of the policy. It starts at the next tick if the arm holds, else as the strategy says.
    package mutating func receive(_ chunk: FixedActionChunk, at now: MonotonicTime) {
        if phase.holdReason == .stopping { return policy.refuse(chunk, .interrupted, at: now) }
        let expected = chunk.actionSpace.dimension(jointCount: jointCount)
        // An observation from the future is a broken stamp. Believed, it would make every later chunk look old.
        guard chunk.actionDimension == expected, chunk.observationTime <= now + chunk.stepDuration else {
            return policy.refuse(chunk, .rejected, at: now)
        }
        switch policy.judge(chunk, at: now) {
        case .duplicate: counts.duplicateChunks += 1
        case .old(let outcome): policy.refuse(chunk, outcome, at: now)
        case .fresh:
            // What was inferred while a person moved the arm, or it could not move, is no plan for afterwards.
            guard obeysPolicy else { return policy.refuse(chunk, .interrupted, at: now) }
            policy.take(chunk, at: now, isExecuting: phase.isExecuting)
        }
    }

    /// Notes that the setpoint of the last tick is with the driver.
    package mutating func wrote(at now: MonotonicTime) { if phase.isExecuting { policy.wrote(at: now) } }

    /// Whether chunks may move the arm.
    private var obeysPolicy: Bool {
        guard safety.isClear else { return false }
        return switch phase {
        case .manual, .recovering, .holding(.stopping): false
        case .executing, .arriving, .holding: true
        }
    }

    /// Whether a chunk that the arm can use has come within the watchdog's time.
    func isFresh(at now: MonotonicTime) -> Bool { now - policy.inbox.lastFreshTime < configuration.watchdog }

    /// Goes on with the policy's steps, or begins them.
    mutating func chooseStep(at now: MonotonicTime) {
        switch phase {
        case .executing(let step):
            if !isFresh(at: now) {
                hold(.noFreshChunk)
            } else if now >= step.segment.end {
                end(step, at: now)
            }
        case .holding, .arriving:
            // One good tick after a fault is not enough: its write may still fail.
            if obeysPolicy && readings.driverWorks && readings.isWhole
                && policy.inbox.isDue(
                    at: now, margin: configuration.startMargin, period: configuration.rate.period)
            {
                start(at: now)
            }
        case .manual, .recovering: break
        }
    }

    /// Starts the waiting chunk where the arm holds.
    private mutating func start(at now: MonotonicTime) {
        // The motion to start from is that of the tick before: starting the cubic now would lose a tick's travel.
        let begin = now - configuration.rate.period
        guard policy.begin(at: now, isExecuting: false, firstStepAt: begin, watchdog: configuration.watchdog) else {
            return
        }
        motion.settleReference()
        _ = execute(from: motion.sent, after: planner.target(at: motion.positions), at: begin)
    }

    /// Goes on when the time of `step` is over: with the next step, the next chunk, or a hold.
    private mutating func end(_ step: PolicyStep, at now: MonotonicTime) {
        let segment = step.segment
        // After a stall of the loop several steps may be over; those that never began are dropped, not made up.
        let stalled = Int((now - segment.end).nanoseconds / segment.duration.nanoseconds)
        let boundary = segment.end + .nanoseconds(Int64(stalled) * segment.duration.nanoseconds)
        policy.advance(dropping: stalled)
        let isNext =
            policy.isDueForNext
            && policy.begin(at: now, isExecuting: true, firstStepAt: boundary, watchdog: configuration.watchdog)
        let planned = !isNext && stalled == 0 && policy.isSettled ? step.following : nil
        if execute(from: segment.to, after: step.target, planned: planned, at: boundary) { return }
        policy.finish(.executed)
        // The reference rests on the last target: a setpoint that lags behind it still arrives.
        phase = .arriving(at: segment.to.positions)
    }

    /// Begins the step that the chunks ask for now.
    /// - Parameters:
    ///   - start: the end of the step before, or where the arm holds.
    ///   - commanded: the target of the step before.
    ///   - planned: the step's target where it is known.
    /// - Returns: false when the chunks ask for nothing.
    private mutating func execute(
        from start: JointMotion, after commanded: StepTarget, planned: StepTarget? = nil, at time: MonotonicTime
    ) -> Bool {
        guard let asked = policy.action(0) else { return false }
        let step = planner.step(
            asked, then: policy.action(1), from: start, after: commanded, planned: planned, at: time,
            lasting: policy.stepDuration)
        if step.target.isClamped { policy.noteClamped() }
        gripper.obey(action: asked.gripper)
        phase = .executing(step)
        return true
    }
}
