import JSONTree
import Messages

/// What the server says in Foxglove's WebSocket protocol, version 1.
///
/// The formats stand in docs/spec.md of github.com/foxglove/ws-protocol (before its removal), and as code in
/// rust/foxglove/src/protocol of github.com/foxglove/foxglove-sdk.
enum FoxgloveWire {
    /// How bad a status is.
    enum Level: Int {
        case warning = 1
        case error = 2
    }

    /// Who speaks, and what may be asked of it: nothing but subscriptions.
    static func serverInfo(_ run: FoxgloveRun?, console: String) -> String {
        var metadata = JSONNode.object(["version": JSONNode(OctoRuntime.version)])
        if let run { metadata = metadata.with("run", JSONNode(run.name)).with("run_id", JSONNode(run.id)) }
        return JSONNode.object([
            "op": "serverInfo",
            "name": JSONNode(run.map { "Octo Runtime: \($0.name)" } ?? "Octo Runtime"),
            "capabilities": ["time"],
            "supportedEncodings": [],
            "metadata": metadata,
            // Viewers that come back to another session forget what they knew.
            "sessionId": JSONNode("\(run?.id ?? "none")/\(console)"),
        ]).text()
    }

    static func advertise(_ channels: [FoxgloveChannel]) -> String {
        JSONNode.object([
            "op": "advertise",
            "channels": JSONNode(
                .array(
                    channels.map { channel in
                        .object([
                            "id": JSONNode(channel.id),
                            "topic": JSONNode(channel.topic),
                            "encoding": "protobuf",
                            "schemaName": JSONNode(channel.schema),
                            "schema": JSONNode(channel.definition),
                            "schemaEncoding": "protobuf",
                        ])
                    })),
        ]).text()
    }

    static func unadvertise(_ channels: [Int]) -> String {
        JSONNode.object(["op": "unadvertise", "channelIds": JSONNode(.array(channels.map { JSONNode($0) }))]).text()
    }

    /// Words for the person in front of the viewer.
    /// - Parameter id: what a later status replaces, or `removeStatus` takes back.
    static func status(_ level: Level, _ message: String, id: String? = nil) -> String {
        let status = JSONNode.object(["op": "status", "level": JSONNode(level.rawValue), "message": JSONNode(message)])
        return (id.map { status.with("id", JSONNode($0)) } ?? status).text()
    }

    static func removeStatus(_ id: String) -> String {
        JSONNode.object(["op": "removeStatus", "statusIds": [JSONNode(id)]]).text()
    }

    /// One message: opcode 1, number of the subscription, time, protobuf. Integers are little endian.
    static func messageData(_ message: FoxgloveMessage, subscription: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(13 + message.data.count)
        bytes.append(1)
        append(subscription, to: &bytes)
        append(message.time, to: &bytes)
        bytes += message.data
        return bytes
    }

    /// How late it is: opcode 2, time in nanoseconds.
    static func time(_ nanoseconds: UInt64) -> [UInt8] {
        var bytes: [UInt8] = [2]
        append(nanoseconds, to: &bytes)
        return bytes
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    /// Base64 with padding. RFC 4648, section 4.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                text.append(place <= group.count ? alphabet[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
