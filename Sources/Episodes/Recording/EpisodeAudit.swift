import Messages
import Time
import Wire

/// What a file on disk holds, as it is found there by reading: not what its writer meant.
package struct EpisodeAudit: Equatable, Sendable {
    package var messages: Int64
    /// Whether the file has its end.
    package var isWhole: Bool
    /// Messages that never came, or did not get into the file, as it says itself; nil where it was cut before it said
    /// so.
    package var missing: Int64?
    /// Accounts of each topic's messages, in alphabetical order; also where messages were sent, and none is there.
    package var topics: [TopicAccount]

    /// Reads the file at `path` and counts what it holds.
    /// - Throws: `EpisodeFileError` for what is no episode, or cannot be read.
    package init(path: String) throws(EpisodeFileError) {
        let file = try EpisodeFile(path: path)
        messages = Int64(clamping: file.reader.statistics.messageCount)
        isWhole = file.reader.isFinished
        missing = try file.metadata(named: RecordName.sequences)?["missing"].flatMap { Int64($0) }
        topics = try file.account()
    }
}

extension EpisodeFile {
    /// Reads what was sent of each topic, came to the recorder, and is in the file. What a cut file could not say at
    /// its end follows from its messages: their numbers, and what the nodes said in between.
    package func account() throws(EpisodeFileError) -> [TopicAccount] {
        var inFile: [String: UInt64] = [:]
        for (channel, count) in reader.statistics.channelMessageCounts {
            if let topic = reader.channels[channel]?.topic { inFile[topic, default: 0] += count }
        }
        let told = try metadata(named: RecordName.sequences)
        var accounts: [String: TopicAccount] = [:]
        if let told {
            for (key, text) in told where key.hasPrefix("topic ") {
                let topic = String(key.dropFirst("topic ".count))
                accounts[topic] = TopicAccount(of: topic, proof: text, inFile: inFile[topic] ?? 0)
            }
        } else {
            for (topic, found) in try proofByReading().topics {
                accounts[topic] = TopicAccount(
                    topic: topic, sent: found.expected, taken: nil, inFile: inFile[topic] ?? 0, repeated: found.repeated
                )
            }
        }
        return accounts.values.sorted { $0.topic < $1.topic }
    }

    private func proofByReading() throws(EpisodeFileError) -> SequenceProof {
        let start = MonotonicTime(nanoseconds: try facts()["start_ns"].flatMap { Int64($0) } ?? 0)
        var proof = SequenceProof()
        var messages = messages()
        while let message = try messages.next() { proof.receive(message, startingAt: start) }
        return proof
    }
}

extension SequenceProof {
    /// A message of a file, in their order.
    /// - Parameter start: start of the episode. What a node had sent before, the recorder need not have.
    package mutating func receive(_ message: EpisodeMessage, startingAt start: MonotonicTime) {
        receive(message.envelope, on: message.topic)
        guard message.logTime >= start, Topics.allNodeStatuses.matches(message.topic),
            let status = try? message.content(as: NodeStatus.self)
        else { return }
        hear(status, from: message.envelope.instanceID)
    }
}
