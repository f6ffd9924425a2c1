import Control
import Maths
import Messages
import RealTime
import Synchronization

/// What an operator asks of the loop besides motion and the emergency stop.
package enum ArmLoopCommand: Equatable, Sendable, BitwiseCopyable {
    case resetEmergencyStop(by: OperatorID)
    case clearFault
    case recover
    case resume(by: OperatorID)

    /// The command as operators ask for it.
    var action: ArmCommand.Action {
        switch self {
        case .resetEmergencyStop: .resetEmergencyStop
        case .clearFault: .clearFault
        case .recover: .recover
        case .resume: .resume
        }
    }
}

/// Counts requests that must never be lost, however many come: an emergency stop. Safe from any thread.
package final class RequestCount: Sendable {
    @usableFromInline let total = Atomic<UInt64>(0)

    package init() {}

    /// Asks once more.
    @inlinable package func raise() { total.add(1, ordering: .releasing) }
    /// How many requests there were since the start.
    @inlinable package var count: UInt64 { total.load(ordering: .acquiring) }
}

/// The ends of the lock-free channels between the control loop and the rest of its process. The loop's thread is one
/// side, one other thread the other side, for each of them; stop and emergency stop are for any thread.
package final class ArmLoopChannels: Sendable {
    /// Chunks on their way to the loop.
    package let chunks: EventRing<FixedActionChunk>
    /// Request to the loop to brake, hold, and take no more chunks.
    package let stop = StopFlag()
    /// Requests to the loop to brake and hold until a command ends it.
    package let emergencyStop = RequestCount()
    /// Commands on their way to the loop.
    package let commands: EventRing<ArmLoopCommand>
    /// An operator's motion on its way to the loop, newest only.
    package let manual: LatestMailbox<ManualCommand>
    /// Snapshots from the loop, one every tick, newest only.
    package let snapshots: LatestMailbox<ArmLoopSnapshot>
    /// Chunk reports from the loop.
    package let reports: EventRing<ChunkReport>
    /// Trace from the loop: what it took and decided, for those who want to compute it again.
    package let trace: EventRing<ArmTrace.Entry>

    /// Makes empty channels whose snapshot is `initial`.
    /// - Parameter initial: the state before the first tick.
    package init(initial: ArmLoopSnapshot) {
        // A policy makes a few chunks a second and the loop empties the ring at every tick.
        chunks = EventRing(capacity: 8)
        commands = EventRing(capacity: 16)
        manual = LatestMailbox(
            initial: ManualCommand(
                time: .zero, isDeadManHeld: false, motion: .joints(JointVector(repeating: 0, count: 0))))
        snapshots = LatestMailbox(initial: initial)
        reports = EventRing(capacity: 256)
        // Two seconds at 1 kHz.
        trace = EventRing(capacity: 2048)
    }
}
