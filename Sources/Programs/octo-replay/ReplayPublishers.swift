import Bus
import Manifests
import Messages
import NodeShell
import Recording
import Replay
import Time
import Wire

/// The bus nodes whose places the replay takes, and what was sent at each.
final class ReplayPublishers {
    struct Count {
        var sent = 0
        /// Number of messages not sent: of a type that is not known, not readable, or of a node that has no endpoint in
        /// the run.
        var skipped = 0
        var reason = ""
    }
    enum Outcome {
        case sent
        case skipped(String)
        /// Nothing went out: try again.
        case readersFull
    }
    private typealias Send = (EpisodeMessage, ReplayTimeline?, MonotonicTime) throws -> Void

    private let nodes: [(name: String, bus: BusNode)]
    private var senders: [String: Send] = [:]
    /// Counts of messages by the topic that is published.
    private(set) var counts: [String: Count] = [:]

    /// Binds the endpoints.
    /// - Parameter names: names of the nodes that published in the episode.
    init(_ names: [String], in run: RunDescription) throws {
        nodes = try names.compactMap { name in
            guard let endpoint = run.endpoints[name] else { return nil }
            do {
                let bus = try BusNode(
                    BusOptions(
                        node: name, runID: run.runID, endpoint: endpoint, peers: [], waitsForReaders: true,
                        security: run.busSecurity))
                return (name, bus)
            } catch BusError.endpointInUse {
                throw ReplayRunError.served(node: name, folder: run.folder)
            }
        }
        guard !nodes.isEmpty else {
            throw ReplayRunError.noPlace(folder: run.folder, nodes: names, known: run.endpoints.keys.sorted())
        }
    }

    /// Sends what is unsent.
    func close() { for node in nodes { node.bus.close() } }

    /// Sleeps until the time or until a descriptor can be read; answers new readers meanwhile.
    func wait(until deadline: MonotonicTime, alsoOn descriptors: [Int32]) throws {
        guard let first = nodes.first else { return }
        // Only one node's readers wake it; the others' are answered 50 times a second.
        try first.bus.wait(until: min(deadline, .now() + .milliseconds(20)), alsoOn: descriptors)
        for node in nodes.dropFirst() { try node.bus.wait(until: .zero) }
    }

    /// Whether somebody listens to one of the topics.
    func isHeard(on topics: [String]) -> Bool {
        topics.contains { topic in
            nodes.contains { $0.bus.isHeard(on: Topic<NodeStatus>(topic, .latest)) }
        }
    }

    /// Publishes a message as its node did.
    /// - Parameter timeline: moves the message's stamps to the present; nil leaves them.
    func publish(
        _ message: EpisodeMessage, on topic: String, _ timeline: ReplayTimeline?, at now: MonotonicTime
    ) throws -> Outcome {
        let key = message.envelope.sourceNode + "\n" + topic + "\n" + message.envelope.schema
        do {
            if senders[key] == nil {
                guard let bus = nodes.first(where: { $0.name == message.envelope.sourceNode })?.bus else {
                    return skip(topic, "the run has no endpoint for '\(message.envelope.sourceNode)'")
                }
                guard (1...255).contains(topic.utf8.count) else { return skip(topic, "no name for a topic") }
                var maker = SenderMaker(bus: bus, topic: topic)
                guard let sender = try StampedTypes.visit(message.envelope.schema, &maker) else {
                    return skip(topic, "the type \(message.envelope.schema) is not known")
                }
                senders[key] = sender
            }
            try senders[key]?(message, timeline, now)
            counts[topic, default: Count()].sent += 1
            return .sent
        } catch BusError.readersFull {
            return .readersFull
        } catch let error as WireError {
            return skip(topic, "\(error)")
        }
    }

    private func skip(_ topic: String, _ reason: String) -> Outcome {
        counts[topic, default: Count()].skipped += 1
        counts[topic]?.reason = reason
        return .skipped(reason)
    }

    /// Makes the sender of one topic, whose type is known only at run time.
    private struct SenderMaker: StampedVisitor {
        let bus: BusNode
        let topic: String

        func visit<Message: Stamped>(_: Message.Type, delivery: Delivery) -> Send {
            let publisher = bus.publisher(Topic<Message>(topic, delivery))
            return { message, timeline, now in
                var content: Message = try message.content()
                var captured = message.envelope.captureTime
                var published = message.envelope.publishTime
                if let timeline {
                    content.moveStamps(timeline.present(of:))
                    captured = captured.map(timeline.present(of:))
                    published = min(timeline.present(of: published), now)
                }
                try publisher.publish(content, captureTime: captured, traceID: message.envelope.traceID, at: published)
            }
        }
    }
}
