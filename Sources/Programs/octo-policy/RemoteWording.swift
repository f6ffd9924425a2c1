import Files
import JSONTree
import Manifests
import Messages
import Policy
import RemotePolicy
import Time

/// Asks in the words that `RemotePolicyClient` has for it.
struct RemoteWording: RemoteAsking {
    private let section: Manifest.Policy
    private let goalUse: GoalUse
    private var client: RemotePolicyClient

    init(_ manifest: Manifest) {
        section = manifest.policy
        goalUse = manifest.goal.use
        client = RemotePolicyClient(pictures: manifest.policy.pictures)
    }

    mutating func opened(body: JSONNode, parts: [SharedBytes], at now: MonotonicTime) throws -> PolicyOffer {
        let checkpoint = try RemoteCheckpoint(body: body, parts: parts)
        client.opened()
        return PolicyOffer(
            configuration: checkpoint.configuration(section, goalUse: goalUse), texts: try checkpoint.textReading(),
            modelName: checkpoint.name)
    }

    mutating func lost(reason: String, at now: MonotonicTime) { client.lost(reason: reason, at: now) }

    mutating func ask(_ request: PolicyNodeCore.Request, at now: MonotonicTime) { client.ask(request, at: now) }

    mutating func tick(at now: MonotonicTime) { client.tick(at: now) }

    mutating func received(body: JSONNode, parts: [SharedBytes], at now: MonotonicTime) {
        client.received(body, parts: parts, at: now)
    }

    mutating func takeSayings() -> [RemoteSaying] {
        client.takeSayings().map { RemoteSaying(body: $0.body, parts: $0.parts) }
    }

    mutating func takeAnswers() -> [InferenceAnswer] {
        client.takeAnswers().map { answer in
            InferenceAnswer(result: answer.result.mapError { $0 as any Error }, finished: answer.finished)
        }
    }

    var counters: [NodeStatus.Counter] { client.counters }
    var latencies: [NodeStatus.Latency] { client.latencies }
}

/// Answers in the words that `RemotePolicyServer` has for it.
struct ServedWording: RemoteAnswering {
    private var server = RemotePolicyServer()

    func welcome(_ checkpoint: ServedCheckpoint) throws -> (body: JSONNode, parts: [SharedBytes]) {
        let offer = checkpoint.offer
        return try RemoteCheckpoint(offer.configuration, texts: offer.texts, name: offer.modelName).words
    }

    mutating func opened(_ session: String, with checkpoint: ServedCheckpoint) {
        server.opened(session, checkpoint.offer.configuration)
    }

    mutating func closed(_ session: String) { server.closed(session) }

    mutating func received(
        body: JSONNode, parts: [SharedBytes], in session: String, at now: MonotonicTime
    ) -> [RemoteSaying] {
        server.received(body, parts: parts, in: session, at: now).map { RemoteSaying(body: $0.body, parts: $0.parts) }
    }

    mutating func takeRuns(atMost count: Int) -> [RemoteRun] {
        server.takeRuns(atMost: count).map { RemoteRun(session: $0.session, request: $0.request) }
    }

    mutating func finished(
        _ session: String, _ result: Result<[Float], any Error>, begun: MonotonicTime, finished: MonotonicTime,
        batch: Int
    ) -> [RemoteSaying] {
        server.finished(session, result, begun: begun, finished: finished, batch: batch)
            .map { RemoteSaying(body: $0.body, parts: $0.parts) }
    }
}
