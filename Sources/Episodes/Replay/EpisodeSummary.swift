import MCAPFiles
import Messages
import Recording
import Time
import Wire

/// Summary of what an episode's file holds, and of what it says of itself.
package struct EpisodeSummary: Equatable, Sendable {
    /// One topic's messages.
    package struct Topic: Equatable, Sendable {
        package var name: String
        package var schema = ""
        package var count: UInt64 = 0
        /// Bytes of all messages' content, before compression.
        package var bytes: UInt64 = 0
        /// Times at which the recorder had the first and the last message.
        package var first: MonotonicTime
        package var last: MonotonicTime
        /// The longest time between two messages, and when it began.
        package var longestGap = Duration.zero
        package var longestGapStart: MonotonicTime
        /// Sequence numbers between the first and the last that are not in the file.
        package var missing: [ClosedRange<UInt64>] = []
        package var missingCount: UInt64 = 0
        /// Number of programs that published it, one after another.
        package var instances = 0
        /// Account of what was sent, came to the recorder and is in the file, as the recorder wrote at the end, or else
        /// as numbers and counters in the file tell.
        package var account: TopicAccount?
        /// The recorder has written what it had.
        package var isProven = false

        /// Rate of the messages, hertz; nil with fewer than two.
        package var hertz: Double? {
            let time = (last - first).inSeconds
            return count > 1 && time > 0 ? Double(count - 1) / time : nil
        }
    }
    /// The chunks that are compressed in one way, and their bytes.
    package struct Compression: Equatable, Sendable {
        /// Name of the compression: "zstd"; "" is none.
        package var name: String
        package var chunks: Int
        package var compressed: UInt64
        package var uncompressed: UInt64
    }

    package var path: String
    package var name: String
    /// Outcome: "success", "failure", "discarded", "open"; nil in a file that was cut before it was said.
    package var outcome: String?
    package var notes: String
    /// The outcome or the notes were changed after the file was closed.
    package var isAmended: Bool
    /// Wall time of the start as the recorder writes it; for people.
    package var wallStart: String
    package var start: MonotonicTime
    package var end: MonotonicTime
    /// Names of the goals, in order.
    package var goals: [String]
    package var interventions: [ClosedRange<MonotonicTime>]
    /// How long an operator moved the arm, by the arm's own states.
    package var drivenByHand: Duration
    /// Time for which a policy drove the arm.
    package var drivenByPolicy: Duration
    package var topics: [Topic]
    /// Topics of which messages were sent, and none is in the file.
    package var unrecorded: [TopicAccount]
    package var latencies: EpisodeLatencies
    package var attachments: [String]
    package var bytes: UInt64
    package var compressions: [Compression]
    /// The file has its end. One that has not was cut.
    package var isFinished: Bool
    /// A recorder still writes to it.
    package var isBeingRecorded: Bool
    /// Whether the file was made of a damaged one.
    package var isRecovered: Bool
    /// Words for what is wrong with the file.
    package var problems: [String]

    package var duration: Duration { end - start }
    package var messages: UInt64 { topics.reduce(0) { $0 + $1.count } }
    package var missing: UInt64 { topics.reduce(0) { $0 + $1.missingCount } + unrecorded.reduce(0) { $0 + $1.sent } }

    /// Reads the whole file.
    /// - Parameter progress: told how many messages were read, now and then.
    /// - Throws: `EpisodeFileError` for a file that is no episode. What is wrong within a message's content is among
    ///   the problems.
    package init(of file: EpisodeFile, progress: (Int) -> Void = { _ in }) throws(EpisodeFileError) {
        let reader = file.reader
        path = file.path
        bytes = reader.source.byteCount
        isFinished = reader.isFinished
        isBeingRecorded = file.isBeingRecorded
        // Where it is still being written it has no end, which is no damage.
        problems = isBeingRecorded ? [] : reader.problems.map(\.description)
        attachments = reader.attachments.map(\.name)
        isRecovered = reader.metadata.contains { $0.name == MCAPRecovery.metadataName }
        compressions = reader.compression.sorted { $0.key < $1.key }.map {
            Compression(
                name: $0.key, chunks: $0.value.chunks, compressed: $0.value.compressed,
                uncompressed: $0.value.uncompressed)
        }

        let facts = try file.facts()
        let told = facts["start_ns"].flatMap(MonotonicTime.init(nanosecondText:))
        var reading = EpisodeReading(start: told ?? .zero)
        var messages = file.messages()
        var count = 0
        do throws(EpisodeFileError) {
            while let message = try messages.next() {
                reading.receive(message)
                count += 1
                if count % 1000 == 0 { progress(count) }
            }
        } catch {
            if !isBeingRecorded { problems.append("\(error)") }
        }
        topics = reading.topics.values.sorted { $0.name < $1.name }
        for index in topics.indices {
            guard let found = reading.proof.topics[topics[index].name] else { continue }
            topics[index].missing = found.missing
            topics[index].missingCount = found.missingCount
            topics[index].instances = found.instances
        }
        latencies = reading.latencies

        let amended = try file.metadata(named: RecordName.amended)
        let proof = try file.metadata(named: RecordName.sequences) ?? [:]
        for index in topics.indices {
            let (name, count) = (topics[index].name, topics[index].count)
            if let text = proof["topic " + name], let account = TopicAccount(of: name, proof: text, inFile: count) {
                topics[index].account = account
                topics[index].isProven = true
            } else {
                topics[index].account = reading.account(of: name)
            }
        }
        let unseen = Set(proof.keys.filter { $0.hasPrefix("topic ") }.map { String($0.dropFirst("topic ".count)) })
            .union(reading.proof.topics.keys).subtracting(topics.map(\.name))
        unrecorded = unseen.sorted().compactMap { name in
            proof["topic " + name].flatMap { TopicAccount(of: name, proof: $0, inFile: 0) } ?? reading.account(of: name)
        }
        let fileName = path.split(separator: "/").last.map(String.init) ?? path
        name = facts["name"] ?? (fileName.hasSuffix(".mcap") ? String(fileName.dropLast(5)) : fileName)
        outcome = amended?["outcome"] ?? facts["outcome"]
        notes = amended?["notes"] ?? facts["notes"] ?? ""
        isAmended = amended != nil
        wallStart = facts["wall_start"] ?? ""
        let firstTime = topics.map(\.first).min() ?? .zero
        let lastTime = topics.map(\.last).max() ?? .zero
        // The ring's messages are older than the start.
        start = min(told ?? firstTime, firstTime)
        end = max(facts["end_ns"].flatMap(MonotonicTime.init(nanosecondText:)) ?? lastTime, lastTime)
        interventions =
            facts["interventions_ns"].map(Self.ranges(in:)) ?? reading.interventions(until: lastTime)
        goals = reading.goals
        drivenByHand = reading.drivenByHand
        drivenByPolicy = reading.drivenByPolicy
    }

    /// Reads "100-200 300-400": nanoseconds, as the recorder writes them. What is none is passed over.
    static func ranges(in text: String) -> [ClosedRange<MonotonicTime>] {
        text.split(separator: " ").compactMap { part in
            let ends = part.split(separator: "-").compactMap { MonotonicTime(nanosecondText: String($0)) }
            return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
        }
    }
}

