import Time

/// What went through a `BusNode`, as totals since it was made.
package struct BusStatistics: Equatable, Sendable {
    /// One topic on the receiving side.
    package struct Received: Equatable, Sendable {
        /// Messages that arrived, were correct, and had not been seen before.
        package var received: Int64 = 0
        /// Messages missing between sequence numbers, on topics where each message counts.
        package var lost: Int64 = 0
        /// Messages passed over for a newer one, on topics where only the newest counts: on the way, or before it was
        /// taken.
        package var superseded: Int64 = 0
        /// Messages dropped as the oldest of a full queue.
        package var queueDropped: Int64 = 0
        /// Messages that are not correct: wrong number of parts, unreadable envelope or body, values out of range.
        package var malformed: Int64 = 0
        /// Messages of another schema than the topic's.
        package var unknown: Int64 = 0
        /// Latched values that were sent again for another reader.
        package var duplicates: Int64 = 0

        package init() {}
    }

    /// What arrived, by topic.
    package var received: [String: Received] = [:]
    /// Messages published, by topic; resent latched values not counted.
    package var published: [String: Int64] = [:]
    /// Messages on topics that nobody here asked for: ZeroMQ matches prefixes, so `camera/a` brings `camera/ab` along.
    package var unmatched: Int64 = 0
    /// Connections that were let in, by the name of the key; the user's own are not counted.
    package var admittedConnections: [String: Int64] = [:]
    /// Connections that were not let in: of an unknown key, or without one.
    package var refusedConnections: Int64 = 0
    /// Messages that somebody who was let in had no right to say, by the name of the key.
    package var refusedMessages: [String: Int64] = [:]

    package init() {}

    /// All topics together, for a status line.
    package var total: Received {
        received.values.reduce(into: Received()) { sum, topic in
            sum.received += topic.received
            // A foreign sender's gaps are of any size.
            sum.lost = sum.lost.addingSaturating(topic.lost)
            sum.superseded = sum.superseded.addingSaturating(topic.superseded)
            sum.queueDropped += topic.queueDropped
            sum.malformed += topic.malformed
            sum.unknown += topic.unknown
            sum.duplicates += topic.duplicates
        }
    }
}
