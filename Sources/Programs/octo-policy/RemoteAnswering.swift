import Files
import JSONTree
import Policy
import Time

/// One inference that a robot waits for.
struct RemoteRun: Sendable {
    var session: String
    var request: PolicyNodeCore.Request
}

/// Makes requests of messages, and messages of chunks, for any number of sessions. Touches no socket and reads no
/// clock.
protocol RemoteAnswering: Sendable {
    /// What a session begins with: what the robot needs of the checkpoint without having it.
    /// - Throws: what of it cannot be read.
    func welcome(_ checkpoint: ServedCheckpoint) throws -> (body: JSONNode, parts: [SharedBytes])

    mutating func opened(_ session: String, with checkpoint: ServedCheckpoint)
    mutating func closed(_ session: String)

    /// Takes what a robot said.
    /// - Returns: what to say to it at once.
    mutating func received(
        body: JSONNode, parts: [SharedBytes], in session: String, at now: MonotonicTime
    ) -> [RemoteSaying]

    /// Requests that wait, in the order in which they came, at most one of each session.
    mutating func takeRuns(atMost count: Int) -> [RemoteRun]

    /// Takes what became of a request.
    /// - Returns: what to say to the robot.
    mutating func finished(
        _ session: String, _ result: Result<[Float], any Error>, begun: MonotonicTime, finished: MonotonicTime,
        batch: Int
    ) -> [RemoteSaying]
}
