import Messages
import Time

/// What one node does, between the shell that wakes it and the core that decides.
package protocol NodeBody {
    /// File descriptors that wake the node when they become readable, besides the bus.
    var wakeDescriptors: [Int32] { get }

    /// Runs once after every wake-up: takes what the subscriptions hold, hands it to the core, publishes the answers.
    /// - Returns: when to be woken at the latest, nil if only something new matters.
    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime?

    /// What it says about itself at this moment; the shell adds what the bus counted.
    func status(at now: MonotonicTime) -> NodeStatus

    /// Runs in place of `turn` once the node was asked to stop.
    /// - Returns: true when it may end.
    mutating func stop(at now: MonotonicTime) -> Bool

    /// Bytes that a node which was asked to stop still has to bring out; as long as they get fewer it is waited for.
    var bytesLeft: Int? { get }
}

extension NodeBody {
    package var wakeDescriptors: [Int32] { [] }
    package mutating func stop(at now: MonotonicTime) -> Bool { true }
    package var bytesLeft: Int? { nil }
}
