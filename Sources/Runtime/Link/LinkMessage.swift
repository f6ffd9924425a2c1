import Files
import JSONTree

/// Something that is said between two machines: what it is, as JSON, and what comes with it.
package struct LinkMessage: Sendable {
    /// Bytes of the JSON text.
    package static let longestHeader = 256 << 10
    /// Parts besides it.
    package static let mostParts = 1_024
    /// Bytes of one part.
    package static let largestPart = 32 << 20

    package var header: JSONNode
    package var parts: [SharedBytes]

    package init(header: JSONNode, parts: [SharedBytes] = []) {
        self.header = header
        self.parts = parts
    }

    /// Reads what came as parts of a ZeroMQ message, the first of which is the JSON text; nil: it is none.
    package init?(received: [SharedBytes]) {
        guard let text = received.first, text.count <= Self.longestHeader, received.count <= Self.mostParts + 1 else {
            return nil
        }
        do throws(JSONSyntaxError) {
            header = try JSONNode(parsing: text.bytes)
        } catch { return nil }
        guard header.object != nil else { return nil }
        parts = Array(received.dropFirst())
    }

    /// The kind of message.
    var kind: String? { header["k"]?.string }
    var session: String? { header["session"]?.string }
    var body: JSONNode { header["body"] ?? nil }
}

/// What both ends keep to.
package struct LinkTiming: Sendable {
    /// How often an end says that it is there.
    package var beat = Duration.milliseconds(100)
    /// Who was not heard for so long is lost.
    package var silence = Duration.milliseconds(700)
    /// How long an answer to the first word may take; a checkpoint may be loaded meanwhile, which the other end says.
    package var answer = Duration.seconds(2)
    /// How long an answer may be on its way, which can be long: it has a tokenizer's model with it.
    package var welcome = Duration.seconds(5)
    /// Wait before a lost session is begun anew; it doubles up to `longestPause`.
    package var pause = Duration.milliseconds(200)
    package var longestPause = Duration.seconds(2)

    package init() {}

    /// How much longer than usual silence may last while so many bytes are on their way, on a line of 200 kbit/s.
    func patience(forBytes count: Int) -> Duration {
        count > 4_096 ? min(.milliseconds(count / 25), welcome) : .zero
    }
}

/// The words with which sessions are held.
enum LinkWord {
    /// Of this protocol. Both ends have the same version of Octo Runtime, which is told apart before this.
    static let protocolNumber = 1
    static let hello = "hello"
    static let wait = "wait"
    static let welcome = "welcome"
    static let refused = "refused"
    static let beat = "beat"
    static let bye = "bye"
    static let data = "data"
    /// Characters of a reason that are kept.
    static let longestReason = 2_000

    static func beat(session: String, at now: Int64, echo: (sent: Int64, received: Int64)?) -> LinkMessage {
        var members: [JSONNode.Member] = [
            .init(key: "k", value: JSONNode(beat)), .init(key: "session", value: JSONNode(session)),
            .init(key: "sent_ns", value: JSONNode(now)),
        ]
        if let echo {
            members.append(.init(key: "echo_sent_ns", value: JSONNode(echo.sent)))
            members.append(.init(key: "echo_received_ns", value: JSONNode(echo.received)))
        }
        return LinkMessage(header: JSONNode(.object(members)))
    }

    static func bye(session: String, reason: String) -> LinkMessage {
        LinkMessage(
            header: .object(["k": JSONNode(bye), "session": JSONNode(session), "reason": JSONNode(reason)]))
    }

    static func data(session: String, body: JSONNode, parts: [SharedBytes]) -> LinkMessage {
        LinkMessage(
            header: .object(["k": JSONNode(data), "session": JSONNode(session), "body": body]), parts: parts)
    }

    static func reason(in message: LinkMessage) -> String {
        String((message.header["reason"]?.string ?? "it did not say why").prefix(longestReason))
    }
}
