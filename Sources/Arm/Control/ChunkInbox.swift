import Messages
import Time

/// Chunks as they arrive: old ones are told from new ones by their stamps, and the newest waits for its turn. Pure;
/// real-time safe.
struct ChunkInbox: Sendable, BitwiseCopyable {
    /// What a chunk that arrives is, by its stamps.
    enum Verdict: Equatable {
        case fresh
        /// The newest chunk came once more.
        case duplicate
        case old(ChunkReport.Outcome)
    }

    /// A chunk that has not started.
    struct Waiting: Sendable, BitwiseCopyable {
        let chunk: FixedActionChunk
        let receivedTime: MonotonicTime

        /// The report on it where it never starts.
        func report(_ outcome: ChunkReport.Outcome, stepsSkipped: Int = 0) -> ChunkReport {
            ChunkReport(of: chunk, outcome, receivedAt: receivedTime, stepsSkipped: stepsSkipped)
        }
    }

    /// The newest chunk received that has not started.
    private(set) var waiting: Waiting?
    /// Time at which the arm took the newest chunk that it can use, waiting or not; the watchdog counts from it.
    private(set) var lastFreshTime = MonotonicTime.zero
    /// Observation time and id of the newest chunk seen, whatever became of it.
    private var newest: (observationTime: MonotonicTime, id: UInt64)?

    /// Looks whether `chunk` is newer than all before, and has a step left.
    mutating func judge(_ chunk: FixedActionChunk, at now: MonotonicTime) -> Verdict {
        if let newest, chunk.observationTime <= newest.observationTime {
            return newest == (chunk.observationTime, chunk.id) ? .duplicate : .old(.superseded)
        }
        newest = (chunk.observationTime, chunk.id)
        return chunk.elapsedSteps(at: now) < chunk.actionHorizon ? .fresh : .old(.tooLate)
    }

    /// Notes that a chunk has come that the arm can use.
    mutating func noteFresh(at now: MonotonicTime) { lastFreshTime = now }

    /// Lets `chunk` wait for its turn.
    /// - Returns: the report on the one that waited until now.
    mutating func put(_ chunk: FixedActionChunk, at now: MonotonicTime) -> ChunkReport? {
        let former = discard(.superseded)
        waiting = Waiting(chunk: chunk, receivedTime: now)
        return former
    }

    /// Takes out the chunk whose turn it is; from now on none waits.
    mutating func take() -> Waiting? {
        defer { waiting = nil }
        return waiting
    }

    /// Takes out the waiting chunk, which will not be executed.
    /// - Returns: the report on the one that did.
    mutating func discard(_ outcome: ChunkReport.Outcome) -> ChunkReport? { take()?.report(outcome) }

    /// Whether the waiting chunk has been there for `margin`, or would lose a step by waiting for one `period` more.
    func isDue(at now: MonotonicTime, margin: Duration, period: Duration) -> Bool {
        guard let chunk = waiting?.chunk else { return false }
        return margin == .zero || now - lastFreshTime >= margin
            || chunk.elapsedSteps(at: now + period) > chunk.elapsedSteps(at: lastFreshTime)
    }
}
