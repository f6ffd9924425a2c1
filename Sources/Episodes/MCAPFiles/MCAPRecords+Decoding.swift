import Files

/// Takes fields out of a record's content, each checked against its end.
struct MCAPFieldReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    /// Makes a reader of a record's content.
    /// - Parameter bytes: the content, which must outlive the reader; it is only read, within its bounds.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var rest: Int { bytes.count - position }

    mutating func number<T: FixedWidthInteger>(_ field: StaticString, _: T.Type = T.self) throws(MCAPFieldProblem) -> T
    {
        let size = MemoryLayout<T>.size
        guard size <= rest else { throw .short(field: "\(field)", needed: UInt64(size), found: rest) }
        defer { position += size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    mutating func take(_ field: StaticString, _ count: UInt64) throws(MCAPFieldProblem) -> UnsafeRawBufferPointer {
        guard count <= UInt64(rest) else { throw .short(field: "\(field)", needed: count, found: rest) }
        defer { position += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
    }

    mutating func takeRest() -> UnsafeRawBufferPointer {
        defer { position = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[position...])
    }

    mutating func text(_ field: StaticString) throws(MCAPFieldProblem) -> String {
        let utf8 = try take(field, UInt64(try number(field, UInt32.self)))
        let text = String(decoding: utf8, as: UTF8.self)
        // Where decoding had to mend something, other bytes came out.
        guard text.utf8.count == utf8.count, text.utf8.elementsEqual(utf8) else { throw .notText(field: "\(field)") }
        return text
    }

    /// An array or a map, whose length in bytes stands before it.
    mutating func list(_ field: StaticString, each size: Int = 1) throws(MCAPFieldProblem) -> MCAPFieldReader {
        let piece = try take(field, UInt64(try number(field, UInt32.self)))
        guard piece.count % size == 0 else { throw .uneven(field: "\(field)", byteCount: piece.count) }
        return MCAPFieldReader(piece)
    }

    mutating func map(_ field: StaticString) throws(MCAPFieldProblem) -> [String: String] {
        var pairs = try list(field)
        var map: [String: String] = [:]
        while pairs.rest > 0 {
            let key = try pairs.text(field)
            map[key] = try pairs.text(field)
        }
        return map
    }

    mutating func counts(_ field: StaticString) throws(MCAPFieldProblem) -> [UInt16: UInt64] {
        var pairs = try list(field, each: 10)
        var counts: [UInt16: UInt64] = [:]
        while pairs.rest > 0 {
            let key = try pairs.number(field, UInt16.self)
            counts[key] = try pairs.number(field, UInt64.self)
        }
        return counts
    }
}

/// A chunk whose records stay where they are.
struct MCAPChunkOutline {
    let startTime: UInt64
    let endTime: UInt64
    let uncompressedSize: UInt64
    let uncompressedCRC: UInt32
    let compression: String
    /// Bytes of the records as the chunk says; `records` may have fewer, where `init` allows it.
    let compressedSize: UInt64
    let records: UnsafeRawBufferPointer

    /// Reads a chunk's fields and leaves its records where they are.
    /// - Parameters:
    ///   - content: content of the chunk record, which must outlive the outline.
    ///   - cut: whether the content may end inside the records.
    init(_ content: UnsafeRawBufferPointer, cut: Bool = false) throws(MCAPFieldProblem) {
        var fields = MCAPFieldReader(content)
        startTime = try fields.number("message_start_time")
        endTime = try fields.number("message_end_time")
        uncompressedSize = try fields.number("uncompressed_size")
        uncompressedCRC = try fields.number("uncompressed_crc")
        compression = try fields.text("compression")
        compressedSize = try fields.number("records")
        records = try fields.take("records", cut ? min(compressedSize, UInt64(fields.rest)) : compressedSize)
    }
}

extension MCAP.Record {
    /// Reads the content of a record; bytes behind its fields are passed over.
    /// - Parameters:
    ///   - content: read during the call only.
    ///   - checkingAttachments: whether an attachment whose checksum is wrong is a problem.
    package init(
        opcode: UInt8, content: UnsafeRawBufferPointer, checkingAttachments: Bool = true
    ) throws(MCAPFieldProblem) {
        guard let known = MCAP.Opcode(rawValue: opcode) else {
            self = .unknown(opcode: opcode, content: Array(content))
            return
        }
        var fields = MCAPFieldReader(content)
        switch known {
        case .header: self = .header(try MCAP.Header(&fields))
        case .footer: self = .footer(try MCAP.Footer(&fields))
        case .schema: self = .schema(try MCAP.Schema(&fields))
        case .channel: self = .channel(try MCAP.Channel(&fields))
        case .message: self = .message(try MCAP.Message(&fields))
        case .chunk:
            let chunk = try MCAPChunkOutline(content)
            self = .chunk(
                MCAP.Chunk(
                    startTime: chunk.startTime, endTime: chunk.endTime, uncompressedSize: chunk.uncompressedSize,
                    uncompressedCRC: chunk.uncompressedCRC, compression: chunk.compression,
                    records: Array(chunk.records)))
        case .messageIndex: self = .messageIndex(try MCAP.MessageIndex(&fields))
        case .chunkIndex: self = .chunkIndex(try MCAP.ChunkIndex(&fields))
        case .attachment:
            let attachment = try MCAP.Attachment(&fields)
            let end = fields.position
            let stored = try fields.number("crc", UInt32.self)
            if checkingAttachments && stored != 0 {
                let computed = CRC32.checksum(UnsafeRawBufferPointer(rebasing: content[..<end]))
                guard stored == computed else { throw .checksum(stored: stored, computed: computed) }
            }
            self = .attachment(attachment)
        case .attachmentIndex: self = .attachmentIndex(try MCAP.AttachmentIndex(&fields))
        case .statistics: self = .statistics(try MCAP.Statistics(&fields))
        case .metadata:
            self = .metadata(MCAP.Metadata(name: try fields.text("name"), metadata: try fields.map("metadata")))
        case .metadataIndex:
            self = .metadataIndex(
                MCAP.MetadataIndex(
                    offset: try fields.number("offset"), length: try fields.number("length"),
                    name: try fields.text("name")))
        case .summaryOffset:
            self = .summaryOffset(
                MCAP.SummaryOffset(
                    groupOpcode: try fields.number("group_opcode"), groupStart: try fields.number("group_start"),
                    groupLength: try fields.number("group_length")))
        case .dataEnd: self = .dataEnd(MCAP.DataEnd(dataSectionCRC: try fields.number("data_section_crc")))
        }
    }
}

extension MCAP.Record {
    /// The pointer to the slice's bytes does not leave the call.
    package init(
        opcode: UInt8, content: ArraySlice<UInt8>, checkingAttachments: Bool = true
    ) throws(MCAPFieldProblem) {
        self = try content.withUnsafeBufferPointer { bytes throws(MCAPFieldProblem) in
            try MCAP.Record(
                opcode: opcode, content: UnsafeRawBufferPointer(bytes), checkingAttachments: checkingAttachments)
        }
    }
}

extension MCAP.Header {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(profile: try fields.text("profile"), library: try fields.text("library"))
    }
}

extension MCAP.Footer {
    init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(
            summaryStart: try fields.number("summary_start"),
            summaryOffsetStart: try fields.number("summary_offset_start"),
            summaryCRC: try fields.number("summary_crc"))
    }
}

