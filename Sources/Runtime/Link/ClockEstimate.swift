import Time

/// How another machine's clock differs from ours, from questions and answers.
///
/// Of each exchange four stamps are known: asked (ours), heard (theirs), answered (theirs), got back (ours). The offset
/// that follows is wrong by at most half of the time that the exchange spent on the way (Mills, RFC 5905, section 8),
/// so that of the exchanges of the last while the one with the shortest way counts; its bound grows with its age by
/// what two quartz clocks drift apart.
package struct ClockEstimate: Sendable {
    /// What is known.
    package struct Reading: Equatable, Sendable {
        /// The other clock minus ours.
        package var offset: Duration
        /// By how much that is wrong at most.
        package var uncertainty: Duration
        /// Time on the way, there and back.
        package var roundTrip: Duration
    }

    private struct Exchange: Sendable {
        var offset: Duration
        var roundTrip: Duration
        var time: MonotonicTime
    }

    /// Exchanges that are kept.
    static let most = 64
    /// Older ones do not count.
    static let longest = Duration.seconds(30)
    /// How fast two clocks may part: 100 ppm, above what two quartzes do.
    package static let drift = 100e-6

    private var exchanges: [Exchange] = []

    package init() {}

    /// Takes an exchange.
    /// - Parameters:
    ///   - asked: when we asked, by our clock.
    ///   - heard: when they heard it, by theirs.
    ///   - answered: when they answered, by theirs.
    ///   - back: when we had the answer, by ours.
    package mutating func add(asked: MonotonicTime, heard: MonotonicTime, answered: MonotonicTime, back: MonotonicTime)
    {
        // Stamps are foreign numbers: only what can be true is kept.
        let sane = MonotonicTime.zero...MonotonicTime(nanoseconds: 1 << 60)
        guard [asked, heard, answered, back].allSatisfy(sane.contains), back >= asked, answered >= heard else { return }
        let roundTrip = (back - asked) - (answered - heard)
        guard roundTrip >= .zero else { return }
        let offset = (heard - asked + (answered - back)) / 2
        exchanges.append(Exchange(offset: offset, roundTrip: roundTrip, time: back))
        if exchanges.count > Self.most { exchanges.removeFirst() }
    }

    /// What is known now; nil: nothing yet.
    package func reading(at now: MonotonicTime) -> Reading? {
        exchanges.filter { now - $0.time <= Self.longest }.map { Self.reading($0, at: now) }
            .min { $0.uncertainty < $1.uncertainty }
    }

    private static func reading(_ exchange: Exchange, at now: MonotonicTime) -> Reading {
        let age = max((now - exchange.time).inSeconds, 0)
        return Reading(
            offset: exchange.offset, uncertainty: exchange.roundTrip / 2 + .fromSeconds(age * drift),
            roundTrip: exchange.roundTrip)
    }
}
