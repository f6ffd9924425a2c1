import Files
import JSONTree
import Link
import Manifests
import Messages
import Policy
import Time

/// What the policy node has to do with another machine: its session, what it asks there, and what it says of both.
/// Touches no socket and reads no clock.
struct RemoteConversation: Sendable {
    /// Why the node can not go on.
    enum Problem: Error, Equatable, CustomStringConvertible {
        /// The checkpoint there is another one than before.
        case changed(host: String, differences: [String])
        case unreadable(host: String, found: String)
        case link(host: String, found: String)

        var description: String {
            switch self {
            case .changed(let host, let differences):
                "asking \(host) again: found another checkpoint than before (\(differences.joined(separator: "; "))), "
                    + "expected the same. The node has to begin anew with it."
            case .unreadable(let host, let found):
                "reading what \(host) says of its checkpoint: found \(found). Both machines need the same version of "
                    + "Octo Runtime."
            case .link(let host, let found):
                "keeping the link to \(host): \(found)"
            }
        }
    }

    private enum Condition: Sendable {
        case connecting
        case preparing(String)
        case refused(String)
        case broken(String)
        case silent
        case open
    }

    /// Name of the machine with its place.
    private let host: String
    private var client: LinkClient
    private var asking: any RemoteAsking
    private var condition = Condition.connecting
    /// What the first session began with.
    private var first: (body: JSONNode, parts: [SharedBytes])?
    private var answers: [InferenceAnswer] = []
    private(set) var offer: PolicyOffer?
    private(set) var problem: Problem?

    /// Prepares to ask.
    /// - Parameter host: the machine's name with its place, for people.
    init(host: String, client: LinkClient, asking: any RemoteAsking) {
        self.host = host
        self.client = client
        self.asking = asking
    }

    /// When `tick` is due.
    var nextTime: MonotonicTime? { client.nextTime }

    /// Time has passed.
    mutating func tick(at now: MonotonicTime) -> [LinkClient.Action] {
        asking.tick(at: now)
        return client.tick(at: now) + digest(at: now)
    }

    /// Something came from the other machine.
    mutating func received(_ message: LinkMessage, at now: MonotonicTime) -> [LinkClient.Action] {
        client.received(message, at: now) + digest(at: now)
    }

    /// Asks for a chunk.
    mutating func ask(_ request: PolicyNodeCore.Request, at now: MonotonicTime) -> [LinkClient.Action] {
        asking.ask(request, at: now)
        return digest(at: now)
    }

    /// Ends the session for good.
    mutating func leave() -> [LinkClient.Action] { client.leave(reason: "the robot's run ends") }

    /// The socket failed, which nothing mends.
    mutating func fail(_ found: String) { problem = problem ?? .link(host: host, found: found) }

    /// Chunks and failures since the last time, oldest first.
    mutating func takeAnswers() -> [InferenceAnswer] {
        defer { answers = [] }
        return answers
    }

    private mutating func digest(at now: MonotonicTime) -> [LinkClient.Action] {
        for event in client.takeEvents() {
            switch event {
            case .opened(let body, let parts): opened(body, parts, at: now)
            case .waiting(let reason): condition = .preparing(reason)
            case .refused(let reason, _): condition = .refused(reason)
            case .lost(let reason, let wasOpen):
                // Who has answered before is where it was: nobody is to look for another address.
                condition = wasOpen || first != nil ? .broken(reason) : .silent
                if wasOpen { asking.lost(reason: "the link to \(host) broke: \(reason)", at: now) }
            case .data(let body, let parts): asking.received(body: body, parts: parts, at: now)
            }
        }
        answers += asking.takeAnswers()
        return asking.takeSayings().flatMap { client.send(body: $0.body, parts: $0.parts) }
    }

    /// Takes what a session begins with. Another checkpoint than that of the first one has other numbers, which the
    /// arm must not get in the middle of a run.
    private mutating func opened(_ body: JSONNode, _ parts: [SharedBytes], at now: MonotonicTime) {
        condition = .open
        if let first {
            var differences = ManifestDifference(here: first.body, there: body).entries.map { entry in
                let shown = { (node: JSONNode?) in node.map { String($0.text().prefix(80)) } ?? "nothing" }
                return "\(entry.path.description.dropFirst(2)): \(shown(entry.here)) before, \(shown(entry.there)) now"
            }
            if !Self.areSame(first.parts, parts) { differences.append("the tokenizer's model is another") }
            if !differences.isEmpty {
                problem = problem ?? .changed(host: host, differences: Array(differences.prefix(20)))
                return
            }
        }
        do {
            let offer = try asking.opened(body: body, parts: parts, at: now)
            if first == nil { self.offer = offer }
            first = first ?? (body, parts)
        } catch {
            problem = problem ?? .unreadable(host: host, found: "\(error)")
        }
    }

    private static func areSame(_ a: [SharedBytes], _ b: [SharedBytes]) -> Bool {
        a.count == b.count
            && zip(a, b).allSatisfy { first, second in
                withExtendedLifetime((first, second)) { first.bytes.elementsEqual(second.bytes) }
            }
    }

    // MARK: - Status

    /// What keeps the other machine from computing; nil while it does.
    private var obstacle: String? {
        switch condition {
        case .open: nil
        case .connecting: "waits for \(host)"
        case .preparing(let reason): "waits for \(host): \(reason)"
        case .refused(let reason): "\(host) refuses: \(reason)"
        case .broken(let reason): "the link to \(host) broke: \(reason)"
        case .silent:
            "\(host) does not answer: wrong address, or this key is not allowed there: octo-bus keys allow NAME 'KEY' "
                + "--role robot, with the KEY that 'octo-bus keys show' prints here"
        }
    }

    /// Adds what there is to say of the link. A node that was ready is degraded without it, one that never was goes on
    /// starting.
    func report(in status: inout NodeStatus, at now: MonotonicTime) {
        if let obstacle {
            status.headline = obstacle
            if status.state == .ready { status.state = .degraded }
        } else if status.state == .ready {
            status.headline += " on \(host)"
        }
        let counters = client.counters
        status.counters += [
            .init(name: "link_open", value: client.isOpen ? 1 : 0),
            .init(name: "link_sessions", value: Int64(counters.sessions)),
            .init(name: "link_lost", value: Int64(counters.lost)),
            .init(name: "link_foreign", value: Int64(counters.foreign)),
            .init(name: "link_malformed", value: Int64(counters.malformed)),
        ]
        if let clock = client.clock(at: now) {
            status.counters += [
                .init(name: "link_round_trip_ns", value: clock.roundTrip.nanoseconds),
                .init(name: "link_clock_offset_ns", value: clock.offset.nanoseconds),
                .init(name: "link_clock_uncertainty_ns", value: clock.uncertainty.nanoseconds),
            ]
        }
        status.counters += asking.counters
        status.latencies += asking.latencies
    }
}
