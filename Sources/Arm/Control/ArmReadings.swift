import Messages
import Time

/// What the encoders said, and whether that is enough to move by. Pure; real-time safe.
struct ArmReadings: Sendable, BitwiseCopyable {
    /// What one tick's reading is good for.
    enum Verdict: Equatable {
        /// The driver could not be read, or what it said is no place of an arm.
        case failed
        /// A joint did not answer.
        case partial
        /// Every joint was read, so many seconds after the last reading of which that is true.
        case whole(afterSeconds: Double)
    }

    /// The newest reading that could be used.
    private(set) var measured: JointState
    /// Whether every encoder was read in this tick.
    private(set) var isWhole = true
    /// Time at which every encoder was read last.
    private var lastWholeTime: MonotonicTime
    /// Good ticks since the driver failed, counted up to 2.
    private var goodTicks = 2

    /// Begins with the first reading.
    /// - Parameter measured: the first reading; finite.
    init(_ measured: JointState) {
        precondition(Self.isUsable(measured), "the first measured position must be finite")
        self.measured = measured
        lastWholeTime = measured.time
    }

    /// Whether the driver works: one whole tick, read and write, was good.
    var driverWorks: Bool { goodTicks >= 2 }

    /// Takes the reading of one tick.
    /// - Parameter reading: the tick's reading; nil when there is none.
    mutating func take(_ reading: JointState?) -> Verdict {
        isWhole = false
        guard let reading, Self.isUsable(reading), reading.positions.count == measured.positions.count else {
            return .failed
        }
        measured = reading
        guard reading.unread.isEmpty else { return .partial }
        isWhole = true
        let pause = (reading.time - lastWholeTime).inSeconds
        lastWholeTime = reading.time
        if goodTicks < 2 { goodTicks += 1 }
        return .whole(afterSeconds: pause)
    }

    /// Notes that the driver could not be read, or not written to.
    mutating func noteFailure() { goodTicks = 0 }

    private static func isUsable(_ state: JointState) -> Bool { state.positions.isFinite && state.gripper.isFinite }
}
