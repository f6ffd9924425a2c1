import Files

/// Makes the bytes of an MCAP file from records; has never heard of a file. Whoever uses it takes the bytes and writes
/// them, in order.
///
/// Schemas, channels and messages go into the open chunk, attachments and metadata past it. Only whole chunks come out,
/// so that what was taken can be read whatever becomes of the rest.
package struct MCAPWriter {
    /// The parts of a file that a writer may leave out, as the conformance tests name them.
    package struct Features: OptionSet, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let chunks = Features(rawValue: 1)
        package static let messageIndex = Features(rawValue: 2)
        package static let statistics = Features(rawValue: 4)
        package static let repeatedSchemas = Features(rawValue: 8)
        package static let repeatedChannels = Features(rawValue: 16)
        package static let attachmentIndex = Features(rawValue: 32)
        package static let metadataIndex = Features(rawValue: 64)
        package static let chunkIndex = Features(rawValue: 128)
        package static let summaryOffsets = Features(rawValue: 256)
        /// All features, so that readers find everything without reading the file from its start.
        package static let all = Features(rawValue: 511)
    }

    /// How the file is written.
    package struct Options: Equatable, Sendable {
        package var features: Features
        package var compression: MCAP.Compression
        /// A chunk is ended when its records have so many bytes. What is lost when a process ends without warning is
        /// the open chunk; larger ones compress better.
        package var chunkBytes: Int
        package var header: MCAP.Header
        /// Bytes behind the fields of the records whose content may grow in later versions.
        package var padding: [UInt8]

        package init(
            features: Features = .all, compression: MCAP.Compression = .zstd(level: 1), chunkBytes: Int = 1 << 20,
            header: MCAP.Header = MCAP.Header(), padding: [UInt8] = []
        ) {
            self.features = features
            self.compression = compression
            self.chunkBytes = chunkBytes
            self.header = header
            self.padding = padding
        }
    }

    package let options: Options
    private let compressor: ChunkCompressor
    private var output: [UInt8] = []
    /// Offset of `output` in the file.
    private var taken: UInt64 = 0
    private var crc = CRC32()
    private var checksData = true
    /// The bytes of `output` that `crc` has.
    private var checked = 0
    package private(set) var isFinished = false

    private var chunk: [UInt8] = []
    private var chunkTimes: ClosedRange<UInt64>?
    private var chunkEntries: [UInt16: [MCAP.MessageIndex.Entry]] = [:]

    private(set) var schemas: [MCAP.Schema] = []
    private(set) var channels: [MCAP.Channel] = []
    private var schemaPlaces: [UInt16: Int] = [:]
    private var channelPlaces: [UInt16: Int] = [:]
    private var chunkIndexes: [MCAP.ChunkIndex] = []
    private var attachmentIndexes: [MCAP.AttachmentIndex] = []
    private var metadataIndexes: [MCAP.MetadataIndex] = []
    package private(set) var statistics = MCAP.Statistics()

    package init(_ options: Options = Options()) {
        self.options = options
        compressor = ChunkCompressor(options.compression)
        output += MCAP.magic
        MCAP.Record.header(options.header).append(to: &output, padding: options.padding)
    }

    /// Goes on with a file's data where it ended before; a summary comes after it again.
    /// - Parameters:
    ///   - offset: offset at which the data ends, bytes.
    ///   - dataCRC: checksum of all bytes before `offset`; 0 if it is not known.
    init(continuing summary: MCAPSummary, at offset: UInt64, dataCRC: UInt32) {
        options = Options()
        compressor = ChunkCompressor(options.compression)
        taken = offset
        crc = CRC32(continuing: dataCRC)
        checksData = dataCRC != 0
        schemas = summary.schemas.values.sorted { $0.id < $1.id }
        channels = summary.channels.values.sorted { $0.id < $1.id }
        for (place, schema) in schemas.enumerated() { schemaPlaces[schema.id] = place }
        for (place, channel) in channels.enumerated() { channelPlaces[channel.id] = place }
        chunkIndexes = summary.chunks
        attachmentIndexes = summary.attachments
        metadataIndexes = summary.metadata
        statistics = summary.statistics ?? MCAP.Statistics()
    }

    package func knows(channel id: UInt16) -> Bool { channelPlaces[id] != nil }

    /// The size of the file so far, without the open chunk.
    package var byteCount: UInt64 { taken + UInt64(output.count) }
    /// Number of bytes that wait to be taken.
    package var pendingBytes: Int { output.count }
    /// The records that a kill would lose.
    package var openChunkBytes: Int { chunk.count }

    /// Takes the bytes that are ready. They follow on those taken before.
    package mutating func takeBytes() -> [UInt8] {
        checkOutput()
        taken += UInt64(output.count)
        checked = 0
        defer { output = [] }
        return output
    }

    private mutating func checkOutput() {
        // The pointer does not leave the call, and the range is within the bytes.
        output.withUnsafeBytes { crc.update(UnsafeRawBufferPointer(rebasing: $0[checked...])) }
        checked = output.count
    }

    // MARK: Records

    /// Again with the same content it does nothing.
    package mutating func write(_ schema: MCAP.Schema) throws(MCAPWriteError) {
        guard !isFinished else { throw .finished }
        guard schema.id != 0 else { throw .zeroSchemaID }
        if let place = schemaPlaces[schema.id] {
            guard schemas[place] == schema else { throw .conflicting(.schema, id: schema.id) }
            return
        }
        schemaPlaces[schema.id] = schemas.count
        schemas.append(schema)
        statistics.schemaCount += 1
        writeDefinition(.schema(schema))
    }

    /// Writes a channel; again with the same content it does nothing. Its schema comes first.
    package mutating func write(_ channel: MCAP.Channel) throws(MCAPWriteError) {
        guard !isFinished else { throw .finished }
        if let place = channelPlaces[channel.id] {
            guard channels[place] == channel else { throw .conflicting(.channel, id: channel.id) }
            return
        }
        guard channel.schemaID == 0 || schemaPlaces[channel.schemaID] != nil else {
            throw .undefined(.schema, id: channel.schemaID)
        }
        channelPlaces[channel.id] = channels.count
        channels.append(channel)
        statistics.channelCount += 1
        writeDefinition(.channel(channel))
    }

    private mutating func writeDefinition(_ record: MCAP.Record) {
        if options.features.contains(.chunks) {
            record.append(to: &chunk)
        } else {
            record.append(to: &output, padding: options.padding)
        }
    }

    /// Writes a message, whose channel comes first.
    package mutating func write(_ message: MCAP.Message) throws(MCAPWriteError) {
        guard !isFinished else { throw .finished }
        guard channelPlaces[message.channelID] != nil else { throw .undefined(.channel, id: message.channelID) }
        let time = message.logTime
        statistics.startTime = statistics.messageCount == 0 ? time : min(statistics.startTime, time)
        statistics.endTime = max(statistics.endTime, time)
        statistics.messageCount += 1
        statistics.channelMessageCounts[message.channelID, default: 0] += 1
        guard options.features.contains(.chunks) else {
            append(message, to: &output)
            return
        }
        if options.features.contains(.messageIndex) {
            chunkEntries[message.channelID, default: []].append(.init(logTime: time, offset: UInt64(chunk.count)))
        }
        chunkTimes = chunkTimes.map { min($0.lowerBound, time)...max($0.upperBound, time) } ?? time...time
        append(message, to: &chunk)
        if chunk.count >= options.chunkBytes { try endChunk() }
    }

    /// Appends a message as `MCAP.Record` does, without going through it: every message of a recording passes here.
    private func append(_ message: MCAP.Message, to bytes: inout [UInt8]) {
        bytes.append(MCAP.Opcode.message.rawValue)
        bytes.appendLittleEndian(UInt64(MCAP.Message.fieldBytes + message.data.count))
        message.appendFields(to: &bytes)
        bytes += message.data
    }

    package mutating func write(_ attachment: MCAP.Attachment) throws(MCAPWriteError) {
        guard !isFinished else { throw .finished }
        let start = byteCount
        MCAP.Record.attachment(attachment).append(to: &output, padding: options.padding)
        statistics.attachmentCount += 1
        attachmentIndexes.append(
            MCAP.AttachmentIndex(
                offset: start, length: byteCount - start, logTime: attachment.logTime,
                createTime: attachment.createTime,
                dataSize: UInt64(attachment.data.count), name: attachment.name, mediaType: attachment.mediaType))
    }

    package mutating func write(_ metadata: MCAP.Metadata) throws(MCAPWriteError) {
        guard !isFinished else { throw .finished }
        let start = byteCount
        MCAP.Record.metadata(metadata).append(to: &output, padding: options.padding)
        statistics.metadataCount += 1
        metadataIndexes.append(MCAP.MetadataIndex(offset: start, length: byteCount - start, name: metadata.name))
    }

    // MARK: Ends

    /// Ends the open chunk, if there is something in it. Its bytes can then be taken.
    package mutating func endChunk() throws(MCAPWriteError) {
        guard !chunk.isEmpty else { return }
        let start = byteCount
        let times = chunkTimes ?? 0...0
        var fields: [UInt8] = []
        MCAP.Chunk(
            startTime: times.lowerBound, endTime: times.upperBound, uncompressedSize: UInt64(chunk.count),
            uncompressedCRC: CRC32.checksum(chunk), compression: options.compression.name, records: []
        ).appendFields(to: &fields)
        output.append(MCAP.Opcode.chunk.rawValue)
        let lengthPlace = output.count
        output.appendLittleEndian(UInt64(0))
        output += fields
        let recordsPlace = output.count
        try compressor.compress(chunk, onto: &output)
        let compressedSize = UInt64(output.count - recordsPlace)
        output.put(compressedSize, at: recordsPlace - 8)
        output.put(UInt64(output.count - lengthPlace - 8), at: lengthPlace)
        let length = byteCount - start
        let indexStart = byteCount
        var places: [UInt16: UInt64] = [:]
        for (channel, entries) in chunkEntries.sorted(by: { $0.key < $1.key }) {
            places[channel] = byteCount
            MCAP.Record.messageIndex(.init(channelID: channel, entries: entries))
                .append(to: &output, padding: options.padding)
        }
        chunkIndexes.append(
            MCAP.ChunkIndex(
                startTime: times.lowerBound, endTime: times.upperBound, chunkStart: start, chunkLength: length,
                messageIndexOffsets: places, messageIndexLength: byteCount - indexStart,
                compression: options.compression.name, compressedSize: compressedSize,
                uncompressedSize: UInt64(chunk.count)))
        statistics.chunkCount += 1
        chunk.removeAll(keepingCapacity: true)
        chunkTimes = nil
        chunkEntries.removeAll(keepingCapacity: true)
    }

    /// Ends the file with its summary. What remains is to take the bytes.
    package mutating func finish() throws(MCAPWriteError) {
        guard !isFinished else { throw .finished }
        try endChunk()
        isFinished = true
        checkOutput()
        MCAP.Record.dataEnd(.init(dataSectionCRC: checksData ? crc.value : 0)).append(to: &output)
        let summaryStart = byteCount
        let first = output.count
        var offsets: [MCAP.SummaryOffset] = []
        for group in summaryGroups() {
            guard let opcode = group.first?.opcode else { continue }
            let start = byteCount
            for record in group { record.append(to: &output, padding: options.padding) }
            offsets.append(.init(groupOpcode: opcode, groupStart: start, groupLength: byteCount - start))
        }
        let hasSummary = byteCount > summaryStart
        let offsetStart = hasSummary && options.features.contains(.summaryOffsets) ? byteCount : 0
        if offsetStart > 0 {
            for offset in offsets { MCAP.Record.summaryOffset(offset).append(to: &output, padding: options.padding) }
        }
        var footer: [UInt8] = []
        let summary = MCAP.Footer(
            summaryStart: hasSummary ? summaryStart : 0, summaryOffsetStart: offsetStart, summaryCRC: 0)
        MCAP.Record.footer(summary).append(to: &footer)
        var summaryCRC = CRC32()
        output.withUnsafeBytes { summaryCRC.update(UnsafeRawBufferPointer(rebasing: $0[first...])) }
        footer.removeLast(4)
        summaryCRC.update(footer)
        output += footer
        output.appendLittleEndian(summaryCRC.value)
        output += MCAP.magic
    }

    /// The summary's records, in the order in which others write them.
    private func summaryGroups() -> [[MCAP.Record]] {
        let features = options.features
        return [
            features.contains(.repeatedSchemas) ? schemas.map { .schema($0) } : [],
            features.contains(.repeatedChannels) ? channels.map { .channel($0) } : [],
            features.contains(.statistics) ? [.statistics(statistics)] : [],
            features.contains(.metadataIndex) ? metadataIndexes.map { .metadataIndex($0) } : [],
            features.contains(.attachmentIndex) ? attachmentIndexes.map { .attachmentIndex($0) } : [],
            features.contains(.chunkIndex) ? chunkIndexes.map { .chunkIndex($0) } : [],
        ]
    }
}
