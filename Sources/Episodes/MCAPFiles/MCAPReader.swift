/// Finds what is in a file, by its summary where it has one and by reading it through where not: a file whose writer
/// was killed opens too.
package struct MCAPReader {
    package private(set) var header = MCAP.Header()
    package private(set) var schemas: [UInt16: MCAP.Schema] = [:]
    package private(set) var channels: [UInt16: MCAP.Channel] = [:]
    /// Statistics of the file, counted where it does not have them.
    package private(set) var statistics = MCAP.Statistics()
    package private(set) var attachments: [MCAP.AttachmentIndex] = []
    package private(set) var metadata: [MCAP.MetadataIndex] = []
    /// Whether the file has its end and its summary.
    package private(set) var isFinished: Bool
    /// Errors that were met on the way through a file that is not finished.
    package private(set) var problems: [MCAPError] = []

    package let source: any MCAPSource
    let limits: MCAPParser.Limits
    private(set) var chunks: [ChunkPlace] = []
    /// Places of the messages that lie in no chunk, in the order of the file.
    private(set) var loose: [LoosePlace] = []

    struct ChunkPlace {
        var index: MCAP.ChunkIndex
        /// Whether the chunk is damaged: it is read as far as it goes.
        var isDamaged = false
    }
    struct LoosePlace {
        var channelID: UInt16
        var time: UInt64
        var offset: UInt64
        var length: UInt64
    }

    /// Opens a file by its summary, or by reading all of it where it has none.
    /// - Throws: `MCAPError` when the bytes do not begin as an MCAP file does, or cannot be read. A file that is cut is
    ///   no error.
    package init(_ source: some MCAPSource, limits: MCAPParser.Limits = .init()) throws(MCAPError) {
        self.source = source
        self.limits = limits
        guard try source.read(at: 0, count: MCAP.magic.count) == MCAP.magic else { throw .magic(offset: 0) }
        do throws(MCAPError) {
            let summary = try MCAPSummary(source, limits: limits)
            isFinished = summary.isComplete
            if isFinished { take(summary) }
        } catch {
            isFinished = false
            problems.append(error)
        }
        if isFinished {
            var scanner = MCAPScanner(source, limits: limits)
            if case .record(.header(let found), _, _)? = try scanner.next() { header = found }
        } else {
            try walk()
        }
    }

    /// Counts of the chunks and their bytes, by the name of the compression ("" is none).
    package var compression: [String: (chunks: Int, compressed: UInt64, uncompressed: UInt64)] {
        chunks.reduce(into: [:]) { sums, place in
            var sum = sums[place.index.compression] ?? (0, 0, 0)
            sum.chunks += 1
            sum.compressed = sum.compressed.addingSaturating(place.index.compressedSize)
            sum.uncompressed = sum.uncompressed.addingSaturating(place.index.uncompressedSize)
            sums[place.index.compression] = sum
        }
    }

    /// Topics by name, ascending.
    package var topics: [String] { Set(channels.values.map(\.topic)).sorted() }

    private mutating func take(_ summary: MCAPSummary) {
        schemas = summary.schemas
        channels = summary.channels
        statistics = summary.statistics ?? MCAP.Statistics()
        attachments = summary.attachments
        metadata = summary.metadata
        chunks = summary.chunks.map { ChunkPlace(index: $0) }
    }

    // MARK: Without a summary

    private mutating func walk() throws(MCAPError) {
        var scanner = MCAPScanner(source, limits: limits)
        while let finding = try scanner.next() {
            switch finding {
            case .damage(_, let problem): problems.append(problem)
            case .record(let record, let offset, let length): walk(over: record, offset: offset, length: length)
            case .chunk(let facts, let content, let offset, let length, let problem):
                if let problem { problems.append(problem) }
                walk(into: content, facts, offset: offset, length: length, isDamaged: problem != nil)
            }
        }
        if scanner.sawEnd && problems.allSatisfy({ $0 == .noSummary }) { problems = [] }
        statistics.schemaCount = UInt16(clamping: schemas.count)
        statistics.channelCount = UInt32(clamping: channels.count)
    }

    private mutating func walk(over record: MCAP.Record, offset: UInt64, length: UInt64) {
        switch record {
        case .header(let found): header = found
        case .schema(let schema): define(schema, offset: offset)
        case .channel(let channel): define(channel, offset: offset)
        case .message(let message):
            count(message)
            loose.append(.init(channelID: message.channelID, time: message.logTime, offset: offset, length: length))
        case .attachment(let attachment):
            attachments.append(
                .init(
                    offset: offset, length: length, logTime: attachment.logTime, createTime: attachment.createTime,
                    dataSize: UInt64(attachment.data.count), name: attachment.name, mediaType: attachment.mediaType))
            statistics.attachmentCount += 1
        case .metadata(let found):
            metadata.append(.init(offset: offset, length: length, name: found.name))
            statistics.metadataCount += 1
        case .footer, .chunk, .messageIndex, .chunkIndex, .attachmentIndex, .statistics, .metadataIndex, .summaryOffset,
            .dataEnd, .unknown:
            break
        }
    }

    private mutating func walk(
        into content: MCAPChunkContent, _ facts: MCAPChunkOutlineFacts, offset: UInt64, length: UInt64, isDamaged: Bool
    ) {
        var content = content
        var isDamaged = isDamaged
        var times: ClosedRange<UInt64>?
        do throws(MCAPError) {
            while let record = try content.next() {
                switch record {
                case .schema(let schema): define(schema, offset: offset)
                case .channel(let channel): define(channel, offset: offset)
                case .message(let message):
                    count(message)
                    let time = message.logTime
                    times = times.map { min($0.lowerBound, time)...max($0.upperBound, time) } ?? time...time
                default: break
                }
            }
        } catch {
            if !isDamaged { problems.append(error) }
            isDamaged = true
        }
        statistics.chunkCount += 1
        let index = MCAP.ChunkIndex(
            startTime: times?.lowerBound ?? 0, endTime: times?.upperBound ?? 0, chunkStart: offset, chunkLength: length,
            compression: facts.compression, compressedSize: facts.compressedSize,
            uncompressedSize: facts.uncompressedSize)
        chunks.append(ChunkPlace(index: index, isDamaged: isDamaged))
    }

    private mutating func define(_ schema: MCAP.Schema, offset: UInt64) {
        if let known = schemas[schema.id], known != schema {
            problems.append(.conflicting(.schema, id: schema.id, offset: offset))
        } else {
            schemas[schema.id] = schema
        }
    }

    private mutating func define(_ channel: MCAP.Channel, offset: UInt64) {
        if let known = channels[channel.id], known != channel {
            problems.append(.conflicting(.channel, id: channel.id, offset: offset))
        } else {
            channels[channel.id] = channel
        }
    }

    private mutating func count(_ message: MCAP.Message) {
        let time = message.logTime
        statistics.startTime = statistics.messageCount == 0 ? time : min(statistics.startTime, time)
        statistics.endTime = max(statistics.endTime, time)
        statistics.messageCount += 1
        statistics.channelMessageCounts[message.channelID, default: 0] += 1
    }

    // MARK: Single records

    package func attachment(_ index: MCAP.AttachmentIndex) throws(MCAPError) -> MCAP.Attachment {
        guard case .attachment(let found) = try record(at: index.offset, length: index.length) else {
            throw .misplaced(.attachment, offset: index.offset)
        }
        return found
    }

    package func metadata(_ index: MCAP.MetadataIndex) throws(MCAPError) -> MCAP.Metadata {
        guard case .metadata(let found) = try record(at: index.offset, length: index.length) else {
            throw .misplaced(.metadata, offset: index.offset)
        }
        return found
    }

    /// The record that stands there, with its length checked against the one that an index tells.
    func record(at offset: UInt64, length: UInt64) throws(MCAPError) -> MCAP.Record {
        let bytes = try content(at: offset, length: length)
        do throws(MCAPFieldProblem) {
            return try MCAP.Record(opcode: bytes[0], content: bytes[MCAP.recordPrefixBytes...])
        } catch {
            throw .content(MCAP.Opcode(rawValue: bytes[0]) ?? .header, offset: offset, error)
        }
    }

    /// A record's bytes with the prefix, as far as the file has them.
    func content(at offset: UInt64, length: UInt64, orLess: Bool = false) throws(MCAPError) -> [UInt8] {
        let limit = UInt64(limits.recordBytes)
        guard length <= limit else { throw .tooLong(opcode: 0, offset: offset, length: length, limit: limit) }
        let bytes = try source.read(at: offset, count: Int(length))
        guard bytes.count >= MCAP.recordPrefixBytes, bytes.count == Int(length) else {
            throw .cut(offset: offset, needed: length, found: UInt64(bytes.count))
        }
        let inside = bytes.withUnsafeBytes {
            // The pointer does not leave the call; the nine bytes of the prefix are there.
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        }
        guard orLess || inside == length - UInt64(MCAP.recordPrefixBytes) else {
            throw .cut(offset: offset, needed: inside, found: length - UInt64(MCAP.recordPrefixBytes))
        }
        return bytes
    }

    /// Messages in the order of their log times; of equal ones, in the order of the file.
    /// - Parameters:
    ///   - topics: all if nil.
    ///   - times: log times, both ends included.
    package func messages(
        of topics: Set<String>? = nil, in times: ClosedRange<UInt64> = 0...UInt64.max
    ) -> MCAPMessages {
        MCAPMessages(self, topics: topics, times: times)
    }
}

extension UInt64 {
    /// Adds without overflow: sizes of a damaged file can be any.
    fileprivate func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
