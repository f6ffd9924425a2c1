import Messages
import Time

/// What one node does, between the shell that wakes it and the core that decides.
package protocol NodeBody {
    /// File descriptors that wake the node when they become readable, besides the bus.
    var wakeDescriptors: [Int32] { get }

    /// Runs once after every wake-up: takes what the subscriptions hold, hands it to the core, publishes the answers.
    /// - Returns: when to be woken at the latest, nil if only something new matters.
    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime?

    /// What it says about itself at this moment.
    func report() -> NodeReport

    /// Runs in place of `turn` once the node was asked to stop.
    /// - Returns: true when it may end.
    mutating func stop(at now: MonotonicTime) -> Bool
}

extension NodeBody {
    package var wakeDescriptors: [Int32] { [] }
    package mutating func stop(at now: MonotonicTime) -> Bool { true }
}

/// The part of a status that the node itself knows; the shell adds name, process and bus counters.
package struct NodeReport: Equatable, Sendable {
    package var state: NodeStatus.State
    package var headline: String
    package var counters: [NodeStatus.Counter]
    package var latencies: [NodeStatus.Latency]

    package init(
        _ state: NodeStatus.State, _ headline: String, counters: [NodeStatus.Counter] = [],
        latencies: [NodeStatus.Latency] = []
    ) {
        self.state = state
        self.headline = headline
        self.counters = counters
        self.latencies = latencies
    }
}
