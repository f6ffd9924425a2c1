import Files
import JSONTree

/// One end of the bus between a robot and a node of its on another machine; both ends are alike. Messages of this side
/// go in, what is to be said to the other end comes out, and the other way round. Touches no socket.
///
/// What does not fit the line waits here, where it can still be dropped: of what only the newest counts (frames,
/// states) the newest waits, of the rest the oldest goes when there are too many. At most `mostUnanswered` sayings are
/// on their way, so that nothing old lies in the network's own queues; order is kept, and nothing overtakes.
package struct BusRelay: Sendable {
    /// Something to be said to the other end.
    package struct Saying: Sendable {
        package var body: JSONNode
        package var parts: [SharedBytes]
    }

    /// What the other end said, for this side's bus.
    package enum Arrival: Sendable, Equatable {
        case message(RelayedMessage)
        /// All the prefixes that are listened to over there now.
        case interests([String])
    }

    /// Sayings on their way that were not answered.
    package static let mostUnanswered: UInt64 = 4
    /// Messages that wait.
    package static let mostWaiting = 1_024
    /// Bytes that wait.
    package static let mostWaitingBytes = 16 << 20
    /// Bytes of a saying, unless one message alone has more.
    package static let usualSaying = 256 << 10
    /// Prefixes that one side may listen to, and the bytes of one.
    package static let mostInterests = 1_024
    package static let longestInterest = 255
    /// Answers of the other end that are missing for so many looks (`lookAgain`) are asked for again.
    private static let patience = 3

    /// The kind of the body.
    package static let kind = "relay"

    private var waiting: [RelayedMessage] = []
    private var waitingBytes = 0
    private var interests: [String]?
    private var said: UInt64 = 0
    private var answered: UInt64 = 0
    private var heard: UInt64 = 0
    private var mustAnswer = false
    private var looksWithoutAnswer = 0
    private let isNewestOnly: @Sendable (String) -> Bool

    /// Messages that made way because the line is too slow.
    package private(set) var dropped = 0
    /// Sayings of the other end that were not to be understood.
    package private(set) var malformed = 0
    /// Messages that went to the other end.
    package private(set) var relayed = 0

    /// Makes an end with nothing on its way.
    /// - Parameter isNewestOnly: whether of this topic only the newest message counts.
    package init(isNewestOnly: @escaping @Sendable (String) -> Bool) { self.isNewestOnly = isNewestOnly }

    /// A message of this side's bus.
    package mutating func take(_ message: RelayedMessage) {
        if message.lane == .bus, isNewestOnly(message.topic),
            let older = waiting.firstIndex(where: { $0.lane == .bus && $0.topic == message.topic })
        {
            drop(at: older)
        }
        waiting.append(message)
        waitingBytes += message.byteCount
        while waiting.count > Self.mostWaiting || (waitingBytes > Self.mostWaitingBytes && waiting.count > 1) {
            drop(at: 0)
        }
    }

    private mutating func drop(at index: Int) {
        waitingBytes -= waiting.remove(at: index).byteCount
        dropped += 1
    }

    /// All the prefixes that are listened to on this side now.
    package mutating func listen(to prefixes: [String]) {
        interests = Array(prefixes.filter { $0.utf8.count <= Self.longestInterest }.prefix(Self.mostInterests))
    }

    /// What is to be said now; ask until there is nothing.
    package mutating func next() -> Saying? {
        let hasRoom = said - answered < Self.mostUnanswered
        guard mustAnswer || (hasRoom && (!waiting.isEmpty || interests != nil)) else { return nil }
        var body: [JSONNode.Member] = [.init(key: "t", value: JSONNode(Self.kind))]
        if hasRoom, !waiting.isEmpty || interests != nil {
            said += 1
            body.append(.init(key: "n", value: JSONNode(Int64(clamping: said))))
        }
        body.append(.init(key: "heard", value: JSONNode(Int64(clamping: heard))))
        mustAnswer = false
        guard hasRoom else { return Saying(body: JSONNode(.object(body)), parts: []) }
        if let interests {
            body.append(.init(key: "listen", value: JSONNode(.array(interests.map { JSONNode($0) }))))
            self.interests = nil
        }
        let batch = takeBatch()
        if !batch.isEmpty {
            // A number of parts for each message; a command's is negative.
            let counts = batch.map { JSONNode($0.lane == .bus ? $0.parts.count : -$0.parts.count) }
            body.append(.init(key: "messages", value: JSONNode(.array(counts))))
        }
        return Saying(body: JSONNode(.object(body)), parts: batch.flatMap(\.parts))
    }

    private mutating func takeBatch() -> [RelayedMessage] {
        var bytes = 0
        var count = 0
        for message in waiting {
            if count > 0, bytes + message.byteCount > Self.usualSaying { break }
            bytes += message.byteCount
            count += 1
        }
        let batch = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        waitingBytes -= bytes
        relayed += count
        return batch
    }

    /// A tenth of a second has passed. Sayings can be lost where a queue on the way was full; one that says nothing
    /// asks for an answer then.
    package mutating func lookAgain() -> Saying? {
        guard said > answered else {
            looksWithoutAnswer = 0
            return nil
        }
        looksWithoutAnswer += 1
        guard looksWithoutAnswer >= Self.patience else { return nil }
        looksWithoutAnswer = 0
        said += 1
        return Saying(
            body: .object([
                "t": JSONNode(Self.kind), "n": JSONNode(Int64(clamping: said)),
                "heard": JSONNode(Int64(clamping: heard)),
            ]), parts: [])
    }

    /// What the other end said. What is not to be understood is counted, and has no effect.
    package mutating func received(_ body: JSONNode, parts: [SharedBytes]) -> [Arrival] {
        guard body["t"]?.string == Self.kind, let heard = Self.count(body["heard"]) else { return refuse() }
        var arrivals: [Arrival] = []
        var number: UInt64?
        if let found = body["n"] {
            guard let count = Self.count(found), count > self.heard else { return refuse() }
            number = count
        }
        if let prefixes = body["listen"] {
            guard let texts = prefixes.array?.map(\.string), texts.count <= Self.mostInterests,
                texts.allSatisfy({ $0.map { $0.utf8.count <= Self.longestInterest } ?? false })
            else { return refuse() }
            arrivals.append(.interests(texts.compactMap(\.self)))
        }
        guard let messages = Self.messages(body["messages"], parts) else { return refuse() }
        arrivals += messages.map(Arrival.message)
        guard heard <= said else { return refuse() }
        if heard > answered {
            answered = heard
            looksWithoutAnswer = 0
        }
        if let number {
            self.heard = number
            mustAnswer = true
        }
        return arrivals
    }

    private mutating func refuse() -> [Arrival] {
        malformed += 1
        return []
    }

    private static func count(_ node: JSONNode?) -> UInt64? {
        node?.int.flatMap { $0 >= 0 && $0 < 1 << 53 ? UInt64($0) : nil }
    }

    /// The messages that the parts are; nil where the numbers do not fit.
    private static func messages(_ counts: JSONNode?, _ parts: [SharedBytes]) -> [RelayedMessage]? {
        guard let counts else { return parts.isEmpty ? [] : nil }
        guard let numbers = counts.array, numbers.count <= parts.count else { return nil }
        var messages: [RelayedMessage] = []
        var start = 0
        for number in numbers {
            guard let count = number.int, RelayedMessage.partCounts.contains(abs(count)),
                start + abs(count) <= parts.count,
                let message = RelayedMessage(
                    count < 0 ? .commands : .bus, parts: Array(parts[start..<start + abs(count)]))
            else { return nil }
            messages.append(message)
            start += abs(count)
        }
        return start == parts.count ? messages : nil
    }
}
