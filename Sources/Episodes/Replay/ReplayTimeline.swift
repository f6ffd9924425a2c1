import Time

/// Moves recorded times to the present: one map for all stamps in a message, so that ages and latencies keep what they
/// were, divided by the speed.
package struct ReplayTimeline: Equatable, Sendable {
    package let speed: Double
    private var recorded: MonotonicTime
    private var start: MonotonicTime

    /// Makes the map that takes `recorded` to `present`.
    /// - Parameters:
    ///   - recorded: a recorded time.
    ///   - present: the present time that `recorded` becomes.
    ///   - speed: recorded seconds that pass in one second, positive and finite.
    package init(recorded: MonotonicTime, at present: MonotonicTime, speed: Double) {
        precondition(speed > 0 && speed.isFinite, "a speed is positive, not \(speed)")
        self.speed = speed
        self.recorded = recorded
        start = present
    }

    /// Begins anew after a pause: `recorded` is `present`. Stamps of before the pause move with it: a picture that was
    /// 30 ms old when the pause began must not be as old as the pause.
    package mutating func anchor(_ recorded: MonotonicTime, at present: MonotonicTime) {
        self.recorded = recorded
        start = present
    }

    /// The present time of a recorded stamp. At speed 1 every stamp is moved by the same whole number of nanoseconds.
    package func present(of stamp: MonotonicTime) -> MonotonicTime {
        let since = stamp.nanoseconds - recorded.nanoseconds
        let scaled = speed == 1 ? since : Int64((Double(since) / speed).rounded())
        // The clock counts from the machine's start, which may be later than a stamp of long before; zero means none.
        return MonotonicTime(nanoseconds: max(start.nanoseconds + scaled, 1))
    }
}
