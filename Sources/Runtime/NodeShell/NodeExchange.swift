import Manifests
import Time

/// When a command to a node is said, when it is said again, and when it is given up. Reads no clock and no socket.
///
/// Whoever carries it out asks for a `step` whenever the last one's wait is over or something has arrived, and stops
/// when the answer is there.
package struct NodeExchange: Sendable {
    package enum Step: Equatable, Sendable {
        /// Say the command now, then ask for the next step.
        case say
        /// Wait for what arrives, until this time.
        case wait(until: MonotonicTime)
        case giveUp(NodeSilence)
    }
    /// How long a node has for an answer; it needs some milliseconds.
    package static let patience = Duration.seconds(3)
    /// How soon a command is said again, in case it was lost.
    package static let repeatPeriod = Duration.milliseconds(300)
    /// How often it is asked whether the node hears us: nothing wakes us when it begins to.
    private static let hearingPeriod = Duration.milliseconds(20)

    private let node: String
    private let topic: String
    private let patience: Duration
    private let answerPatience: Duration
    private let repeatPeriod: Duration?
    private var deadline: MonotonicTime
    private var wasHeard = false
    /// Time at which the command is said next; nil when it is not said again.
    private var nextTry: MonotonicTime?

    /// Begins to command a node.
    /// - Parameters:
    ///   - node: name of the process that is commanded.
    ///   - topic: name of the topic on which it takes commands.
    ///   - patience: time that it has until it listens, and again for its answer.
    ///   - isLimitedInAll: whether it has `patience` only once, for both.
    ///   - repeatPeriod: time after which the command is said again; nil for one that is said once.
    package init(
        with node: String, on topic: String, patience: Duration = Self.patience, isLimitedInAll: Bool = false,
        repeatPeriod: Duration? = Self.repeatPeriod, at now: MonotonicTime
    ) {
        self.node = node
        self.topic = topic
        self.patience = patience
        self.repeatPeriod = repeatPeriod
        answerPatience = isLimitedInAll ? .zero : patience
        deadline = now + patience
        nextTry = now
    }

    /// Decides what is to be done now: say the command, wait, or give up.
    /// - Parameter isHeard: whether the node listens at this moment.
    package mutating func step(isHeard: Bool, at now: MonotonicTime) -> Step {
        if isHeard, !wasHeard {
            wasHeard = true
            deadline = max(deadline, now + answerPatience)
        }
        guard now < deadline else {
            return .giveUp(NodeSilence(of: [node], for: patience, unheardOn: wasHeard ? nil : topic))
        }
        guard isHeard else { return .wait(until: min(deadline, now + Self.hearingPeriod)) }
        guard let due = nextTry else { return .wait(until: deadline) }
        guard now >= due else { return .wait(until: min(deadline, due)) }
        nextTry = repeatPeriod.map { now + $0 }
        return .say
    }
}

/// Nodes that say nothing.
package struct NodeSilence: Error, Equatable, Sendable, CustomStringConvertible {
    private let nodes: [String]
    private let missing: String
    private let patience: Duration
    /// Topic on which nobody listens; nil where somebody does, or nothing was said.
    private let unheardTopic: String?

    /// Describes nodes that were waited for in vain.
    /// - Parameters:
    ///   - nodes: names of the processes that were waited for.
    ///   - missing: what was expected of them: "answer", "frame".
    package init(of nodes: [String], missing: String = "answer", for patience: Duration, unheardOn topic: String? = nil)
    {
        self.nodes = nodes
        self.missing = missing
        self.patience = patience
        unheardTopic = topic
    }

    package var description: String {
        let names = nodes.map { "'\($0)'" }.joined(separator: ", ")
        let seconds = patience.inSeconds
        let time = seconds.decimals(seconds == seconds.rounded() ? 0 : 1)
        return "no \(missing) from \(names) within \(time) s"
            + (unheardTopic.map { ": nobody listens on '\($0)'" } ?? "")
            + "; \(nodes.count == 1 ? "is it" : "are they") running? See octo-bus list."
            + (nodes.contains(Manifest.armNode) ? " If the arm moves, switch its power off." : "")
    }
}
