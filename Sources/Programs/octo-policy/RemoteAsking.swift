import Files
import JSONTree
import Messages
import Policy
import Time

/// Something for the other machine, to be said in a session.
struct RemoteSaying: Sendable {
    var body: JSONNode
    var parts: [SharedBytes] = []
}

/// Makes messages of requests, and answers of messages. Touches no socket and reads no clock.
protocol RemoteAsking: Sendable {
    /// The link is open.
    /// - Parameters:
    ///   - body, parts: what the other machine said of the checkpoint.
    /// - Throws: what of it cannot be understood.
    mutating func opened(body: JSONNode, parts: [SharedBytes], at now: MonotonicTime) throws -> PolicyOffer

    /// The link broke: requests that wait fail.
    mutating func lost(reason: String, at now: MonotonicTime)

    /// Takes a request; it fails at once while the link is not open.
    mutating func ask(_ request: PolicyNodeCore.Request, at now: MonotonicTime)

    /// Time has passed.
    mutating func tick(at now: MonotonicTime)

    /// Takes what the other machine said in the session.
    mutating func received(body: JSONNode, parts: [SharedBytes], at now: MonotonicTime)

    /// What is to be said since the last time, oldest first.
    mutating func takeSayings() -> [RemoteSaying]

    /// Chunks and failures since the last time, oldest first.
    mutating func takeAnswers() -> [InferenceAnswer]

    /// What went through: sessions' refused chunks, bytes.
    var counters: [NodeStatus.Counter] { get }

    /// How long the network took there.
    var latencies: [NodeStatus.Latency] { get }
}
