/// How often something happens, in hertz; the period is what schedules are made of.
package struct Rate: Hashable, Sendable, BitwiseCopyable {
    /// Whole nanoseconds between two ticks, at least 1.
    package let periodNanoseconds: Int64

    /// Makes the rate, with its period rounded to whole nanoseconds.
    /// - Parameter hertz: ticks a second, positive and finite.
    package init(hertz: Double) {
        precondition(hertz > 0 && hertz.isFinite, "a rate must be positive and finite, got \(hertz) Hz")
        periodNanoseconds = max(1, Int64((1e9 / hertz).rounded()))
    }

    package var period: Duration { .nanoseconds(periodNanoseconds) }
    /// Number of ticks a second.
    package var hertz: Double { 1e9 / Double(periodNanoseconds) }
    /// Time between two ticks, seconds.
    package var periodSeconds: Double { Double(periodNanoseconds) * 1e-9 }
}

/// Deadlines at `start + k × period`. Late wake-ups do not add up, as they would with "now + period"; ticks that were
/// missed altogether are skipped and counted, never made up in a burst.
package struct Cadence: Sendable, BitwiseCopyable {
    package let start: MonotonicTime
    package let rate: Rate
    /// Index of the next deadline, counted from `start`.
    package private(set) var nextIndex: Int64 = 0
    /// Deadlines passed over because an earlier tick ran too long.
    package private(set) var missed: Int64 = 0

    package init(start: MonotonicTime, rate: Rate) {
        self.start = start
        self.rate = rate
    }

    /// Time at which the next tick is due.
    package var deadline: MonotonicTime {
        MonotonicTime(nanoseconds: start.nanoseconds + nextIndex * rate.periodNanoseconds)
    }

    /// Moves to the first deadline later than `now`.
    /// - Returns: how many deadlines were skipped, 0 when the loop kept up.
    @discardableResult
    package mutating func advance(past now: MonotonicTime) -> Int64 {
        let following = nextIndex + 1
        let elapsed = now.nanoseconds - start.nanoseconds
        let firstFuture = elapsed < 0 ? 0 : elapsed / rate.periodNanoseconds + 1
        nextIndex = max(following, firstFuture)
        let skipped = nextIndex - following
        missed += skipped
        return skipped
    }
}
