import Time

/// Counts wrong tokens, so that nobody tries many.
struct AccessAttempts: Sendable {
    /// Wrong tokens that one address may send in a minute.
    static let perPeer = 5
    /// Wrong tokens that all addresses together may send in a minute: one machine can have many addresses.
    static let inAll = 60
    static let window = Duration.seconds(60)

    /// Wrong tokens within the window, at most `inAll`: what comes while they are full is not looked at.
    private var wrong: [(peer: String, time: MonotonicTime)] = []

    /// How long this address has to wait; nil when it may try.
    mutating func wait(of peer: String, at now: MonotonicTime) -> Duration? {
        wrong.removeAll { now - $0.time >= Self.window }
        let own = wrong.filter { $0.peer == peer }
        let full = own.count >= Self.perPeer ? own.first : wrong.count >= Self.inAll ? wrong.first : nil
        return full.map { Self.window - (now - $0.time) }
    }

    mutating func countWrong(from peer: String, at now: MonotonicTime) { wrong.append((peer, now)) }
}
