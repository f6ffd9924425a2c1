import Episodes
import Time
import Wire

/// Which messages of a topic there are, by the numbers that their publishers gave them.
///
/// A publisher counts its topic's messages from 0; one that is started again has another instance id. What was published
/// before the first message of an instance came is not known, unless it is the first of its topic here: then the run was
/// joined late, and nothing is missed.
package struct SequenceProof: Equatable, Sendable {
    package struct Topic: Equatable, Sendable {
        /// Between the first and the last number of each instance, both included.
        package var expected: UInt64 = 0
        /// What came to the recorder.
        package var received: UInt64 = 0
        /// Numbers that never came, oldest first.
        package var missing: [ClosedRange<UInt64>] = []
        package var missingCount: UInt64 = 0
        /// Numbers that came again, or late.
        package var repeated: UInt64 = 0
        package var instances = 0
        fileprivate var last: [UInt64: UInt64] = [:]
    }
    /// Later gaps of a topic are only counted.
    private static let mostRanges = 1000

    package private(set) var topics: [String: Topic] = [:]

    package init() {}

    package mutating func receive(_ envelope: Envelope, on name: String) {
        var topic = topics[name] ?? Topic()
        defer { topics[name] = topic }
        topic.received += 1
        let number = envelope.sequence
        guard let last = topic.last[envelope.instanceID] else {
            // A second instance begins at 0: what came before its first message here is missing.
            let first = topic.instances == 0 ? number : 0
            topic.instances += 1
            topic.expected += number - first + 1
            if first < number { Self.miss(first...number - 1, in: &topic) }
            topic.last[envelope.instanceID] = number
            return
        }
        guard number > last else {
            topic.repeated += 1
            return
        }
        topic.expected += number - last
        if number - last > 1 { Self.miss(last + 1...number - 1, in: &topic) }
        topic.last[envelope.instanceID] = number
    }

    private static func miss(_ range: ClosedRange<UInt64>, in topic: inout Topic) {
        topic.missingCount += range.upperBound - range.lowerBound + 1
        if topic.missing.count < mostRanges { topic.missing.append(range) }
    }

    /// Messages came, and were not written.
    /// - Parameter ranges: their numbers, as far as they are known.
    mutating func drop(_ count: UInt64, in ranges: [ClosedRange<UInt64>], of name: String) {
        guard var topic = topics[name] else { return }
        topic.received -= min(count, topic.received)
        topic.missingCount += count
        topic.missing = (topic.missing + ranges).sorted { $0.lowerBound < $1.lowerBound }
        topics[name] = topic
    }

    package var missingCount: UInt64 { topics.values.reduce(0) { $0 + $1.missingCount } }

    /// Per topic "expected written missing repeated", and the ranges of what is missing.
    package var metadata: MCAP.Metadata {
        var metadata = ["missing": String(missingCount)]
        for (name, topic) in topics {
            let ranges = topic.missing.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " ")
            metadata["topic " + name] =
                "expected \(topic.expected) written \(topic.received) missing \(topic.missingCount) repeated \(topic.repeated)"
                + (ranges.isEmpty ? "" : ": " + ranges)
        }
        return MCAP.Metadata(name: "sequences", metadata: metadata)
    }
}
