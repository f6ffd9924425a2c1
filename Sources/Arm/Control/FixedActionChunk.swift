import Messages
import Time

/// Why the arm cannot take an action chunk.
package enum ChunkRejection: Error, Equatable, CustomStringConvertible {
    case wrongDimension(chunkID: UInt64, space: ActionSpace, found: Int, expected: Int)
    case unevenActions(chunkID: UInt64, numbers: Int, dimension: Int)
    case empty(chunkID: UInt64)
    case tooLarge(chunkID: UInt64, numbers: Int, capacity: Int)
    case notFinite(chunkID: UInt64, step: Int, element: Int)
    case stepDuration(chunkID: UInt64, nanoseconds: Int64)
    case otherRate(chunkID: UInt64, nanoseconds: Int64, expected: Int64)

    package var description: String {
        switch self {
        case .wrongDimension(let id, let space, let found, let expected):
            "taking chunk \(id): its actions have \(found) numbers, '\(space.rawValue)' needs \(expected) for this "
                + "arm. The checkpoint belongs to another robot: set its action space in the manifest or use this "
                + "arm's."
        case .unevenActions(let id, let numbers, let dimension):
            "taking chunk \(id): it has \(numbers) numbers, expected a multiple of its dimension \(dimension). "
                + "The policy node and the arm node are of different versions: build both from one source."
        case .empty(let id):
            "taking chunk \(id): it holds no action, expected at least one. Check the policy's action horizon."
        case .tooLarge(let id, let numbers, let capacity):
            "taking chunk \(id): it has \(numbers) numbers, at most \(capacity) fit. "
                + "Choose a checkpoint with a shorter action horizon."
        case .notFinite(let id, let step, let element):
            "taking chunk \(id): number \(element) of step \(step) is NaN or infinite, expected a finite one. "
                + "Check the checkpoint and its dataset statistics; the arm holds meanwhile."
        case .stepDuration(let id, let nanoseconds):
            "taking chunk \(id): its step lasts \(nanoseconds) ns, expected 1 ms to 60 s. "
                + "Set the policy rate in the manifest."
        case .otherRate(let id, let nanoseconds, let expected):
            "taking chunk \(id): its step lasts \(nanoseconds) ns, expected \(expected) ns as policy.rate_hz says. "
                + "It is not from this run's policy: end whatever else publishes chunks, or set policy.rate_hz to its "
                + "rate."
        }
    }
}

/// An action chunk that has been checked, stored in place: it passes into the control loop through a mailbox without
/// touching the heap.
package struct FixedActionChunk: Sendable, BitwiseCopyable {
    /// How many numbers fit: 50 steps of 14.
    package static let capacity = 704

    /// See `ActionChunk`.
    package let id: UInt64
    /// See `ActionChunk`.
    package let observationTime: MonotonicTime
    /// See `ActionChunk`.
    package let captureTime: MonotonicTime
    /// How long one step lasts, 1 ms to 60 s.
    package let stepDuration: Duration
    package let actionSpace: ActionSpace
    /// Numbers in one action.
    package let actionDimension: Int
    /// Actions in the chunk, at least 1.
    package let actionHorizon: Int
    private let actions: InlineArray<704, Float>

    /// Checks and copies `chunk`.
    /// - Parameter jointCount: joints of the arm, without the gripper: joint spaces need one number more, `eef_delta`
    ///   7.
    package init(_ chunk: ActionChunk, jointCount: Int) throws(ChunkRejection) {
        let expected = chunk.actionSpace.dimension(jointCount: jointCount)
        guard chunk.actionDimension == expected else {
            throw .wrongDimension(
                chunkID: chunk.id, space: chunk.actionSpace, found: chunk.actionDimension, expected: expected)
        }
        guard !chunk.actions.isEmpty else { throw .empty(chunkID: chunk.id) }
        guard chunk.actions.count.isMultiple(of: expected) else {
            throw .unevenActions(chunkID: chunk.id, numbers: chunk.actions.count, dimension: expected)
        }
        guard chunk.actions.count <= Self.capacity else {
            throw .tooLarge(chunkID: chunk.id, numbers: chunk.actions.count, capacity: Self.capacity)
        }
        if let bad = chunk.actions.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(chunkID: chunk.id, step: bad / expected, element: bad % expected)
        }
        guard chunk.stepDuration >= .milliseconds(1), chunk.stepDuration <= .seconds(60) else {
            // The comparison is exact; only what fits is put into the message.
            let seconds = max(-1_000_000_000, min(chunk.stepDuration.components.seconds, 1_000_000_000))
            let fraction = chunk.stepDuration.components.attoseconds / 1_000_000_000
            throw .stepDuration(chunkID: chunk.id, nanoseconds: seconds * 1_000_000_000 + fraction)
        }
        id = chunk.id
        observationTime = chunk.observationTime
        captureTime = chunk.captureTime
        stepDuration = chunk.stepDuration
        actionSpace = chunk.actionSpace
        actionDimension = expected
        actionHorizon = chunk.actions.count / expected
        actions = InlineArray { $0 < chunk.actions.count ? chunk.actions[$0] : 0 }
    }

    /// Makes a place for a chunk to come: no actions, never executed.
    init() {
        id = 0
        observationTime = .zero
        captureTime = .zero
        stepDuration = .seconds(1)
        actionSpace = .eefDelta
        actionDimension = 1
        actionHorizon = 0
        actions = InlineArray(repeating: 0)
    }

    /// Number `element` of action `step`.
    package subscript(step: Int, element: Int) -> Double {
        precondition(element < actionDimension && step < actionHorizon, "action index out of range")
        return Double(actions[step * actionDimension + element])
    }

    /// Refuses a chunk that is not of the policy's rate: one with long steps would occupy the arm for minutes.
    /// - Parameter expected: the duration of the policy's steps, of which a hundredth may be missing or too much.
    package func checkStepDuration(_ expected: Duration) throws(ChunkRejection) {
        let (found, wanted) = (stepDuration.nanoseconds, expected.nanoseconds)
        guard abs(found - wanted) <= wanted / 100 else {
            throw .otherRate(chunkID: id, nanoseconds: found, expected: wanted)
        }
    }

    /// How many whole steps have passed since the observation; 0 for one in the future.
    func elapsedSteps(at now: MonotonicTime) -> Int {
        // Stamps come from outside: a difference that overflows must not trap in the loop.
        let (elapsed, overflow) = now.nanoseconds.subtractingReportingOverflow(observationTime.nanoseconds)
        if overflow { return observationTime > now ? 0 : .max }
        return Int(max(0, elapsed) / stepDuration.nanoseconds)
    }
}

extension ChunkReport {
    /// The report on a chunk that never reached the control loop.
    package init(rejected chunk: ActionChunk) {
        self.init(
            chunkID: chunk.id, outcome: .rejected, captureTime: chunk.captureTime,
            observationTime: chunk.observationTime, firstSetpointTime: .zero, stepsSkipped: 0, stepsExecuted: 0,
            stepsClamped: 0)
    }

    /// The report on a chunk that ended before its first step.
    init(
        of chunk: FixedActionChunk, _ outcome: Outcome, receivedAt received: MonotonicTime = .zero,
        stepsSkipped: Int = 0
    ) {
        self.init(
            chunkID: chunk.id, outcome: outcome, captureTime: chunk.captureTime,
            observationTime: chunk.observationTime, receivedTime: received, firstSetpointTime: .zero,
            stepsSkipped: stepsSkipped, stepsExecuted: 0, stepsClamped: 0)
    }
}
