/// Makes a whole file of a cut or damaged one: everything that can be read, in its order, with new indexes and
/// checksums.
package struct MCAPRecovery {
    /// What was damaged, and what could be saved.
    package struct Report: Equatable, Sendable {
        /// Bytes of the old file in which something is wrong; what could be read of them is in the new one.
        package struct Damage: Equatable, Sendable {
            package var bytes: Range<UInt64>
            package var problem: MCAPError
            /// The log times of the chunk that they belong to, as far as it says them.
            package var times: ClosedRange<UInt64>?
        }
        /// What became of one topic's messages.
        package struct Topic: Equatable, Sendable {
            package var name: String
            package var messages: UInt64 = 0
            /// Number of messages that indexes name and that could not be read.
            package var lost: UInt64 = 0
            /// Sequence numbers between the first and the last that are not in the new file.
            package var missing: [ClosedRange<UInt32>] = []
            /// How often the sequence went back: a new publisher.
            package var restarts = 0
            fileprivate var last: UInt32?
        }
        package var damages: [Damage] = []
        /// Findings on each topic, sorted by name.
        package var topics: [Topic] = []
        package var attachments = 0
        package var metadata = 0
        /// Number of messages of channels that are defined nowhere.
        package var orphanMessages: UInt64 = 0
        /// The old file has its end, and nothing in it is wrong.
        package var wasWhole = false

        package var messages: UInt64 { topics.reduce(0) { $0 + $1.messages } }
        package var lost: UInt64 { topics.reduce(orphanMessages) { $0 + $1.lost } }
    }

    /// The name of the metadata record in which a mended file says so.
    package static let metadataName = "octo/recovered"
    /// Most gaps of a sequence that are counted; with more of them it is noise.
    private static let mostGaps = 10_000

    private var writer: MCAPWriter
    private var report = Report()
    private var topics: [UInt16: Report.Topic] = [:]
    private var schemas: [UInt16: MCAP.Schema] = [:]
    private var channels: [UInt16: MCAP.Channel] = [:]
    /// Messages found in the last chunk, by channel: indexes behind it tell whether these are all.
    private var chunkCounts: [UInt16: UInt64] = [:]

    private init(_ options: MCAPWriter.Options) { writer = MCAPWriter(options) }

    /// Reads the file, and hands out the new one's bytes in order.
    /// - Parameters:
    ///   - options: options of the new file; its header is the old one's where that can be read.
    ///   - write: takes the new file's next bytes; may be called often.
    /// - Throws: what the source or `write` throw.
    package static func recover(
        _ source: some MCAPSource, options: MCAPWriter.Options = .init(), limits: MCAPParser.Limits = .init(),
        write: ([UInt8]) throws(MCAPError) -> Void
    ) throws(MCAPError) -> Report {
        var options = options
        options.header = try header(of: source, limits: limits) ?? options.header
        var recovery = MCAPRecovery(options)
        // Definitions at the end help where those at the beginning are damaged.
        if let summary = try? MCAPSummary(source, limits: limits) {
            recovery.schemas = summary.schemas
            recovery.channels = summary.channels
        }
        var scanner = MCAPScanner(source, limits: limits)
        while let finding = try scanner.next() {
            recovery.take(finding)
            if recovery.writer.pendingBytes > 1 << 20 { try write(recovery.writer.takeBytes()) }
        }
        recovery.report.wasWhole =
            scanner.sawEnd && recovery.report.damages.isEmpty && recovery.report.orphanMessages == 0
        recovery.report.topics = recovery.topics.values.sorted { $0.name < $1.name }
        recovery.end()
        try write(recovery.writer.takeBytes())
        return recovery.report
    }

    private static func header(of source: some MCAPSource, limits: MCAPParser.Limits) throws(MCAPError) -> MCAP.Header?
    {
        var scanner = MCAPScanner(source, limits: limits)
        guard case .record(.header(let header), _, _)? = try scanner.next() else { return nil }
        return header
    }

    private mutating func take(_ finding: MCAPScanner.Finding) {
        switch finding {
        case .damage(let bytes, let problem):
            chunkCounts = [:]
            report.damages.append(.init(bytes: bytes, problem: problem))
        case .chunk(let facts, var content, let offset, let length, var problem):
            chunkCounts = [:]
            do throws(MCAPError) {
                while let record = try content.next() { take(record, offset: offset) }
            } catch {
                problem = problem ?? error
            }
            guard let problem else { return }
            let times = facts.startTime <= facts.endTime ? facts.startTime...facts.endTime : nil
            report.damages.append(.init(bytes: offset..<offset + length, problem: problem, times: times))
        case .record(let record, let offset, let length):
            if case .attachment(let attachment) = record {
                take(attachment, offset: offset, length: length)
            } else {
                take(record, offset: offset)
            }
        }
    }

    private mutating func take(_ record: MCAP.Record, offset: UInt64) {
        switch record {
        case .schema(let schema):
            if let known = schemas[schema.id], known != schema {
                note(.conflicting(.schema, id: schema.id, offset: offset), at: offset)
            } else {
                schemas[schema.id] = schema
            }
        case .channel(let channel):
            if let known = channels[channel.id], known != channel {
                note(.conflicting(.channel, id: channel.id, offset: offset), at: offset)
            } else {
                channels[channel.id] = channel
            }
        case .message(let message): take(message)
        case .metadata(let metadata):
            if write({ (writer) throws(MCAPWriteError) in try writer.write(metadata) }, at: offset) {
                report.metadata += 1
            }
        case .messageIndex(let index):
            let found = chunkCounts[index.channelID, default: 0]
            let named = UInt64(index.entries.count)
            if named > found, let channel = channels[index.channelID] {
                topics[channel.id, default: .init(name: channel.topic)].lost += named - found
            }
        case .header, .footer, .chunk, .chunkIndex, .attachment, .attachmentIndex, .statistics, .metadataIndex,
            .summaryOffset, .dataEnd, .unknown:
            break
        }
    }

    private mutating func take(_ attachment: MCAP.Attachment, offset: UInt64, length: UInt64) {
        if write({ (writer) throws(MCAPWriteError) in try writer.write(attachment) }, at: offset) {
            report.attachments += 1
        }
    }

    private mutating func take(_ message: MCAP.Message) {
        guard let channel = channels[message.channelID] else {
            report.orphanMessages += 1
            return
        }
        // A schema that is lost leaves the messages readable by who knows them.
        var defined = channel
        let schema = schemas[channel.schemaID]
        if schema == nil { defined.schemaID = 0 }
        let isWritten = write(
            { (writer) throws(MCAPWriteError) in
                if let schema { try writer.write(schema) }
                if !writer.knows(channel: defined.id) { try writer.write(defined) }
                try writer.write(message)
            }, at: 0)
        guard isWritten else { return }
        chunkCounts[message.channelID, default: 0] += 1
        var topic = topics[channel.id] ?? .init(name: channel.topic)
        topic.messages += 1
        if let last = topic.last {
            if message.sequence > last {
                if message.sequence - last > 1 && topic.missing.count < Self.mostGaps {
                    topic.missing.append(last + 1...message.sequence - 1)
                }
            } else if message.sequence > 0 || last > 0 {
                topic.restarts += 1
            }
        }
        topic.last = message.sequence
        topics[channel.id] = topic
    }

    private mutating func write(_ body: (inout MCAPWriter) throws(MCAPWriteError) -> Void, at offset: UInt64) -> Bool {
        do throws(MCAPWriteError) {
            try body(&writer)
            return true
        } catch {
            note(.rewriting(error, offset: offset), at: offset)
            return false
        }
    }

    private mutating func note(_ problem: MCAPError, at offset: UInt64) {
        report.damages.append(.init(bytes: offset..<offset, problem: problem))
    }

    private mutating func end() {
        if !report.wasWhole {
            let notes = MCAP.Metadata(
                name: Self.metadataName,
                metadata: [
                    "damaged_places": String(report.damages.count),
                    "damage": report.damages.prefix(20).map { "\($0.bytes): \($0.problem)" }.joined(separator: "\n"),
                    "messages": String(report.messages), "messages_lost_by_index": String(report.lost),
                    "missing": report.topics.filter { !$0.missing.isEmpty }.map { topic in
                        "\(topic.name): "
                            + topic.missing.prefix(100).map { "\($0.lowerBound)-\($0.upperBound)" }.joined(
                                separator: " ")
                    }.joined(separator: "\n"),
                ])
            _ = write({ (writer) throws(MCAPWriteError) in try writer.write(notes) }, at: 0)
        }
        _ = write({ (writer) throws(MCAPWriteError) in try writer.finish() }, at: 0)
    }
}
