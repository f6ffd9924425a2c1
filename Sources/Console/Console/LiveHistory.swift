import DequeModule
import Time

/// What a page that joins is told of what has been said before, as far as it was heard.
struct LiveHistory: Sendable {
    /// How far back the charts go.
    static let span = Duration.seconds(20)
    /// Most events that are kept.
    static let maximumEvents = 200
    /// Most messages of the last seconds that are kept, however many come.
    static let maximumTimeline = 2000

    private var latched: [String: String] = [:]
    private var latchedOrder: [String] = []
    private var events: Deque<String> = []
    private var timeline: Deque<(time: MonotonicTime, text: String)> = []

    /// All of it, in the order in which it is told: of each topic the oldest first.
    var texts: [String] { timeline.map(\.text) + events + latchedOrder.compactMap { latched[$0] } }

    mutating func latch(_ text: String, of topic: String) {
        if latched.updateValue(text, forKey: topic) == nil { latchedOrder.append(topic) }
    }

    mutating func keep(event text: String) {
        events.append(text)
        if events.count > Self.maximumEvents { events.removeFirst() }
    }

    mutating func keep(_ text: String, at now: MonotonicTime) {
        timeline.append((now, text))
        while let first = timeline.first, now - first.time > Self.span || timeline.count > Self.maximumTimeline {
            timeline.removeFirst()
        }
    }
}
