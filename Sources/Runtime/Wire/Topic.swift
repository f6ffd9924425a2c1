/// How messages of a topic reach a reader that is slower than the writer, or comes later.
package enum Delivery: Hashable, Sendable {
    /// The newest message alone counts; older ones are overwritten. Frames, state.
    case latest
    /// Each message counts: a queue of `capacity`; when it is full the oldest is dropped, and counted.
    case every(capacity: Int)
    /// The newest message alone counts, as with `latest`, and who subscribes late gets it at once. Goal, status.
    case latched
}

/// A name on the bus with the type of what is published there, so that publishing anything else does not compile.
package struct Topic<Message: WireMessage>: Hashable, Sendable {
    package let name: String
    package let delivery: Delivery

    /// Makes a topic.
    /// - Parameter name: name of the topic, 1...255 bytes of UTF-8, parts separated by slashes.
    package init(_ name: String, _ delivery: Delivery) {
        precondition((1...255).contains(name.utf8.count), "a topic's name has 1 to 255 bytes, not \(name.utf8.count)")
        if case .every(let capacity) = delivery {
            precondition(capacity > 0, "a queue of \(capacity) holds no message")
        }
        self.name = name
        self.delivery = delivery
    }
}

/// All topics whose name begins with `prefix` and ends with `suffix`, for readers that do not know the names
/// beforehand.
package struct TopicPattern<Message: WireMessage>: Hashable, Sendable {
    package let prefix: String
    package let suffix: String
    /// Capacity of the queue that all matching topics share, in messages.
    package let capacity: Int

    package init(prefix: String, suffix: String, capacity: Int) {
        precondition(capacity > 0, "a queue of \(capacity) holds no message")
        self.prefix = prefix
        self.suffix = suffix
        self.capacity = capacity
    }

    package func matches(_ topic: String) -> Bool {
        topic.utf8.count >= prefix.utf8.count + suffix.utf8.count && topic.hasPrefix(prefix) && topic.hasSuffix(suffix)
    }
}
