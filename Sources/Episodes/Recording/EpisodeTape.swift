import MCAPFiles
import Messages
import Time
import Wire

extension MCAP.Attachment {
    /// A JSON file that goes with an episode.
    /// - Parameter now: the attachment's time, on the clock of the episode's stamps.
    package init(json content: some Collection<UInt8>, named name: String, at now: MonotonicTime) {
        let time = UInt64(max(0, now.nanoseconds))
        self.init(logTime: time, createTime: time, name: name, mediaType: "application/json", data: Array(content))
    }
}

extension MCAPWriter {
    /// Carries out what a recorder decides, as far as it concerns the content of one file; other files are not read.
    /// - Throws: `MCAPWriteError`.
    package mutating func write(_ action: RecorderCore.Action) throws {
        switch action {
        case .define(let schema): try write(schema)
        case .attach(let attachment): try write(attachment)
        case .describe(let channel): try write(channel)
        case .write(let message): try write(message)
        case .note(let metadata), .amend(_, let metadata): try write(metadata)
        case .close(let closing): for record in closing.records() { try write(record) }
        case .open, .attachFile, .answer: break
        }
    }
}

/// One episode as octo-record would have written it, made in memory by a process that runs all nodes itself: nothing is
/// dropped, however fast the episode goes by.
package struct EpisodeTape {
    private var core: RecorderCore
    private var writer: MCAPWriter
    private var sequences: [String: UInt64] = [:]
    private let wallTime: String
    private var commands: UInt64 = 0

    /// Begins an episode.
    /// - Parameters:
    ///   - name: name of the episode: letters, digits, `-`, `_` and `.`.
    ///   - wallTime: the beginning for people: "2026-01-31T12-00-00".
    /// - Throws: `MCAPWriteError`.
    package init(
        named name: String, attachments: [MCAP.Attachment], facts: [MCAP.Metadata], at now: MonotonicTime,
        wallTime: String
    ) throws {
        core = RecorderCore(.init(startsByItself: false), attachments: attachments, facts: facts)
        writer = MCAPWriter(.init(header: .init(profile: "", library: OctoRuntime.writer)))
        self.wallTime = wallTime
        try command(.start, name, at: now)
    }

    /// A message as a node would have published it.
    /// - Throws: `WireError`, `MCAPWriteError`.
    package mutating func add<Message: WireMessage>(
        _ message: Message, on topic: Topic<Message>, from node: String, at now: MonotonicTime,
        captured: MonotonicTime? = nil
    ) throws {
        let encoded = try message.encoded()
        let sequence = sequences[topic.name, default: 0]
        sequences[topic.name] = sequence + 1
        let envelope = Envelope(
            schema: Message.schemaName, sequence: sequence, captureTime: captured, publishTime: now, sourceNode: node,
            instanceID: 1, runID: "lock step", traceID: 0, hostID: "lock step")
        try perform(
            core.receive(
                topic: topic.name, envelope: envelope, body: encoded.body, bulk: encoded.bulk, at: now,
                wallTime: wallTime))
    }

    /// Ends the episode.
    /// - Returns: the file's content.
    /// - Throws: `MCAPWriteError`.
    package mutating func finish(isSuccess: Bool, note: String, at now: MonotonicTime) throws -> [UInt8] {
        try command(isSuccess ? .markSuccess : .markFailure, note, at: now)
        try perform(core.end(at: now))
        try writer.finish()
        return writer.takeBytes()
    }

    private mutating func command(_ action: EpisodeCommand.Action, _ text: String, at now: MonotonicTime) throws {
        commands += 1
        let command = EpisodeCommand(id: commands, operatorID: "octo-eval", action: action, text: text, time: now)
        try perform(core.receive(command, at: now, wallTime: wallTime))
    }

    private mutating func perform(_ actions: [RecorderCore.Action]) throws {
        for action in actions { try writer.write(action) }
    }
}
