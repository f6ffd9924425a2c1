/// Follows the sequence numbers of one topic, per publishing instance.
package struct SequenceTracker: Sendable {
    /// What a sequence number says of the messages before it.
    package enum Verdict: Equatable, Sendable {
        /// The first message of an instance: there is nothing to compare with.
        case first
        case next
        /// Number of messages between the previous one and this one that did not arrive.
        case gap(UInt64)
        /// The message was seen before: a latched value that was sent again for another reader.
        case duplicate
    }

    /// A topic has one publisher, and a new instance of it after each restart; the memory for them must have an end.
    private static let capacity = 8
    /// Publishing instances with the last number of each, the newest last.
    private var instances: [(id: UInt64, last: UInt64)] = []

    package init() {}

    /// Takes the number of a message that arrived.
    package mutating func record(_ sequence: UInt64, from instance: UInt64) -> Verdict {
        guard let index = instances.firstIndex(where: { $0.id == instance }) else {
            if instances.count == Self.capacity { instances.removeFirst() }
            instances.append((instance, sequence))
            return .first
        }
        let last = instances[index].last
        guard sequence > last else { return .duplicate }
        instances[index].last = sequence
        return sequence - last == 1 ? .next : .gap(sequence - last - 1)
    }
}
