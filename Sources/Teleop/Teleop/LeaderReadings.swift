import Time

/// Makes one continuous motion of what a leader arm's servos say.
///
/// A servo counts a turn and begins anew: between 4050 and 60 pulses lie 106, not 3990. So each reading is taken for
/// the one nearest to the reading before; and what a hand cannot have done in the time between is not believed.
package struct LeaderReadings: Sendable {
    /// What became of a reading.
    package enum Verdict: Equatable, Sendable {
        /// Positions of the servos, pulses, continuous from the first reading on: they may lie beyond a turn.
        case taken([Double])
        /// The reading is not believed, and the one before stays: a servo's index, and how far it would have moved,
        /// pulses.
        case refused(servo: Int, pulses: Double)
        /// Too many readings in a row were not believed: nothing is known of the leader any more.
        case lost(servo: Int, pulses: Double)
    }
    /// Number of pulses to a turn, in both servo protocols.
    private static let turn = 4_096.0
    /// Highest speed of a joint that is believed, radians per second: a wrist that a hand flicks turns at 8 to 10.
    private static let highestSpeed = 12.0
    /// Motion that says nothing, pulses: the encoder's own noise, and the play of its gears.
    private static let noise = 16.0
    /// Number of readings in a row that may be wrong: one is line noise, more is a servo that was turned off or
    /// replaced.
    private static let patience = 5
    /// Longest pause between readings. After a longer one nobody knows how many turns were made: the next reading
    /// begins anew. Before that the follower has let go (`LeaderFollower`) and is checked anew as well.
    private static let longestPause = Duration.milliseconds(200)

    private var last: [Double] = []
    private var time = MonotonicTime.zero
    private var refusals = 0
    /// Number of readings that were not believed since the beginning.
    package private(set) var refused = 0

    package init() {}

    /// Takes a reading of all servos, if it can be believed.
    /// - Parameters:
    ///   - pulses: position of every servo, pulses, always in the same order.
    ///   - now: time at which they were read.
    package mutating func receive(_ pulses: [Int], at now: MonotonicTime) -> Verdict {
        guard last.count == pulses.count, now - time <= Self.longestPause else {
            return take(pulses.map(Double.init), at: now)
        }
        let reach = Self.highestSpeed / (2 * .pi) * Self.turn * (now - time).inSeconds + Self.noise
        var continuous = last
        for (servo, pulse) in pulses.enumerated() {
            let way = (Double(pulse) - last[servo]).remainder(dividingBy: Self.turn)
            guard abs(way) <= reach else {
                refused += 1
                refusals += 1
                return refusals < Self.patience ? .refused(servo: servo, pulses: way) : .lost(servo: servo, pulses: way)
            }
            continuous[servo] += way
        }
        return take(continuous, at: now)
    }

    private mutating func take(_ pulses: [Double], at now: MonotonicTime) -> Verdict {
        (last, time, refusals) = (pulses, now, 0)
        return .taken(pulses)
    }
}
