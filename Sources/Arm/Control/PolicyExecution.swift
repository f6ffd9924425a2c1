import Messages
import Time

/// The policy's chunks, from their arrival to the report on what became of each: which action is executed when. Knows
/// nothing of joints and motion. Pure; real-time safe.
///
/// Chunks follow each other as `ChunkStrategy` says. While the policy does not move the arm no chunk is under way here;
/// `begin` starts the one that waits, `finish` ends what is executed.
struct PolicyExecution: Sendable, BitwiseCopyable {
    /// The chunk before the present one, whose actions go over into those of its successor.
    private struct Predecessor: Sendable, BitwiseCopyable {
        let chunk: FixedActionChunk
        /// The step of `chunk` at the seam.
        let step: Int
        /// How much later than meant, in steps (0...1), `chunk` is executed.
        let lag: Double
        /// The successor's step at the seam.
        let seam: Int
        /// How long the one goes over into the other.
        let blend: Duration

        /// Mixes `action`, the successor's for `step`, with its own for the same time.
        /// - Parameter duration: how long the successor's steps last.
        func mixed(with action: Action, of step: Int, lasting duration: Duration) -> Action {
            let sinceSeam = step - seam
            // Its share falls evenly with time and is gone at the first step that begins after `blend`.
            let seconds = duration.inSeconds
            let share = Double(sinceSeam + 1) * seconds / (blend.inSeconds + seconds)
            guard share < 1, self.step + sinceSeam < chunk.actionHorizon else { return action }
            return chunk.action(self.step + sinceSeam, phase: lag).mixed(with: action, share: share)
        }
    }

    private let strategy: ChunkStrategy
    /// The chunk that waits for its turn.
    private(set) var inbox = ChunkInbox()
    private var reports = ChunkReportQueue()
    /// The chunk that began last.
    private var chunk = FixedActionChunk()
    /// The step of `chunk` that is executed; with an ensemble the timestep.
    private var step = 0
    /// How much later than meant, in steps (0...1), `chunk` is executed.
    private var phaseLag = 0.0
    /// What becomes of `chunk`; an ensemble has the reports of its chunks itself.
    private var report: ChunkReport
    /// The chunk that goes over into `chunk`; nil when there is nothing to blend with.
    private var predecessor: Predecessor?
    /// The chunks of which the mean is executed; empty unless that is the strategy.
    private var ensemble: TemporalEnsemble

    init(strategy: ChunkStrategy) {
        self.strategy = strategy
        report = ChunkReport(of: chunk, .executed)
        if case .temporalEnsemble(let weight, let size) = strategy {
            ensemble = TemporalEnsemble(weight: weight, size: size)
        } else {
            ensemble = TemporalEnsemble(weight: 0, size: 1)
        }
    }

    private var isEnsemble: Bool {
        if case .temporalEnsemble = strategy { true } else { false }
    }

    // MARK: Before a chunk is executed

    /// Looks whether `chunk` is newer than all before, and has a step left.
    mutating func judge(_ chunk: FixedActionChunk, at now: MonotonicTime) -> ChunkInbox.Verdict {
        inbox.judge(chunk, at: now)
    }

    /// Reports a chunk that is not taken.
    mutating func refuse(_ chunk: FixedActionChunk, _ outcome: ChunkReport.Outcome, at now: MonotonicTime) {
        let skipped = outcome == .tooLate ? chunk.actionHorizon : 0
        reports.append(ChunkReport(of: chunk, outcome, receivedAt: now, stepsSkipped: skipped))
    }

    /// Takes a fresh chunk: into the mean of what is executed, or to wait for its turn.
    /// - Parameter isExecuting: whether the policy moves the arm.
    mutating func take(_ chunk: FixedActionChunk, at now: MonotonicTime, isExecuting: Bool) {
        inbox.noteFresh(at: now)
        if isEnsemble, isExecuting, ensemble.fits(chunk) {
            ensemble.add(chunk, receivedAt: now, firstOpen: step + 1, reports: &reports)
        } else if let former = inbox.put(chunk, at: now) {
            reports.append(former)
        }
    }

    /// Takes out the waiting chunk, if there is one, which will not be executed.
    mutating func discardWaiting() {
        if let former = inbox.discard(.interrupted) { reports.append(former) }
    }

