import Time

/// Whether a topic that was heard has fallen silent. Reads no clock.
package struct TopicSilence: Sendable {
    /// How long nothing may come before it counts as silence.
    package static let limit = Duration.seconds(3)

    private var lastTime: MonotonicTime?
    private var isTold = false

    package init() {}

    /// Takes note of a message.
    package mutating func receive(at now: MonotonicTime) {
        lastTime = now
        isTold = false
    }

    /// Whether nothing has come for `limit`, or nothing at all yet.
    package func lasts(at now: MonotonicTime) -> Bool { lastTime.map { now - $0 >= Self.limit } ?? true }

    /// Whether the topic has fallen silent and nobody was told yet.
    /// - Returns: true once in each silence that follows a message.
    package mutating func isNews(at now: MonotonicTime) -> Bool {
        guard lastTime != nil, !isTold, lasts(at: now) else { return false }
        isTold = true
        return true
    }
}
