import MCAPFiles
import TestSupport

/// A file of a few topics whose messages have their own number in them.
struct MadeRecording {
    var schemas: [MCAP.Schema] = []
    var channels: [MCAP.Channel] = []
    var messages: [MCAP.Message] = []
    var attachment = MCAP.Attachment(
        logTime: 5, name: "manifest.json", mediaType: "application/json", data: Array("{}".utf8))
    var metadata = MCAP.Metadata(name: "machine", metadata: ["cores": "2"])

    /// - Parameter bytes: of each message; half of them random.
    init(messages count: Int, topics: Int = 3, bytes: Int = 200, using generator: inout some RandomNumberGenerator) {
        for index in 0..<topics {
            let id = UInt16(index + 1)
            schemas.append(
                .init(id: id, name: "octo.Thing\(index)", encoding: "protobuf", data: Array("schema \(index)".utf8)))
            channels.append(.init(id: id, schemaID: id, topic: "topic/\(index)", messageEncoding: "protobuf"))
        }
        for index in 0..<count {
            let time = UInt64(1_000_000 + 1000 * index)
            let data = (0..<bytes).map {
                $0 % 2 == 0 ? UInt8(truncatingIfNeeded: index) : UInt8.random(in: 0...255, using: &generator)
            }
            messages.append(
                .init(
                    channelID: UInt16(index % topics + 1), sequence: UInt32(index / topics), logTime: time,
                    publishTime: time - 10, data: data))
        }
    }

    /// The pieces that a writer lets go: one after each chunk, and the end.
    func pieces(_ options: MCAPWriter.Options) throws -> [[UInt8]] {
        var writer = MCAPWriter(options)
        var pieces: [[UInt8]] = []
        try writer.write(attachment)
        try writer.write(metadata)
        for schema in schemas { try writer.write(schema) }
        for channel in channels { try writer.write(channel) }
        for message in messages {
            try writer.write(message)
            if writer.openChunkBytes == 0 { pieces.append(writer.takeBytes()) }
        }
        try writer.endChunk()
        pieces.append(writer.takeBytes())
        try writer.finish()
        pieces.append(writer.takeBytes())
        return pieces
    }

    func file(_ options: MCAPWriter.Options) throws -> [UInt8] { try pieces(options).flatMap { $0 } }
}

extension MCAPMessages {
    mutating func all() throws -> [Item] {
        var items: [Item] = []
        while let item = try next() { items.append(item) }
        return items
    }
}

extension MCAPRecovery {
    /// The new file's bytes.
    static func recover(
        _ file: [UInt8], options: MCAPWriter.Options = .init(), limits: MCAPParser.Limits = .init()
    ) throws -> (Report, [UInt8]) {
        var mended: [UInt8] = []
        let report = try recover(MCAPBytes(file), options: options, limits: limits) { (bytes) throws(MCAPError) in
            mended += bytes
        }
        return (report, mended)
    }
}
