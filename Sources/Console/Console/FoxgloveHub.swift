import Bus
import Messages
import Time

/// All Foxglove viewers: one catalogue of topics, and a session for each.
package struct FoxgloveHub: Sendable {
    private var catalogue: FoxgloveCatalogue
    private var sessions: [Int: FoxgloveSession] = [:]
    private var count = 0

    /// Begins without a run.
    /// - Parameter console: another text at each start of the console.
    package init(console: String) { catalogue = FoxgloveCatalogue(console: console) }

    /// Turns to another run; nil: there is none.
    package mutating func turn(to run: FoxgloveRun?) {
        catalogue.begin(run)
        for id in sessions.keys { sessions[id]?.follow(catalogue) }
    }

    /// A viewer has connected.
    /// - Returns: its number.
    package mutating func join() -> Int {
        count += 1
        sessions[count] = FoxgloveSession(catalogue)
        return count
    }

    package mutating func leave(_ id: Int) { sessions[id] = nil }

    /// Takes a message of the bus: nothing is made of it that nobody wants.
    package mutating func receive(_ message: RawMessage) {
        guard let run = catalogue.run, message.envelope.runID == run.id else { return }
        let made = catalogue.receive(
            topic: message.topic, envelope: message.envelope, body: message.body, bulk: message.bulk
        ) { [sessions] channel in sessions.values.contains { $0.wants(channel) } }
        for id in sessions.keys {
            sessions[id]?.follow(catalogue)
            if let made { sessions[id]?.offer(made) }
        }
    }

    /// A viewer says something.
    package mutating func receive(_ message: SocketMessage, from id: Int) {
        sessions[id]?.receive(message, in: catalogue)
    }

    /// The message that is to be sent to a viewer next; nil for none.
    package mutating func next(for id: Int, at now: MonotonicTime) -> SocketMessage? { sessions[id]?.next(at: now) }

    /// Numbers of the viewers that are connected.
    package var viewers: [Int] { Array(sessions.keys) }
}
