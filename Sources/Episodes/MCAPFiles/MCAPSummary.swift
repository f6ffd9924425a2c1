import Files

/// The end of a finished file: all that is needed to find messages without reading it from its start.
struct MCAPSummary {
    var schemas: [UInt16: MCAP.Schema] = [:]
    var channels: [UInt16: MCAP.Channel] = [:]
    var statistics: MCAP.Statistics?
    var chunks: [MCAP.ChunkIndex] = []
    var attachments: [MCAP.AttachmentIndex] = []
    var metadata: [MCAP.MetadataIndex] = []
    /// Offset of the summary in the file.
    private(set) var start: UInt64 = 0

    /// Reads the summary and checks its checksum.
    init(_ source: some MCAPSource, limits: MCAPParser.Limits) throws(MCAPError) {
        let tail = UInt64(MCAP.footerBytes + MCAP.magic.count)
        let size = source.byteCount
        guard size >= tail + UInt64(MCAP.magic.count) else {
            throw .cut(offset: size, needed: tail + UInt64(MCAP.magic.count), found: size)
        }
        let footerStart = size - tail
        let end = try source.read(at: footerStart, count: Int(tail))
        guard end.count == Int(tail), end.suffix(MCAP.magic.count).elementsEqual(MCAP.magic) else {
            throw .magic(offset: size - UInt64(MCAP.magic.count))
        }
        guard end[0] == MCAP.Opcode.footer.rawValue, end[1] == 20, end[2..<9].allSatisfy({ $0 == 0 }) else {
            throw .cut(offset: footerStart, needed: tail, found: 0)
        }
        let footer: MCAP.Footer
        do throws(MCAPFieldProblem) {
            guard case .footer(let found) = try MCAP.Record(opcode: end[0], content: end[9..<29]) else {
                throw .zeroID
            }
            footer = found
        } catch {
            throw .content(.footer, offset: footerStart, error)
        }
        guard footer.summaryStart != 0 else { throw .noSummary }
        guard footer.summaryStart < footerStart, footerStart - footer.summaryStart <= UInt64(limits.recordBytes) else {
            throw .misplaced(.footer, offset: footerStart)
        }
        let bytes = try source.read(at: footer.summaryStart, count: Int(footerStart - footer.summaryStart))
        if footer.summaryCRC != 0 {
            var crc = CRC32()
            crc.update(bytes)
            crc.update(Array(end[..<25]))
            guard crc.value == footer.summaryCRC else {
                throw .checksum(.footer, offset: footerStart, stored: footer.summaryCRC, computed: crc.value)
            }
        }
        start = footer.summaryStart
        try read(bytes, at: start)
    }

    private mutating func read(_ bytes: [UInt8], at start: UInt64) throws(MCAPError) {
        var place = 0
        while place < bytes.count {
            let offset = start + UInt64(place)
            guard bytes.count - place >= MCAP.recordPrefixBytes else {
                throw .cut(offset: offset, needed: UInt64(MCAP.recordPrefixBytes), found: UInt64(bytes.count - place))
            }
            let content = place + MCAP.recordPrefixBytes
            // The pointer does not leave the call; the nine bytes of the prefix are there.
            let length = bytes.withUnsafeBytes {
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place + 1, as: UInt64.self))
            }
            guard length <= UInt64(bytes.count - content) else {
                throw .cut(offset: offset, needed: length, found: UInt64(bytes.count - content))
            }
            do throws(MCAPFieldProblem) {
                take(try MCAP.Record(opcode: bytes[place], content: bytes[content..<content + Int(length)]))
            } catch {
                throw .content(MCAP.Opcode(rawValue: bytes[place]) ?? .header, offset: offset, error)
            }
            place = content + Int(length)
        }
    }

    private mutating func take(_ record: MCAP.Record) {
        switch record {
        case .schema(let schema): schemas[schema.id] = schema
        case .channel(let channel): channels[channel.id] = channel
        case .statistics(let found): statistics = found
        case .chunkIndex(let index): chunks.append(index)
        case .attachmentIndex(let index): attachments.append(index)
        case .metadataIndex(let index): metadata.append(index)
        case .header, .footer, .message, .chunk, .messageIndex, .attachment, .metadata, .summaryOffset, .dataEnd,
            .unknown:
            break
        }
    }

    /// Whether it names everything that the statistics count.
    var isComplete: Bool {
        guard let statistics else { return false }
        return statistics.schemaCount == schemas.count && statistics.channelCount == channels.count
            && statistics.chunkCount == chunks.count && statistics.attachmentCount == attachments.count
            && statistics.metadataCount == metadata.count && (statistics.messageCount == 0 || !chunks.isEmpty)
    }
}
