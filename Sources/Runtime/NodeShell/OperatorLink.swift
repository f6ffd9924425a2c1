import Bus
import Manifests
import Time
import Wire

/// A program that comes and goes, such as `octo-arm stop`, beside a run: it hears every node, and those that it
/// commands hear it.
package final class OperatorLink {
    package let run: RunDescription
    package let bus: BusNode

    /// - Parameters:
    ///   - folder: of the run; nil for the one run that is alive.
    ///   - nodes: the processes that take the commands.
    ///   - name: of this program, in the envelope of what it sends.
    package init(run folder: String?, commanding nodes: [String], name: String) throws {
        run = try RunDescription.load(folder: RunSearch.folder(folder))
        var listeners: [String] = []
        for node in nodes {
            guard let listener = run.commandEndpoints[node] else { throw OperatorLinkError.takesNoCommands(node: node) }
            listeners.append(listener)
        }
        bus = try BusNode(
            BusOptions(
                node: name, runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted(), listeners: listeners)
        )
    }

    /// Waits until `node` hears `topic`, so that what is sent next arrives.
    /// - Throws: `.unheard` after `patience`.
    package func awaitHearing<Message>(
        on topic: Topic<Message>, by node: String, patience: Duration = .seconds(3)
    ) throws {
        let deadline = MonotonicTime.now() + patience
        while !bus.isHeard(on: topic) {
            let now = MonotonicTime.now()
            guard now < deadline else {
                throw OperatorLinkError.unheard(node: node, topic: topic.name, patience: patience)
            }
            try bus.wait(until: min(deadline, now + .milliseconds(20)))
        }
    }

    /// Sends a command, again and again in case it is lost, and waits for its answer.
    /// - Parameters:
    ///   - answers: where `node` answers.
    ///   - patience: beyond it there is no answer.
    ///   - isAnswer: whether it is the one to this command.
    /// - Throws: `.unheard`, `.unanswered`, `BusError`.
    package func exchange<Command, Answer>(
        _ command: Command, on topic: Topic<Command>, answers: Topic<Answer>, by node: String,
        patience: Duration = .seconds(3),
        isAnswer: (Answer) -> Bool
    ) throws -> Answer {
        let results = try bus.subscribe(answers)
        let publisher = bus.publisher(topic)
        try awaitHearing(on: topic, by: node)
        let deadline = MonotonicTime.now() + patience
        var nextTry = MonotonicTime.now()
        while MonotonicTime.now() < deadline {
            if MonotonicTime.now() >= nextTry {
                try publisher.publish(command, at: .now())
                nextTry = .now() + .milliseconds(300)
            }
            try bus.wait(until: nextTry)
            while let received = results.take() { if isAnswer(received.message) { return received.message } }
        }
        throw OperatorLinkError.unanswered(node: node, patience: patience)
    }
}

/// Why a command cannot be given.
package enum OperatorLinkError: Error, Equatable, CustomStringConvertible {
    case takesNoCommands(node: String)
    case unheard(node: String, topic: String, patience: Duration)
    case unanswered(node: String, patience: Duration)

    package var description: String {
        switch self {
        case .takesNoCommands(let node):
            "sending a command: the run has no command endpoint for '\(node)', expected one. It was started by another "
                + "version: start it again."
        case .unanswered(let node, let patience):
            "waiting for the answer of '\(node)': it did not come within \(patience), expected at once. See 'octo-bus "
                + "list' whether its process is alive."
        case .unheard(let node, let topic, let patience):
            "sending a command: '\(node)' did not listen on '\(topic)' within \(patience), expected at once. Its "
                + "process is not running, or hangs: see 'octo-bus list' and the launcher's output. If the arm moves, "
                + "switch its power off."
        }
    }
}
