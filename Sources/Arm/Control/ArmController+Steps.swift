import Maths
import Messages
import Time

// Which action is executed when.
extension ArmController {
    var isEnsemble: Bool {
        if case .temporalEnsemble = configuration.strategy { true } else { false }
    }

    /// Whether `chunk` is averaged with what is being executed, rather than wait to take over.
    func joinsEnsemble(_ chunk: FixedActionChunk) -> Bool {
        guard isEnsemble, case .executing = phase else { return false }
        return ensemble.fits(chunk)
    }

    mutating func chooseStep(at now: MonotonicTime) {
        switch phase {
        case .executing:
            if now - lastFreshReceipt >= configuration.watchdog {
                hold(.noFreshChunk)
            } else if now >= segment.end {
                endStep(at: now)
            }
        case .holding:
            // One good tick after a fault is not enough: its write may still fail.
            if hasPending && obeysPolicy && goodTicks >= 2 && hasWholeReading && isDueToStart(at: now) {
                _ = startPending(at: now, boundary: nil)
            }
        case .manual, .recovering: break
        }
    }

    /// Whether the pending chunk has waited out the start margin, or would lose a step by waiting longer.
    private func isDueToStart(at now: MonotonicTime) -> Bool {
        configuration.startMargin == .zero || now - lastFreshReceipt >= configuration.startMargin
            || pending.elapsedSteps(at: now + configuration.rate.period) > pending.elapsedSteps(at: lastFreshReceipt)
    }

    /// The present step's time is over: the next step, the next chunk, or a hold.
    private mutating func endStep(at now: MonotonicTime) {
        // After a stall of the loop several steps may be over; those that never began are dropped, not made up.
        let stalled = Int((now - segment.end).nanoseconds / segment.duration.nanoseconds)
        let boundary = segment.end + .nanoseconds(Int64(stalled) * segment.duration.nanoseconds)
        if isEnsemble {
            ensemble.executed(step, reports: &reports)
            step += 1 + stalled
            if hasPending && startPending(at: now, boundary: boundary) { return }
            if ensemble.action(at: step, phase: phaseLag) != nil { return beginStep(at: boundary, from: segment.to) }
            ensemble.clear(.executed, reports: &reports)
        } else {
            report.stepsExecuted += 1
            let dropped = min(stalled, current.actionHorizon - 1 - step)
            report.stepsSkipped += dropped
            step += 1 + dropped
            if isDueForNext && hasPending && startPending(at: now, boundary: boundary) { return }
            if step < current.actionHorizon { return beginStep(at: boundary, from: segment.to) }
            report.outcome = .executed
            reports.append(report)
        }
        phase = .holding(.chunkExhausted)
        awaitsFirstWrite = false
        // The reference rests on the last target: a setpoint that lags behind it still arrives.
        segment.rest()
    }

    /// Whether a newer chunk may take over before `step`.
    private var isDueForNext: Bool {
        if step >= current.actionHorizon { return true }
        switch configuration.strategy {
        case .recedingHorizon(let horizon): return report.stepsExecuted >= horizon
        case .asynchronous(let horizon, let blend):
            let left = current.actionHorizon - step
            return report.stepsExecuted >= horizon
                || Int64(left) * current.stepDuration.nanoseconds <= blend.nanoseconds
        case .temporalEnsemble: return true
        }
    }

    /// The pending chunk takes over, unless all its steps have elapsed meanwhile or it is no longer fresh.
    /// - Parameter boundary: where the present chunk's step ended; nil when the arm holds.
    /// - Returns: whether it did.
    private mutating func startPending(at now: MonotonicTime, boundary: MonotonicTime?) -> Bool {
        hasPending = false
        let skipped = min(pending.elapsedSteps(at: now), pending.actionHorizon)
        // A chunk that waited out the watchdog (behind a driver fault, say) would be stopped again at the next tick.
        guard skipped < pending.actionHorizon, !isEnsemble || skipped < ensemble.size,
            now - lastFreshReceipt < configuration.watchdog
        else {
            reports.append(ChunkReport(of: pending, .tooLate, receivedAt: pendingReceipt, stepsSkipped: skipped))
            return false
        }
        var start = segment.to
        if boundary == nil {
            start = motion
            commanded = planner.target(at: motion.positions)
            reference = motion.positions
            blendStart = nil
        } else if !isEnsemble {
            report.outcome = .executed
            reports.append(report)
            outgoing = current
            outgoingStep = step
            outgoingLag = phaseLag
            blendStart = canBlend ? skipped : nil
        }
        current = pending
        step = skipped
        // The motion to start from is that of the tick before: starting the cubic now would lose a tick's travel.
        let begin = boundary ?? now - configuration.rate.period
        let lag = (begin - current.observationTime).inSeconds / current.stepDuration.inSeconds - Double(skipped)
        phaseLag = min(max(lag, 0), 1)
        next = nil
        if isEnsemble {
            ensemble.clear(.executed, reports: &reports)
            ensemble.add(current, receivedAt: pendingReceipt, firstOpen: skipped, reports: &reports)
        } else {
            report = ChunkReport(of: current, .executed, receivedAt: pendingReceipt, stepsSkipped: skipped)
        }
        awaitsFirstWrite = true
        phase = .executing
        beginStep(at: begin, from: start)
        return true
    }

    private var canBlend: Bool {
        guard case .asynchronous(_, let blend) = configuration.strategy, blend > .zero else { return false }
        return pending.actionSpace == current.actionSpace && pending.actionDimension == current.actionDimension
    }

    /// What is asked for `ahead` steps after the present one; nil beyond what the chunks say.
    private func action(_ ahead: Int) -> Action? {
        if isEnsemble { return ensemble.action(at: step + ahead, phase: phaseLag) }
        guard step + ahead < current.actionHorizon else { return nil }
        let action = current.action(step + ahead, phase: phaseLag)
        guard case .asynchronous(_, let blend) = configuration.strategy, let blendStart else { return action }
        let sinceSeam = step + ahead - blendStart
        // The old chunk's share falls evenly with time and is gone at the first step that begins after `blend`.
        let seconds = current.stepDuration.inSeconds
        let share = Double(sinceSeam + 1) * seconds / (blend.inSeconds + seconds)
        guard share < 1, outgoingStep + sinceSeam < outgoing.actionHorizon else { return action }
        return outgoing.action(outgoingStep + sinceSeam, phase: outgoingLag).mixed(with: action, share: share)
    }

    /// Lays the cubic for `step` from `start` to its target, with the velocity there that suits the step after it.
    private mutating func beginStep(at time: MonotonicTime, from start: JointMotion) {
        let duration = current.stepDuration
        guard let asked = action(0) else { return }
        // A mean may have changed since it was looked at.
        let isPlanned = next != nil && segment.end == time && !isEnsemble
        let target =
            isPlanned ? next ?? commanded : planner.target(of: asked, lasting: duration.inSeconds, after: commanded)
        commanded = target
        if target.isClamped {
            if isEnsemble { ensemble.clamped(step) } else { report.stepsClamped += 1 }
        }
        gripperTarget = latch.opening(for: asked.gripper)
        var end = JointMotion(at: target.positions)
        next = nil
        if let afterwards = action(1) {
            let following = planner.target(of: afterwards, lasting: duration.inSeconds, after: target)
            let perSecond = 1 / duration.inSeconds
            end.velocities = HermiteSegment.velocity(
                between: (target.positions - start.positions) * perSecond,
                and: (following.positions - target.positions) * perSecond)
            next = following
        }
        segment = HermiteSegment(start: time, duration: duration, from: start, to: end)
    }
}
