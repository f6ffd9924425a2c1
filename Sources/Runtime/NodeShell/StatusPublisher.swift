import Bus
import CShims
import Messages
import Time
import Wire

/// Publishes a node's status, with what its connection counted.
final class StatusPublisher {
    private let name: String
    private let bus: BusNode
    private let publisher: Publisher<NodeStatus>

    init(name: String, bus: BusNode) {
        self.name = name
        self.bus = bus
        publisher = bus.publisher(Topics.nodeStatus(name))
    }

    func publish(_ state: NodeStatus.State, _ headline: String) throws(BusError) {
        try publish(NodeStatus(node: name, processID: 0, state: state, headline: headline), at: .now())
    }

    func publish(_ status: NodeStatus, at now: MonotonicTime) throws(BusError) {
        try publisher.publish(status.completed(by: name, processID: octo_clock_process(), bus.statistics), at: now)
    }
}

extension NodeStatus {
    /// The status as it is published: with the sender's name and process, and what its connection counted.
    package func completed(by name: String, processID: Int32, _ statistics: BusStatistics) -> NodeStatus {
        let counted = statistics.total
        let sent = statistics.published.sorted { $0.key < $1.key }
            .map { Counter(name: Self.sentPrefix + $0.key, value: $0.value) }
        let bus: [Counter] = [
            .init(name: "bus_lost", value: counted.lost.addingSaturating(counted.queueDropped)),
            .init(name: "bus_superseded", value: counted.superseded),
            .init(name: "bus_malformed", value: counted.malformed.addingSaturating(counted.unknown)),
        ]
        // Who came to its ports, by the name of the key.
        let visits =
            statistics.admittedConnections.sorted { $0.key < $1.key }
            .map { Counter(name: "let_in \($0.key)", value: $0.value) }
            + statistics.refusedMessages.sorted { $0.key < $1.key }
            .map { Counter(name: "refused \($0.key)", value: $0.value) }
            + (statistics.refusedConnections > 0
                ? [Counter(name: "refused_connections", value: statistics.refusedConnections)] : [])
        var complete = self
        complete.node = name
        complete.processID = processID
        complete.counters += bus + sent + visits
        // What cannot be said must not end the node.
        for index in complete.counters.indices {
            let limit = Self.largestCounter
            complete.counters[index].value = min(max(complete.counters[index].value, -limit), limit)
        }
        return complete
    }
}

/// When a node's status is due: twice a second, and at once when its state changes. Reads no clock.
package struct StatusPace {
    package static let period = Duration.milliseconds(500)

    package private(set) var state: NodeStatus.State
    /// Time at which the next status is due, whatever the state.
    package private(set) var nextTime: MonotonicTime

    package init(_ state: NodeStatus.State, at now: MonotonicTime) {
        self.state = state
        nextTime = now
    }

    /// Takes note of a state.
    /// - Returns: whether the status is to be published now, and whether its state is another one than before, which is
    ///   worth a line in the log. (A headline may count milliseconds: it goes out with the next status.)
    package mutating func take(_ new: NodeStatus.State, at now: MonotonicTime) -> (isDue: Bool, isNew: Bool) {
        let isNew = new != state
        state = new
        let isDue = isNew || now >= nextTime
        if isDue { nextTime = now + Self.period }
        return (isDue, isNew)
    }
}

/// Whether a node that was asked to stop gets on with what it still has to bring out: then it is not ended yet.
package struct StopProgress {
    private var least = Int.max

    package init() {}

    /// Takes note of what is left.
    /// - Parameter bytesLeft: number of bytes that are left to bring out; nil where a node brings nothing out.
    package mutating func getsOn(with bytesLeft: Int?) -> Bool {
        guard let bytesLeft, bytesLeft < least else { return false }
        least = bytesLeft
        return true
    }
}