extension MCAP.Schema {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        let id = try fields.number("id", UInt16.self)
        guard id != 0 else { throw .zeroID }
        let name = try fields.text("name")
        let encoding = try fields.text("encoding")
        var data = try fields.list("data")
        self.init(id: id, name: name, encoding: encoding, data: Array(data.takeRest()))
    }
}

extension MCAP.Channel {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(
            id: try fields.number("id"), schemaID: try fields.number("schema_id"), topic: try fields.text("topic"),
            messageEncoding: try fields.text("message_encoding"), metadata: try fields.map("metadata"))
    }
}

extension MCAP.Message {
    init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(
            channelID: try fields.number("channel_id"), sequence: try fields.number("sequence"),
            logTime: try fields.number("log_time"), publishTime: try fields.number("publish_time"), data: [])
        data = Array(fields.takeRest())
    }
}

extension MCAP.MessageIndex {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(channelID: try fields.number("channel_id"), entries: [])
        var list = try fields.list("records", each: 16)
        entries.reserveCapacity(list.rest / 16)
        while list.rest > 0 {
            entries.append(Entry(logTime: try list.number("log_time"), offset: try list.number("offset")))
        }
    }
}

extension MCAP.ChunkIndex {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(
            startTime: try fields.number("message_start_time"), endTime: try fields.number("message_end_time"),
            chunkStart: try fields.number("chunk_start_offset"), chunkLength: try fields.number("chunk_length"),
            messageIndexOffsets: try fields.counts("message_index_offsets"),
            messageIndexLength: try fields.number("message_index_length"), compression: try fields.text("compression"),
            compressedSize: try fields.number("compressed_size"),
            uncompressedSize: try fields.number("uncompressed_size"))
    }
}

extension MCAP.Attachment {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(
            logTime: try fields.number("log_time"), createTime: try fields.number("create_time"),
            name: try fields.text("name"),
            mediaType: try fields.text("media_type"), data: [])
        data = Array(try fields.take("data", try fields.number("data")))
    }
}

extension MCAP.AttachmentIndex {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        self.init(
            offset: try fields.number("offset"), length: try fields.number("length"),
            logTime: try fields.number("log_time"),
            createTime: try fields.number("create_time"), dataSize: try fields.number("data_size"),
            name: try fields.text("name"), mediaType: try fields.text("media_type"))
    }
}

extension MCAP.Statistics {
    fileprivate init(_ fields: inout MCAPFieldReader) throws(MCAPFieldProblem) {
        messageCount = try fields.number("message_count")
        schemaCount = try fields.number("schema_count")
        channelCount = try fields.number("channel_count")
        attachmentCount = try fields.number("attachment_count")
        metadataCount = try fields.number("metadata_count")
        chunkCount = try fields.number("chunk_count")
        startTime = try fields.number("message_start_time")
        endTime = try fields.number("message_end_time")
        channelMessageCounts = try fields.counts("channel_message_counts")
    }
}