    /// Takes the waiting chunk over, unless all its steps have elapsed meanwhile or it is no longer fresh.
    ///
    /// - Parameters:
    ///   - isExecuting: the policy moves the arm, and the present chunk has come to a boundary between two steps.
    ///   - start: beginning of the first step: that boundary, or else the time of the setpoint that the arm holds at.
    ///   - watchdog: how long a chunk is fresh.
    /// - Returns: whether it did.
    mutating func begin(
        at now: MonotonicTime, isExecuting: Bool, firstStepAt start: MonotonicTime, watchdog: Duration
    ) -> Bool {
        guard let waiting = inbox.take() else { return false }
        let newest = waiting.chunk
        let skipped = min(newest.elapsedSteps(at: now), newest.actionHorizon)
        // A chunk that waited out the watchdog (behind a driver fault, say) would be stopped again at the next tick.
        guard skipped < newest.actionHorizon, !isEnsemble || skipped < ensemble.size,
            now - inbox.lastFreshTime < watchdog
        else {
            reports.append(waiting.report(.tooLate, stepsSkipped: skipped))
            return false
        }
        if isExecuting { finish(.executed) }
        if isEnsemble {
            ensemble.add(newest, receivedAt: waiting.receivedTime, firstOpen: skipped, reports: &reports)
        } else {
            predecessor = isExecuting ? makePredecessor(of: newest, from: skipped) : nil
            report = waiting.report(.executed, stepsSkipped: skipped)
        }
        chunk = newest
        step = skipped
        let lag = (start - newest.observationTime).inSeconds / newest.stepDuration.inSeconds - Double(skipped)
        phaseLag = min(max(lag, 0), 1)
        return true
    }

    /// What the present chunk is to `next`; nil where the strategy does not blend, or these two cannot be.
    private func makePredecessor(of next: FixedActionChunk, from seam: Int) -> Predecessor? {
        guard case .asynchronous(_, let blend) = strategy, blend > .zero, next.actionSpace == chunk.actionSpace,
            next.actionDimension == chunk.actionDimension
        else { return nil }
        return Predecessor(chunk: chunk, step: step, lag: phaseLag, seam: seam, blend: blend)
    }

    // MARK: While chunks are executed

    /// The chunk that is executed, and which of its steps; of an ensemble the newest.
    var present: (chunkID: UInt64, step: Int) {
        if isEnsemble, let newest = ensemble.newest(at: step) { return (newest.id, newest.step) }
        return (chunk.id, step)
    }

    /// How long a step of what is executed lasts.
    var stepDuration: Duration { chunk.stepDuration }

    /// Whether what is asked for stays: a mean may change until it is executed.
    var isSettled: Bool { !isEnsemble }

    /// The action that is asked for `ahead` steps after the present one; nil beyond what the chunks say.
    func action(_ ahead: Int) -> Action? {
        if isEnsemble { return ensemble.action(at: step + ahead, phase: phaseLag) }
        guard step + ahead < chunk.actionHorizon else { return nil }
        let action = chunk.action(step + ahead, phase: phaseLag)
        return predecessor?.mixed(with: action, of: step + ahead, lasting: chunk.stepDuration) ?? action
    }

    /// Notes that the setpoint of the last tick is with the driver.
    mutating func wrote(at now: MonotonicTime) {
        if isEnsemble {
            ensemble.wrote(step, at: now)
        } else if report.firstSetpointTime == .zero {
            report.firstSetpointTime = now
        }
    }

    /// Notes that the target of the present step was cut short.
    mutating func noteClamped() {
        if isEnsemble { ensemble.clamped(step) } else { report.stepsClamped += 1 }
    }

    /// Goes on from the present step, which is over.
    /// - Parameter stalled: how many steps that are over as well, because the loop was late; they never began.
    mutating func advance(dropping stalled: Int) {
        if isEnsemble {
            ensemble.executed(step, reports: &reports)
            step += 1 + stalled
        } else {
            report.stepsExecuted += 1
            let dropped = min(stalled, chunk.actionHorizon - 1 - step)
            report.stepsSkipped += dropped
            step += 1 + dropped
        }
    }

    /// Whether a newer chunk may take over before the present step.
    var isDueForNext: Bool {
        if step >= chunk.actionHorizon { return true }
        switch strategy {
        case .recedingHorizon(let horizon): return report.stepsExecuted >= horizon
        case .asynchronous(let horizon, let blend):
            let left = chunk.actionHorizon - step
            return report.stepsExecuted >= horizon
                || Int64(left) * chunk.stepDuration.nanoseconds <= blend.nanoseconds
        case .temporalEnsemble: return true
        }
    }

    /// Ends what is executed, and reports it.
    mutating func finish(_ outcome: ChunkReport.Outcome) {
        if isEnsemble { return ensemble.clear(outcome, reports: &reports) }
        report.outcome = outcome
        reports.append(report)
    }

    // MARK: Reports

    /// Takes the next report, oldest first.
    mutating func takeReport() -> ChunkReport? { reports.popFirst() }

    /// How many reports were lost because they arose faster than they were taken.
    var droppedReports: UInt64 { reports.dropped }
}
