import Files
import Images
import MCAPFiles
import Messages
import Time
import Wire

/// A message of an episode, as it was on the bus. (`RecordedMessage` is the form that the file has it in.)
package struct EpisodeMessage: Sendable {
    package var topic: String
    package var envelope: Envelope
    /// Time at which the recorder had it, on the run's clock.
    package var logTime: MonotonicTime
    package var body: [UInt8]
    package var bulk: SharedBytes?

    /// The message's value.
    /// - Throws: `WireError` when the message is of another type, or its bytes are none of this type.
    package func content<Message: WireMessage>(as _: Message.Type = Message.self) throws(WireError) -> Message {
        guard envelope.schema == Message.schemaName else {
            throw .malformed(schema: Message.schemaName, byteCount: body.count)
        }
        // The pointer does not leave the call.
        return try body.withUnsafeBufferPointer { bytes throws(WireError) in
            try Message(body: UnsafeRawBufferPointer(bytes), bulk: bulk)
        }
    }
}

/// An episode on disk, finished or cut: what it says of itself, and its messages in the order in which they came.
package struct EpisodeFile {
    package let path: String
    package let reader: MCAPReader

    /// Opens the file at `path`.
    /// - Throws: `EpisodeFileError` when the file cannot be read, or does not begin as an MCAP file does. One that is
    ///   cut opens.
    package init(path: String) throws(EpisodeFileError) {
        self.path = path
        do throws(MCAPError) {
            reader = try MCAPReader(MCAPFile(path: path))
        } catch {
            throw .unreadable(path: path, problem: error)
        }
    }

    /// The content of the last metadata record with this name; nil where there is none.
    package func metadata(named name: String) throws(EpisodeFileError) -> [String: String]? {
        guard let place = reader.metadata.last(where: { $0.name == name }) else { return nil }
        do throws(MCAPError) {
            return try reader.metadata(place).metadata
        } catch {
            throw .unreadable(path: path, problem: error)
        }
    }

    /// The content of the last attachment with this name; nil where there is none.
    package func attachment(named name: String) throws(EpisodeFileError) -> [UInt8]? {
        guard let place = reader.attachments.last(where: { $0.name == name }) else { return nil }
        do throws(MCAPError) {
            return try reader.attachment(place).data
        } catch {
            throw .unreadable(path: path, problem: error)
        }
    }

    /// The messages of some topics, one after the other.
    /// - Parameters:
    ///   - topics: the topics; nil for all.
    ///   - times: when the messages came, both ends included; nil for all.
    package func messages(
        ofTopics topics: Set<String>? = nil, in times: ClosedRange<MonotonicTime>? = nil
    ) -> EpisodeMessages {
        let range = times.map { UInt64(max(0, $0.lowerBound.nanoseconds))...UInt64(max(0, $0.upperBound.nanoseconds)) }
        return EpisodeMessages(
            path: path, start: startTime, schemas: reader.schemas,
            messages: reader.messages(of: topics, in: range ?? 0...UInt64.max))
    }

    /// The time of the first message.
    package var startTime: MonotonicTime { MonotonicTime(nanoseconds: Int64(clamping: reader.statistics.startTime)) }

    /// All messages of one topic.
    /// - Throws: `EpisodeFileError`, also for a message that is none of the topic's type.
    package func messages<Message: WireMessage>(
        of topic: Topic<Message>
    ) throws(EpisodeFileError) -> [(message: Message, logTime: MonotonicTime)] {
        var messages = messages(ofTopics: [topic.name])
        var found: [(Message, MonotonicTime)] = []
        while let message = try messages.next() {
            do throws(WireError) {
                found.append((try message.content(), message.logTime))
            } catch {
                throw .message(
                    path: path, topic: topic.name, time: message.logTime.words(since: startTime), problem: error)
            }
        }
        return found
    }
}

/// An episode's messages, one after the other.
package struct EpisodeMessages {
    private let path: String
    private let start: MonotonicTime
    private let schemas: [UInt16: MCAP.Schema]
    private var messages: MCAPMessages

    /// Makes the episode's messages of those in its file.
    /// - Parameter start: the time of the episode's first message.
    init(path: String, start: MonotonicTime, schemas: [UInt16: MCAP.Schema], messages: MCAPMessages) {
        self.path = path
        self.start = start
        self.schemas = schemas
        self.messages = messages
    }

    /// The next message; nil at the end.
    package mutating func next() throws(EpisodeFileError) -> EpisodeMessage? {
        let item: MCAPMessages.Item
        do throws(MCAPError) {
            guard let found = try messages.next() else { return nil }
            item = found
        } catch {
            throw .unreadable(path: path, problem: error)
        }
        let topic = item.channel.topic
        let time = MonotonicTime(nanoseconds: Int64(clamping: item.message.logTime))
        // A type that was not known was written without its definition.
        let schema = schemas[item.channel.schemaID]?.name ?? item.channel.metadata["bus_schema"] ?? ""
        do throws(WireError) {
            let (envelope, body, bulk) = try RecordedMessage(schema: schema, data: item.message.data).opened()
            return EpisodeMessage(topic: topic, envelope: envelope, logTime: time, body: body, bulk: bulk)
        } catch {
            throw .message(path: path, topic: topic, time: time.words(since: start), problem: error)
        }
    }
}

/// Why an episode's file, or a message in it, cannot be read.
package enum EpisodeFileError: Error, Equatable {
    case unreadable(path: String, problem: MCAPError)
    /// A message cannot be read.
    /// - Parameter time: its time in words, counted from the episode's first message.
    case message(path: String, topic: String, time: String, problem: WireError)
}

extension EpisodeFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let path, let problem):
            "reading episode \(path): \("\(problem)".trimmingSuffix("."))" + problem.advice
        case .message(let path, let topic, let time, let problem):
            "reading episode \(path): message of \(topic) at \(time): \(problem). Was it recorded by octo-record?"
        }
    }
}

extension MCAPError {
    /// Words for what helps; a file that is not there, or that nobody may read, is not damaged.
    fileprivate var advice: String {
        if case .file = self { return "." }
        return ". 'octo-replay recover' saves what can be read of a damaged file."
    }
}

extension String {
    /// A copy that lacks `suffix` if the string ends with it.
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
