import Maths
import Messages

extension ArmController {
    /// Who moves the arm, with what only that one needs. The chunks of the policy are too large to be copied with every
    /// change of phase: they lie beside it, in `PolicyExecution`.
    enum Phase: Sendable, BitwiseCopyable {
        /// Nobody: the arm brakes, and stands.
        case holding(HoldReason)
        /// Nobody any more: every step of the last chunk is over. While that chunk is fresh, a setpoint that lags
        /// behind still goes to the last target (radians). Counts as a hold for `chunkExhausted`.
        case arriving(at: JointVector)
        /// The policy: the step under way.
        case executing(PolicyStep)
        /// An operator: the command that lasts.
        case manual(ManualCommand)
        /// The way back from beyond a limit.
        case recovering

        /// Why the arm holds; nil while somebody moves it.
        var holdReason: HoldReason? {
            switch self {
            case .holding(let reason): reason
            case .arriving: .chunkExhausted
            case .executing, .manual, .recovering: nil
            }
        }

        /// Whether the policy moves the arm.
        var isExecuting: Bool { if case .executing = self { true } else { false } }
        /// Whether an operator moves the arm.
        var isManual: Bool { if case .manual = self { true } else { false } }
    }
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
