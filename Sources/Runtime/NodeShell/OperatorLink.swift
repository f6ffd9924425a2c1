import Bus
import Manifests
import Messages
import Time
import Wire

/// A program that comes and goes, such as `octo-goal set`, beside a run: it hears every node, and those that it
/// commands hear it.
package final class OperatorLink {
    package let run: RunDescription
    package let bus: BusNode
    /// This program, in its commands.
    package let name: OperatorName
    package private(set) var ids = CommandIDs()

    /// Joins a run and connects to the command endpoints of nodes.
    /// - Parameters:
    ///   - nodes: names of the processes that take the commands.
    ///   - program: name of this program.
    /// - Throws: `NoCommandEndpoint`, `BusError`.
    package init(to run: RunDescription, commanding nodes: [String], program: String) throws {
        self.run = run
        name = OperatorName(program)
        var listeners: [String] = []
        for node in nodes {
            guard let listener = run.commandEndpoints[node] else {
                throw NoCommandEndpoint(node: node, folder: run.folder)
            }
            listeners.append(listener)
        }
        bus = try BusNode(
            BusOptions(
                node: "\(name)", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted(),
                listeners: listeners, security: run.busSecurity))
    }

    /// The id of a command that no session counts.
    package func makeID() -> UInt64 { ids.next() }

    /// Waits until `node` hears `topic`, so that what is sent next arrives.
    /// - Throws: `NodeSilence`, `BusError`.
    package func awaitHearing<Message>(on topic: Topic<Message>, by node: String) throws {
        var exchange = NodeExchange(with: node, on: topic.name, at: .now())
        while true {
            switch exchange.step(isHeard: bus.isHeard(on: topic), at: .now()) {
            case .say: return
            case .wait(let time): try bus.wait(until: time)
            case .giveUp(let silence): throw silence
            }
        }
    }

    /// Sends a command, again and again in case it is lost, and waits for its answer.
    /// - Parameters:
    ///   - answers: topic on which `node` answers.
    ///   - patience: time that the node has to listen, and again to answer.
    /// - Throws: `NodeSilence`, `BusError`.
    package func exchange<Command: NodeCommand, Answer: NodeAnswer>(
        _ command: Command, on topic: Topic<Command>, answers: Topic<Answer>, by node: String,
        patience: Duration = NodeExchange.patience
    ) throws -> Answer {
        let results = try bus.subscribe(answers)
        let publisher = bus.publisher(topic)
        var exchange = NodeExchange(with: node, on: topic.name, patience: patience, at: .now())
        while true {
            let now = MonotonicTime.now()
            switch exchange.step(isHeard: bus.isHeard(on: topic), at: now) {
            case .say: try publisher.publish(command, at: now)
            case .wait(let time): try bus.wait(until: time)
            case .giveUp(let silence): throw silence
            }
            while let received = results.take() {
                if received.message.answers(command) { return received.message }
            }
        }
    }

    /// Waits for a message of a topic that is published of itself.
    /// - Returns: the first that is wanted; nil when none comes in time.
    package func next<Message>(
        of subscription: Subscription<Message>, within patience: Duration,
        where isWanted: (Message) -> Bool = { _ in true }
    ) throws -> Message? {
        let deadline = MonotonicTime.now() + patience
        while true {
            while let received = subscription.take() { if isWanted(received.message) { return received.message } }
            guard MonotonicTime.now() < deadline else { return nil }
            try bus.wait(until: deadline)
        }
    }
}

/// A run has no process of this name that takes commands.
package struct NoCommandEndpoint: Error, Equatable, CustomStringConvertible {
    let node: String
    let folder: String

    package var description: String {
        "sending a command to '\(node)': the run in \(folder) has no such process that takes commands. Start one whose "
            + "manifest has it (\"record\", \"simulation\")."
    }
}
