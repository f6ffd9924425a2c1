import Files
import Images
import Time
import Wire

/// The sending end of one topic. For the thread that owns the `BusNode`.
package struct Publisher<Message: WireMessage> {
    let node: BusNode
    let output: TopicOutput

    /// Sends `message` to whoever subscribes. Never waits: a reader whose queue is full loses the message, and sees the
    /// gap in the sequence numbers.
    /// - Parameters:
    ///   - captureTime: when the content was true, where that has a meaning.
    ///   - traceID: groups messages that descend from one another; 0 when not used.
    ///   - now: stamped as the time of publishing.
    /// - Throws: `unsendable` when a value is outside what its schema allows; `closed`.
    package func publish(
        _ message: Message, captureTime: MonotonicTime? = nil, traceID: UInt64 = 0, at now: MonotonicTime
    ) throws(BusError) {
        let encoded: EncodedMessage
        do {
            encoded = try message.encoded()
        } catch {
            throw .unsendable(topic: output.name, error)
        }
        try node.publish(encoded, on: output, captureTime: captureTime, traceID: traceID, at: now)
    }
}

/// What a node knows about one topic it publishes.
final class TopicOutput {
    struct Parts {
        var envelope: [UInt8]
        var body: [UInt8]
        var bulk: SharedBytes?
    }

    let name: String
    let nameBytes: [UInt8]
    let schema: String
    let isLatched: Bool
    /// Number of the next message; so also how many were published.
    var sequence: UInt64 = 0
    /// The last message, kept on latched topics only.
    var latched: Parts?

    init(name: String, schema: String, isLatched: Bool) {
        self.name = name
        nameBytes = Array(name.utf8)
        self.schema = schema
        self.isLatched = isLatched
    }
}
