import Files

/// A message of the bus as it is on its way: topic, envelope, body, and what is large; none of it is looked into but
/// the topic.
package struct RelayedMessage: Sendable, Equatable {
    /// Where it goes on the other side.
    package enum Lane: Sendable {
        /// To everybody who subscribes.
        case bus
        /// To those who take commands.
        case commands
    }

    package static let partCounts = 3...4

    package let lane: Lane
    package let parts: [SharedBytes]

    /// Takes a message; nil when it has not the parts that every message of the bus has.
    package init?(_ lane: Lane, parts: [SharedBytes]) {
        guard Self.partCounts.contains(parts.count) else { return nil }
        self.lane = lane
        self.parts = parts
    }

    package var topic: String { String(decoding: parts[0].bytes, as: UTF8.self) }
    /// Bytes of all parts together.
    package var byteCount: Int { parts.reduce(0) { $0 + $1.count } }
}