extension MonotonicTime {
    /// Reads a time stamp from the text of its nanoseconds.
    /// - Returns: nil for what is no number.
    init?(nanosecondText text: String) {
        guard let number = Int64(text) else { return nil }
        self.init(nanoseconds: number)
    }
}

/// Facts that are gathered while an episode's messages go by.
private struct EpisodeReading {
    var topics: [String: EpisodeSummary.Topic] = [:]
    var latencies = EpisodeLatencies()
    var goals: [String] = []
    private(set) var proof = SequenceProof()
    private let start: MonotonicTime
    private var interventions: [ClosedRange<MonotonicTime>] = []
    private var interventionStart: MonotonicTime?
    private(set) var drivenByHand = Duration.zero
    private(set) var drivenByPolicy = Duration.zero
    private var lastState: (time: MonotonicTime, mode: ArmMode)?
    /// States further apart than this say nothing of the time between them.
    private static let longestStateGap = Duration.milliseconds(500)

    /// Begins the tally of an episode.
    /// - Parameter start: start of the episode, as its file says.
    init(start: MonotonicTime) { self.start = start }

    /// The account that numbers and counters tell of a topic; nil for one that neither of them names.
    func account(of topic: String) -> TopicAccount? {
        proof.topics[topic].map {
            TopicAccount(
                topic: topic, sent: $0.expected, taken: nil, inFile: topics[topic]?.count ?? 0, repeated: $0.repeated)
        }
    }

    mutating func receive(_ message: EpisodeMessage) {
        proof.receive(message, startingAt: start)
        var topic =
            topics[message.topic]
            ?? .init(
                name: message.topic, first: message.logTime, last: message.logTime, longestGapStart: message.logTime)
        topic.schema = message.envelope.schema
        topic.count += 1
        topic.bytes += UInt64(message.body.count + (message.bulk?.count ?? 0))
        if message.logTime - topic.last > topic.longestGap {
            topic.longestGap = message.logTime - topic.last
            topic.longestGapStart = topic.last
        }
        topic.last = message.logTime
        topics[message.topic] = topic
        receiveContent(of: message)
    }

    /// A message of these types that cannot be read is counted, and says nothing.
    private mutating func receiveContent(of message: EpisodeMessage) {
        switch message.envelope.schema {
        case ActionChunk.schemaName:
            if let chunk = try? message.content(as: ActionChunk.self) { latencies.receive(chunk) }
        case ChunkReport.schemaName:
            if let report = try? message.content(as: ChunkReport.self) { latencies.receive(report) }
        case ArmState.schemaName:
            guard let state = try? message.content(as: ArmState.self) else { return }
            count(state.mode, from: message.logTime)
        case Goal.schemaName:
            guard let goal = try? message.content(as: Goal.self), !goal.isNone, goals.last != goal.name else { return }
            goals.append(goal.name)
        case RunEvent.schemaName:
            guard let said = try? message.content(as: RunEvent.self) else { return }
            if said.kind == .interventionBegan { interventionStart = said.time }
            if said.kind == .interventionEnded, let start = interventionStart, start <= said.time {
                interventions.append(start...said.time)
                interventionStart = nil
            }
        default: break
        }
    }

    private mutating func count(_ mode: ArmMode, from time: MonotonicTime) {
        if let lastState, time - lastState.time < Self.longestStateGap {
            switch lastState.mode {
            case .manual: drivenByHand += time - lastState.time
            case .executing: drivenByPolicy += time - lastState.time
            case .holding, .recovering: break
            }
        }
        lastState = (time, mode)
    }

    /// The times during which a person drove the arm.
    /// - Parameter end: end of an intervention that did not end.
    func interventions(until end: MonotonicTime) -> [ClosedRange<MonotonicTime>] {
        guard let start = interventionStart, start <= end else { return interventions }
        return interventions + [start...end]
    }
}
