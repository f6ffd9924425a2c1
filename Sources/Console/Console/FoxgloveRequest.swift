import JSONTree

/// What a viewer asks for, of all that the protocol knows: the rest would change something, or is not offered.
enum FoxgloveRequest: Equatable {
    /// One channel, by its number, under a number that the viewer chose.
    struct Subscription: Equatable {
        var id: UInt32
        var channel: Int
    }

    case subscribe([Subscription])
    /// The numbers of subscriptions.
    case unsubscribe([UInt32])

    /// Why a request is not followed: a sentence for the person in front of the viewer.
    struct Refusal: Error, Equatable {
        var words: String
    }

    private static let readOnly = "this server only shows the run: it takes no messages, parameters and service calls"

    /// Reads a request; never traps.
    /// - Parameter maximumBytes: a longer one is not looked at.
    init(_ message: SocketMessage, maximumBytes: Int) throws(Refusal) {
        guard message.byteCount <= maximumBytes else {
            throw Refusal(words: "the request has \(message.byteCount) bytes, expected at most \(maximumBytes)")
        }
        switch message {
        case .text(let text): try self.init(text)
        case .binary(let bytes):
            switch bytes.first {
            case nil: throw Refusal(words: "the request is empty, expected JSON")
            case 1, 2, 3: throw Refusal(words: Self.readOnly)
            case let code?: throw Refusal(words: "the request is binary with opcode \(code), expected JSON")
            }
        }
    }

    private init(_ text: String) throws(Refusal) {
        let request: JSONNode
        do {
            // Requests are three levels deep.
            request = try JSONNode(parsing: text.utf8, maximumDepth: 16)
        } catch {
            throw Refusal(words: "the request is not JSON: \(error)")
        }
        let reader = JSONReader()
        switch request["op"]?.string {
        case "subscribe":
            self = .subscribe(
                reader.elements(request["subscriptions"] ?? JSONNode(.null), at: "subscriptions").enumerated().map {
                    index, node in
                    let path = "subscriptions[\(index)]"
                    return Subscription(
                        id: Self.subscriptionID(node["id"], at: path + ".id", reader),
                        channel: reader.integer(
                            node["channelId"] ?? JSONNode(.null), at: path + ".channelId", in: 0...(.max)) ?? 0)
                })
        case "unsubscribe":
            self = .unsubscribe(
                reader.elements(request["subscriptionIds"] ?? JSONNode(.null), at: "subscriptionIds").enumerated().map {
                    Self.subscriptionID($1, at: "subscriptionIds[\($0)]", reader)
                })
        case "advertise", "unadvertise", "getParameters", "setParameters", "subscribeParameterUpdates",
            "unsubscribeParameterUpdates":
            throw Refusal(words: Self.readOnly)
        case "subscribeConnectionGraph", "unsubscribeConnectionGraph", "fetchAsset":
            throw Refusal(words: "this server has no connection graph and no assets")
        default:
            throw Refusal(
                words: "op is \(request["op"]?.brief ?? "missing"), expected \"subscribe\" or \"unsubscribe\"")
        }
        guard let first = reader.problems.first else { return }
        let more = reader.problems.count - 1
        throw Refusal(words: "\(first.path): \(first.text)" + (more > 0 ? " (and \(more) more like it)" : ""))
    }

    private static func subscriptionID(_ node: JSONNode?, at path: String, _ reader: JSONReader) -> UInt32 {
        // A missing one is reported as null.
        UInt32(reader.integer(node ?? JSONNode(.null), at: path, in: 0...Int(UInt32.max)) ?? 0)
    }
}
