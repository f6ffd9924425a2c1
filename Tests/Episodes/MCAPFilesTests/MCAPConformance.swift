import JSONTree
import MCAPFiles

/// The records of a conformance case as its JSON tells them.
enum MCAPConformance {
    struct Malformed: Error {
        let what: String
    }

    static func records(_ json: JSONNode) throws -> [MCAP.Record] {
        try (json["records"]?.array ?? []).map { try record($0) }
    }

    static func features(of json: JSONNode) -> (MCAPWriter.Features, padding: [UInt8]) {
        var features: MCAPWriter.Features = []
        var padding: [UInt8] = []
        for name in json["meta"]?["variant"]?["features"]?.array?.compactMap(\.string) ?? [] {
            switch name {
            case "ch": features.insert(.chunks)
            case "mx": features.insert(.messageIndex)
            case "st": features.insert(.statistics)
            case "rsh": features.insert(.repeatedSchemas)
            case "rch": features.insert(.repeatedChannels)
            case "ax": features.insert(.attachmentIndex)
            case "mdx": features.insert(.metadataIndex)
            case "chx": features.insert(.chunkIndex)
            case "sum": features.insert(.summaryOffsets)
            case "pad": padding = [1, 0xFF, 0xFF]
            default: break
            }
        }
        return (features, padding)
    }

    /// A node whose members are the fields of one record.
    private struct Fields {
        let members: [String: JSONNode]

        init(_ node: JSONNode?) {
            var members: [String: JSONNode] = [:]
            for pair in node?.array ?? [] {
                if let both = pair.array, both.count == 2, let key = both[0].string { members[key] = both[1] }
            }
            self.members = members
        }

        func text(_ key: String) throws -> String {
            guard let text = members[key]?.string else { throw Malformed(what: key) }
            return text
        }
        func number<T: FixedWidthInteger>(_ key: String) throws -> T {
            guard let number = T(try text(key)) else { throw Malformed(what: key) }
            return number
        }
        func bytes(_ key: String) throws -> [UInt8] {
            guard let array = members[key]?.array else { throw Malformed(what: key) }
            return try array.map { node in
                guard let byte = node.string.flatMap({ UInt8($0) }) else { throw Malformed(what: key) }
                return byte
            }
        }
        func map(_ key: String) throws -> [String: String] {
            guard let object = members[key]?.object else { throw Malformed(what: key) }
            var map: [String: String] = [:]
            for member in object { map[member.key] = member.value.string }
            return map
        }
        func counts(_ key: String) throws -> [UInt16: UInt64] {
            var counts: [UInt16: UInt64] = [:]
            for (name, value) in try map(key) {
                guard let name = UInt16(name), let value = UInt64(value) else { throw Malformed(what: key) }
                counts[name] = value
            }
            return counts
        }
    }

    private static func record(_ node: JSONNode) throws -> MCAP.Record {
        let f = Fields(node["fields"])
        switch node["type"]?.string {
        case "Header": return .header(.init(profile: try f.text("profile"), library: try f.text("library")))
        case "Footer":
            return .footer(
                .init(
                    summaryStart: try f.number("summary_start"),
                    summaryOffsetStart: try f.number("summary_offset_start"),
                    summaryCRC: try f.number("summary_crc")))
        case "Schema":
            return .schema(
                .init(
                    id: try f.number("id"), name: try f.text("name"), encoding: try f.text("encoding"),
                    data: try f.bytes("data")))
        case "Channel":
            return .channel(
                .init(
                    id: try f.number("id"), schemaID: try f.number("schema_id"), topic: try f.text("topic"),
                    messageEncoding: try f.text("message_encoding"), metadata: try f.map("metadata")))
        case "Message":
            return .message(
                .init(
                    channelID: try f.number("channel_id"), sequence: try f.number("sequence"),
                    logTime: try f.number("log_time"), publishTime: try f.number("publish_time"),
                    data: try f.bytes("data")))
        case "ChunkIndex":
            return .chunkIndex(
                .init(
                    startTime: try f.number("message_start_time"), endTime: try f.number("message_end_time"),
                    chunkStart: try f.number("chunk_start_offset"), chunkLength: try f.number("chunk_length"),
                    messageIndexOffsets: try f.counts("message_index_offsets"),
                    messageIndexLength: try f.number("message_index_length"), compression: try f.text("compression"),
                    compressedSize: try f.number("compressed_size"), uncompressedSize: try f.number("uncompressed_size")
                ))
        case "Attachment":
            return .attachment(
                .init(
                    logTime: try f.number("log_time"), createTime: try f.number("create_time"),
                    name: try f.text("name"),
                    mediaType: try f.text("media_type"), data: try f.bytes("data")))
        case "AttachmentIndex":
            return .attachmentIndex(
                .init(
                    offset: try f.number("offset"), length: try f.number("length"), logTime: try f.number("log_time"),
                    createTime: try f.number("create_time"), dataSize: try f.number("data_size"),
                    name: try f.text("name"),
                    mediaType: try f.text("media_type")))
        case "Statistics":
            var statistics = MCAP.Statistics()
            statistics.messageCount = try f.number("message_count")
            statistics.schemaCount = try f.number("schema_count")
            statistics.channelCount = try f.number("channel_count")
            statistics.attachmentCount = try f.number("attachment_count")
            statistics.metadataCount = try f.number("metadata_count")
            statistics.chunkCount = try f.number("chunk_count")
            statistics.startTime = try f.number("message_start_time")
            statistics.endTime = try f.number("message_end_time")
            statistics.channelMessageCounts = try f.counts("channel_message_counts")
            return .statistics(statistics)
        case "Metadata": return .metadata(.init(name: try f.text("name"), metadata: try f.map("metadata")))
        case "MetadataIndex":
            return .metadataIndex(
                .init(offset: try f.number("offset"), length: try f.number("length"), name: try f.text("name")))
        case "SummaryOffset":
            return .summaryOffset(
                .init(
                    groupOpcode: try f.number("group_opcode"), groupStart: try f.number("group_start"),
                    groupLength: try f.number("group_length")))
        case "DataEnd": return .dataEnd(.init(dataSectionCRC: try f.number("data_section_crc")))
        default: throw Malformed(what: "type")
        }
    }
}

extension MCAPParser {
    /// All records of a whole file that comes in pieces of the given size.
    static func records(
        of file: [UInt8], pieces: Int = .max, limits: Limits = Limits(), opensChunks: Bool = true
    ) throws -> [MCAP.Record] {
        var parser = MCAPParser(limits: limits, opensChunks: opensChunks)
        var records: [MCAP.Record] = []
        var place = 0
        while place < file.count {
            let end = place + min(pieces, file.count - place)
            parser.append(file[place..<end])
            while let record = try parser.next() { records.append(record) }
            place = end
        }
        try parser.finish()
        return records
    }
}
