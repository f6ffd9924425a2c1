import MCAPFiles
import Messages
import Time
import Wire

/// Which messages of a topic there are, by the numbers that their publishers gave them.
///
/// A publisher counts its topic's messages from 0; one that is started again has another instance id. What was
/// published before the first message of an instance came is not known, unless it is the first of its topic here: then
/// the run was joined late, and nothing is missed. What a publisher keeps for those who come late may come after its
/// own word of how much it has sent.
package struct SequenceProof: Equatable, Sendable {
    /// What is known of one topic's messages.
    package struct Topic: Equatable, Sendable {
        /// How many messages the numbers tell of: from the first to the last of each instance, both included.
        package var expected: UInt64 = 0
        /// Number of messages that came to the recorder.
        package var received: UInt64 = 0
        /// Numbers that never came, oldest first.
        package var missing: [ClosedRange<UInt64>] = []
        package var missingCount: UInt64 = 0
        /// Number of messages that came again, or late.
        package var repeated: UInt64 = 0
        /// Number of messages that came and did not get into the file.
        package var dropped: UInt64 = 0
        package var instances = 0
        fileprivate var last: [UInt64: UInt64] = [:]
        /// The instance that was joined late, and the number before which nothing of it has come.
        fileprivate var joined: Joining?
    }
    fileprivate struct Joining: Equatable, Sendable {
        var instance: UInt64
        var number: UInt64
    }
    /// Most gaps of a topic whose numbers are kept; later ones are only counted.
    private static let mostRanges = 1000

    package private(set) var topics: [String: Topic] = [:]

    package init() {}

    /// Counts a message of a topic that came.
    package mutating func receive(_ envelope: Envelope, on name: String) {
        var topic = topics[name] ?? Topic()
        defer { topics[name] = topic }
        topic.received += 1
        let number = envelope.sequence
        guard let last = topic.last[envelope.instanceID] else {
            // A second instance begins at 0: what came before its first message here is missing.
            let first = topic.instances == 0 ? number : 0
            if topic.instances == 0 { topic.joined = Joining(instance: envelope.instanceID, number: number) }
            topic.instances += 1
            topic.expected += number - first + 1
            if first < number { Self.miss(first...number - 1, in: &topic) }
            topic.last[envelope.instanceID] = number
            return
        }
        guard number > last else {
            topic.receiveLate(number, from: envelope.instanceID)
            return
        }
        topic.expected += number - last
        if number - last > 1 { Self.miss(last + 1...number - 1, in: &topic) }
        topic.last[envelope.instanceID] = number
    }

    /// Takes what a publisher itself says: how many messages of a topic it has sent so far. It says so on the socket on
    /// which it sent them, so that whatever has not come by now is lost, also the last ones.
    /// - Parameter instance: instance of the publisher.
    package mutating func hear(sent count: UInt64, of name: String, from instance: UInt64) {
        guard count > 0 else { return }
        var topic = topics[name] ?? Topic()
        defer { topics[name] = topic }
        guard let last = topic.last[instance] else {
            // The run was joined late, or nothing at all came of a later instance.
            let first = topic.instances == 0 ? count : 0
            if topic.instances == 0 { topic.joined = Joining(instance: instance, number: count) }
            topic.instances += 1
            topic.expected += count - first
            if first < count { Self.miss(first...count - 1, in: &topic) }
            topic.last[instance] = count - 1
            return
        }
        guard count - 1 > last else { return }
        topic.expected += count - 1 - last
        Self.miss(last + 1...count - 1, in: &topic)
        topic.last[instance] = count - 1
    }

    /// Takes what a node's status says that it has sent.
    /// - Parameter instance: instance of the node that publishes the status.
    package mutating func hear(_ status: NodeStatus, from instance: UInt64) {
        for counter in status.counters where counter.name.hasPrefix(NodeStatus.sentPrefix) {
            guard let count = UInt64(exactly: counter.value), count <= UInt64(EpisodeState.largestCount) else {
                continue
            }
            hear(sent: count, of: String(counter.name.dropFirst(NodeStatus.sentPrefix.count)), from: instance)
        }
    }

    fileprivate static func miss(_ range: ClosedRange<UInt64>, in topic: inout Topic) {
        topic.missingCount += range.upperBound - range.lowerBound + 1
        if topic.missing.count < mostRanges { topic.missing.append(range) }
    }

    /// Takes note that messages came and were not written.
    /// - Parameter ranges: their numbers, as far as they are known.
    mutating func drop(_ count: UInt64, in ranges: [ClosedRange<UInt64>], of name: String) {
        guard var topic = topics[name] else { return }
        topic.received -= min(count, topic.received)
        topic.dropped += count
        topic.missingCount += count
        topic.missing = (topic.missing + ranges).sorted { $0.lowerBound < $1.lowerBound }
        topics[name] = topic
    }

    package var missingCount: UInt64 { topics.values.reduce(0) { $0 + $1.missingCount } }

    /// The proof as metadata: for each topic "sent taken written missing repeated", and the ranges of what is missing.
    package var metadata: MCAP.Metadata {
        var metadata = ["missing": String(missingCount)]
        for (name, topic) in topics {
            let ranges = topic.missing.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " ")
            metadata["topic " + name] =
                "sent \(topic.expected) taken \(topic.received + topic.dropped) written \(topic.received) "
                + "missing \(topic.missingCount) repeated \(topic.repeated)" + (ranges.isEmpty ? "" : ": " + ranges)
        }
        return MCAP.Metadata(name: RecordName.sequences, metadata: metadata)
    }
}

extension SequenceProof.Topic {
    /// A number that is not above the last: kept from before the run was joined, thought lost, or here already.
    fileprivate mutating func receiveLate(_ number: UInt64, from instance: UInt64) {
        if let first = joined?.number, joined?.instance == instance, number < first {
            expected += first - number
            if number + 1 < first { SequenceProof.miss(number + 1...first - 1, in: &self) }
            joined?.number = number
        } else if let index = missing.lastIndex(where: { $0.contains(number) }) {
            // Of another instance with the same numbers this would be wrong, and the sums right all the same.
            let range = missing[index]
            var rest: [ClosedRange<UInt64>] = []
            if range.lowerBound < number { rest.append(range.lowerBound...number - 1) }
            if number < range.upperBound { rest.append(number + 1...range.upperBound) }
            missing.replaceSubrange(index...index, with: rest)
            missingCount -= 1
        } else {
            repeated += 1
        }
    }
}

extension TopicAccount {
    /// Reads what a file says at its end of one topic, beside what was found in it.
    /// - Returns: nil for other words than `SequenceProof.metadata` has.
    package init?(of topic: String, proof: String, inFile: UInt64) {
        let words = proof.prefix { $0 != ":" }.split(separator: " ")
        var numbers: [Substring: UInt64] = [:]
        for (name, number) in zip(words, words.dropFirst()) { numbers[name] = UInt64(number) }
        // Older files have "expected", and did not tell what the disk refused from what never came.
        guard let sent = numbers["sent"] ?? numbers["expected"] else { return nil }
        self.init(topic: topic, sent: sent, taken: numbers["taken"], inFile: inFile, repeated: numbers["repeated"] ?? 0)
    }
}
