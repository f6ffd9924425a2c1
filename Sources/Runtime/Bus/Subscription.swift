import DequeModule
import Files
import Images
import Time
import Wire

/// A message with what the bus knows about it.
package struct Received<Message: WireMessage>: Sendable {
    package var topic: String
    package var message: Message
    package var envelope: Envelope
    /// Time at which this process took it from the socket.
    package var receivedTime: MonotonicTime
}

/// A message of any type, for programs that only look on.
package struct RawMessage: Sendable {
    package var topic: String
    package var envelope: Envelope
    package var body: [UInt8]
    package var bulk: SharedBytes?
    package var receivedTime: MonotonicTime
    /// Bytes of all parts together.
    package var byteCount: Int

    package init(
        topic: String, envelope: Envelope, body: [UInt8], bulk: SharedBytes?, receivedTime: MonotonicTime,
        byteCount: Int
    ) {
        self.topic = topic
        self.envelope = envelope
        self.body = body
        self.bulk = bulk
        self.receivedTime = receivedTime
        self.byteCount = byteCount
    }
}

/// One message while it is handed round; `body` is valid only meanwhile.
struct Arrival {
    let topic: String
    let envelope: Envelope
    let body: UnsafeRawBufferPointer
    let bulk: SharedBytes?
    let byteCount: Int
    let receivedTime: MonotonicTime
}

/// What became of an arrival at one subscription.
enum Acceptance {
    case kept
    /// Kept, and an older one that nobody had taken made way for it.
    case keptSuperseding
    /// Kept, and the oldest of a full queue made way for it.
    case keptDropping
    case malformed
    case unknownSchema
}

/// What a `BusNode` hands messages to.
protocol ArrivalSink: AnyObject {
    /// Beginning of the topics, which ZeroMQ filters by.
    var prefix: String { get }
    /// Whether only the newest message counts, so that a missing one was superseded and not lost.
    var newestOnly: Bool { get }
    func matches(_ topic: String) -> Bool
    func accept(_ arrival: borrowing Arrival) -> Acceptance
}

/// The messages of a topic that arrived and wait to be taken. For the thread that owns the `BusNode`, whose `wait`
/// fills it.
package final class Subscription<Message: WireMessage> {
    private enum Selection {
        case exactly(String)
        case pattern(TopicPattern<Message>)
    }

    private let selection: Selection
    private let capacity: Int
    let newestOnly: Bool
    /// Oldest first.
    private var queue: Deque<Received<Message>> = []

    init(_ topic: Topic<Message>) {
        selection = .exactly(topic.name)
        switch topic.delivery {
        case .latest, .latched:
            capacity = 1
            newestOnly = true
        case .every(let capacity):
            self.capacity = capacity
            newestOnly = false
        }
    }

    init(_ pattern: TopicPattern<Message>) {
        selection = .pattern(pattern)
        capacity = pattern.capacity
        newestOnly = false
    }

    /// How many messages wait.
    package var count: Int { queue.count }

    /// The oldest message that waits (where only the newest counts: that one), or nil. Each is given out once.
    package func take() -> Received<Message>? { queue.popFirst() }
}

extension Subscription: ArrivalSink {
    var prefix: String {
        switch selection {
        case .exactly(let name): name
        case .pattern(let pattern): pattern.prefix
        }
    }

    func matches(_ topic: String) -> Bool {
        switch selection {
        case .exactly(let name): topic == name
        case .pattern(let pattern): pattern.matches(topic)
        }
    }

    func accept(_ arrival: borrowing Arrival) -> Acceptance {
        guard arrival.envelope.schema == Message.schemaName else { return .unknownSchema }
        let message: Message
        do {
            message = try Message(body: arrival.body, bulk: arrival.bulk)
        } catch {
            return .malformed
        }
        var acceptance = Acceptance.kept
        if count == capacity {
            _ = take()
            acceptance = newestOnly ? .keptSuperseding : .keptDropping
        }
        queue.append(
            Received(
                topic: arrival.topic, message: message, envelope: arrival.envelope, receivedTime: arrival.receivedTime))
        return acceptance
    }
}

/// Hands every message below a prefix to a closure.
final class Observation: ArrivalSink {
    let prefix: String
    let newestOnly = false
    private let handler: (RawMessage) -> Void

    init(prefix: String, handler: @escaping (RawMessage) -> Void) {
        self.prefix = prefix
        self.handler = handler
    }

    func matches(_ topic: String) -> Bool { topic.hasPrefix(prefix) }

    func accept(_ arrival: borrowing Arrival) -> Acceptance {
        handler(
            RawMessage(
                topic: arrival.topic, envelope: arrival.envelope, body: Array(arrival.body), bulk: arrival.bulk,
                receivedTime: arrival.receivedTime, byteCount: arrival.byteCount))
        return .kept
    }
}
