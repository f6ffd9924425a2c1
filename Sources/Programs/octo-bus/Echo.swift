import ArgumentParser
import Bus
import JSONTree
import NodeShell
import Time
import Wire

extension OctoBus {
    /// Prints messages as text.
    struct Echo: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the messages of a topic.")

        @OptionGroup var options: TopicOptions
        @Flag(help: "End after one message.")
        var once = false
        @Option(name: .customShort("n"), help: "End after this many messages.")
        var count: Int?
        @Flag(help: "Print one JSON object per line, with the envelope.")
        var json = false

        func validate() throws {
            if let count, count < 1 { throw ValidationError("-n must be at least 1.") }
        }

        func run() throws {
            let onlooker = try Onlooker(options.runOption.load())
            let limit = once ? 1 : count ?? .max
            var shown = 0
            try onlooker.follow(options) { message in
                guard shown < limit else { return }
                shown += 1
                Terminal.say(json ? Self.line(message) : Self.paragraph(message))
            } isDone: {
                shown >= limit
            }
        }

        private static func content(_ message: RawMessage) -> JSONNode {
            do {
                let text = try message.body.withUnsafeBytes { bytes in
                    try MessageCatalogue.json(schema: message.envelope.schema, body: bytes, bulk: message.bulk)
                }
                return withSeconds(try JSONNode(parsing: Array(text.utf8)), of: message)
            } catch {
                return .object(["error": JSONNode("\(error)")])
            }
        }

        /// A camera frame's stamp is of the monotonic clock, which counts from the start of the machine: as protobuf's
        /// JSON writes it, it would be a date in 1970.
        private static func withSeconds(_ content: JSONNode, of message: RawMessage) -> JSONNode {
            guard let captured = message.envelope.captureTime, let members = content.object else { return content }
            return JSONNode(
                .object(
                    members.map { member in
                        member.key == "timestamp"
                            ? .init(key: "timestamp_s", value: JSONNode(number: Double(captured.nanoseconds) * 1e-9))
                            : member
                    }))
        }

        private static func paragraph(_ message: RawMessage) -> String {
            let envelope = message.envelope
            let age = (message.receivedTime - envelope.publishTime).inMilliseconds.decimals(3)
            return "--- \(envelope.schema) #\(envelope.sequence) from \(envelope.sourceNode), \(age) ms old, "
                + "\(message.bulk?.count ?? 0) bulk bytes\n" + content(message).text(indented: true)
        }

        private static func line(_ message: RawMessage) -> String {
            let envelope = message.envelope
            return JSONNode.object([
                "topic": JSONNode(message.topic),
                "envelope": .object([
                    "schema": JSONNode(envelope.schema),
                    "sequence": JSONNode(Int64(clamping: envelope.sequence)),
                    "capture_ns": envelope.captureTime.map { JSONNode($0.nanoseconds) } ?? nil,
                    "publish_ns": JSONNode(envelope.publishTime.nanoseconds),
                    "source_node": JSONNode(envelope.sourceNode),
                    "instance_id": JSONNode(String(envelope.instanceID, radix: 16)),
                    "run_id": JSONNode(envelope.runID),
                    "trace_id": JSONNode(String(envelope.traceID, radix: 16)),
                    "host_id": JSONNode(envelope.hostID),
                ]),
                "received_ns": JSONNode(message.receivedTime.nanoseconds),
                "bulk_bytes": JSONNode(message.bulk?.count ?? 0),
                "message": content(message),
            ]).text()
        }
    }
}
