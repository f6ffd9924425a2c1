import Time

/// What has to be added to this machine's clock to have another one's, moving towards the newest measurement so slowly
/// that no time stands still: a step would be a jump of every stamp.
package struct BorrowedClock: Sendable {
    /// How fast the offset moves, seconds a second: well above what quartz clocks drift (some 50e-6), far below what a
    /// control loop would notice.
    package static let slewRate = 500e-6
    /// A difference above this is no drift: the machine slept. It is taken at once.
    package static let largestSlew = Duration.seconds(1)

    private var target: Duration?
    private var current = Duration.zero
    private var lastMoved = MonotonicTime.zero

    package init() {}

    /// Takes a measurement.
    package mutating func learn(_ offset: Duration, at now: MonotonicTime) {
        move(to: now)
        if target == nil || abs((offset - current).inSeconds) > Self.largestSlew.inSeconds { current = offset }
        target = offset
    }

    /// The offset to use now.
    package mutating func offset(at now: MonotonicTime) -> Duration {
        move(to: now)
        return current
    }

    private mutating func move(to now: MonotonicTime) {
        defer { lastMoved = now }
        guard let target, now > lastMoved else { return }
        let most = (now - lastMoved).inSeconds * Self.slewRate
        let wanted = (target - current).inSeconds
        current = abs(wanted) <= most ? target : current + .fromSeconds(wanted > 0 ? most : -most)
    }
}
