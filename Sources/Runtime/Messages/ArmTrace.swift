import Maths
import Time

/// What went into the control loop and what came out of it, in its order: enough to compute every setpoint again.
package struct ArmTrace: Equatable, Sendable {
    /// Something that the loop took or did.
    package enum Entry: Equatable, Sendable, BitwiseCopyable {
        /// The loop starts: the arm holds where its encoders say it is. The limits are those that the loop keeps,
        /// radians.
        case began(JointState, lower: JointVector, upper: JointVector)
        /// The loop starts with a fault that an earlier process of this run left: the arm holds until it is cleared.
        case latched(HoldReason)
        /// A chunk was taken, before the next tick.
        case chunk(id: UInt64, observationTime: MonotonicTime, takenTime: MonotonicTime)
        /// An operator's motion was taken, before the next tick.
        case manual(ManualCommand, takenTime: MonotonicTime)
        /// A command was taken, before the next tick.
        case command(ArmCommand.Action)
        case tick(Tick)
    }

    /// One turn of the loop.
    package struct Tick: Equatable, Sendable, BitwiseCopyable {
        package var deadline: MonotonicTime
        /// The arm's measured state; nil when the encoders could not be read.
        package var measured: JointState?
        /// The arm was told before to brake, and to take no more chunks.
        package var isStopping: Bool
        /// The setpoint that was decided.
        package var setpoint: JointSetpoint
        /// The servos were told to let go instead.
        package var isLimp: Bool
        /// Time at which the setpoint was with the driver; nil when it was not.
        package var writtenTime: MonotonicTime?
        /// The driver refused what it was told.
        package var hasFailed: Bool

        package init(
            deadline: MonotonicTime, measured: JointState?, isStopping: Bool, setpoint: JointSetpoint, isLimp: Bool,
            writtenTime: MonotonicTime? = nil, hasFailed: Bool = false
        ) {
            self.deadline = deadline
            self.measured = measured
            self.isStopping = isStopping
            self.setpoint = setpoint
            self.isLimp = isLimp
            self.writtenTime = writtenTime
            self.hasFailed = hasFailed
        }
    }

    /// Entries of one message, so that it stays small.
    package static let mostEntries = 512

    package var entries: [Entry]
    /// Entries that were lost since the start because nobody took them in time.
    package var dropped: Int64

    package init(entries: [Entry], dropped: Int64) {
        self.entries = entries
        self.dropped = dropped
    }
}
