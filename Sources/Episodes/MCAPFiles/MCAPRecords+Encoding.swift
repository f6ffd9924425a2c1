import Files

/// Encodes records. Maps are written with ascending keys, so that equal records are equal bytes.
extension MCAP.Record {
    package var opcode: UInt8 {
        switch self {
        case .header: MCAP.Opcode.header.rawValue
        case .footer: MCAP.Opcode.footer.rawValue
        case .schema: MCAP.Opcode.schema.rawValue
        case .channel: MCAP.Opcode.channel.rawValue
        case .message: MCAP.Opcode.message.rawValue
        case .chunk: MCAP.Opcode.chunk.rawValue
        case .messageIndex: MCAP.Opcode.messageIndex.rawValue
        case .chunkIndex: MCAP.Opcode.chunkIndex.rawValue
        case .attachment: MCAP.Opcode.attachment.rawValue
        case .attachmentIndex: MCAP.Opcode.attachmentIndex.rawValue
        case .statistics: MCAP.Opcode.statistics.rawValue
        case .metadata: MCAP.Opcode.metadata.rawValue
        case .metadataIndex: MCAP.Opcode.metadataIndex.rawValue
        case .summaryOffset: MCAP.Opcode.summaryOffset.rawValue
        case .dataEnd: MCAP.Opcode.dataEnd.rawValue
        case .unknown(let opcode, _): opcode
        }
    }

    /// Appends the record with its prefix.
    /// - Parameter padding: goes behind the fields, where later versions may have more of them; readers pass over it.
    package func append(to bytes: inout [UInt8], padding: [UInt8] = []) {
        bytes.append(opcode)
        let lengthPlace = bytes.count
        bytes.appendLittleEndian(UInt64(0))
        appendContent(to: &bytes)
        bytes += padding
        bytes.put(UInt64(bytes.count - lengthPlace - 8), at: lengthPlace)
    }

    private func appendContent(to bytes: inout [UInt8]) {
        switch self {
        case .header(let header):
            bytes.append(text: header.profile)
            bytes.append(text: header.library)
        case .footer(let footer):
            bytes.appendLittleEndian(footer.summaryStart)
            bytes.appendLittleEndian(footer.summaryOffsetStart)
            bytes.appendLittleEndian(footer.summaryCRC)
        case .schema(let schema):
            bytes.appendLittleEndian(schema.id)
            bytes.append(text: schema.name)
            bytes.append(text: schema.encoding)
            bytes.appendLittleEndian(UInt32(schema.data.count))
            bytes += schema.data
        case .channel(let channel):
            bytes.appendLittleEndian(channel.id)
            bytes.appendLittleEndian(channel.schemaID)
            bytes.append(text: channel.topic)
            bytes.append(text: channel.messageEncoding)
            bytes.append(map: channel.metadata)
        case .message(let message):
            message.appendFields(to: &bytes)
            bytes += message.data
        case .chunk(let chunk):
            chunk.appendFields(to: &bytes)
            bytes += chunk.records
        case .messageIndex(let index):
            bytes.appendLittleEndian(index.channelID)
            bytes.appendLittleEndian(UInt32(16 * index.entries.count))
            for entry in index.entries {
                bytes.appendLittleEndian(entry.logTime)
                bytes.appendLittleEndian(entry.offset)
            }
        case .chunkIndex(let index):
            bytes.appendLittleEndian(index.startTime)
            bytes.appendLittleEndian(index.endTime)
            bytes.appendLittleEndian(index.chunkStart)
            bytes.appendLittleEndian(index.chunkLength)
            bytes.append(counts: index.messageIndexOffsets)
            bytes.appendLittleEndian(index.messageIndexLength)
            bytes.append(text: index.compression)
            bytes.appendLittleEndian(index.compressedSize)
            bytes.appendLittleEndian(index.uncompressedSize)
        case .attachment(let attachment):
            let start = bytes.count
            bytes.appendLittleEndian(attachment.logTime)
            bytes.appendLittleEndian(attachment.createTime)
            bytes.append(text: attachment.name)
            bytes.append(text: attachment.mediaType)
            bytes.appendLittleEndian(UInt64(attachment.data.count))
            bytes += attachment.data
            bytes.appendLittleEndian(CRC32.checksum(bytes[start...]))
        case .attachmentIndex(let index):
            bytes.appendLittleEndian(index.offset)
            bytes.appendLittleEndian(index.length)
            bytes.appendLittleEndian(index.logTime)
            bytes.appendLittleEndian(index.createTime)
            bytes.appendLittleEndian(index.dataSize)
            bytes.append(text: index.name)
            bytes.append(text: index.mediaType)
        case .statistics(let statistics):
            bytes.appendLittleEndian(statistics.messageCount)
            bytes.appendLittleEndian(statistics.schemaCount)
            bytes.appendLittleEndian(statistics.channelCount)
            bytes.appendLittleEndian(statistics.attachmentCount)
            bytes.appendLittleEndian(statistics.metadataCount)
            bytes.appendLittleEndian(statistics.chunkCount)
            bytes.appendLittleEndian(statistics.startTime)
            bytes.appendLittleEndian(statistics.endTime)
            bytes.append(counts: statistics.channelMessageCounts)
        case .metadata(let metadata):
            bytes.append(text: metadata.name)
            bytes.append(map: metadata.metadata)
        case .metadataIndex(let index):
            bytes.appendLittleEndian(index.offset)
            bytes.appendLittleEndian(index.length)
            bytes.append(text: index.name)
        case .summaryOffset(let offset):
            bytes.append(offset.groupOpcode)
            bytes.appendLittleEndian(offset.groupStart)
            bytes.appendLittleEndian(offset.groupLength)
        case .dataEnd(let end):
            bytes.appendLittleEndian(end.dataSectionCRC)
        case .unknown(_, let content):
            bytes += content
        }
    }
}

extension MCAP.Message {
    /// Number of bytes before the data.
    static let fieldBytes = 22

    func appendFields(to bytes: inout [UInt8]) {
        bytes.appendLittleEndian(channelID)
        bytes.appendLittleEndian(sequence)
        bytes.appendLittleEndian(logTime)
        bytes.appendLittleEndian(publishTime)
    }
}

extension MCAP.Chunk {
    /// Appends what stands before the records, whose count is the last field of it.
    func appendFields(to bytes: inout [UInt8]) {
        bytes.appendLittleEndian(startTime)
        bytes.appendLittleEndian(endTime)
        bytes.appendLittleEndian(uncompressedSize)
        bytes.appendLittleEndian(uncompressedCRC)
        bytes.append(text: compression)
        bytes.appendLittleEndian(UInt64(records.count))
    }
}

extension [UInt8] {
    mutating func append(text: String) {
        appendLittleEndian(UInt32(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    mutating func append(map: [String: String]) {
        appendLittleEndian(UInt32(map.reduce(0) { $0 + 8 + $1.key.utf8.count + $1.value.utf8.count }))
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            append(text: key)
            append(text: value)
        }
    }

    mutating func append(counts: [UInt16: UInt64]) {
        appendLittleEndian(UInt32(10 * counts.count))
        for (key, value) in counts.sorted(by: { $0.key < $1.key }) {
            appendLittleEndian(key)
            appendLittleEndian(value)
        }
    }

    /// Overwrites eight bytes.
    mutating func put(_ value: UInt64, at place: Int) {
        for index in 0..<8 { self[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
}
