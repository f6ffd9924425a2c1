import Files
import JSONTree
import Messages
import Time

/// Somebody who is connected.
package struct LinkPeer: Hashable, Sendable {
    /// How the socket calls the connection; another one for each.
    package var routingID: [UInt8]
    /// Its key with the name on the allow-list; "" where no keys are asked for.
    package var identity: String

    /// The name of its key on the allow-list, for people.
    package var name: String { String(identity.prefix { $0 != " " }) }

    package init(routingID: [UInt8], identity: String) {
        self.routingID = routingID
        self.identity = identity
    }
}

/// What somebody asks who wants a session.
package struct LinkQuestion: Sendable {
    package var service: String
    package var robot: String
    package var run: String
    package var body: JSONNode
    package var parts: [SharedBytes]
}

/// The end of a link that answers, any number of others up to a limit. Touches no socket and reads no clock.
package struct LinkServer: Sendable {
    /// Sessions, and questions that wait for an answer.
    package static let mostSessions = 64
    /// Of those, one key's: nobody keeps all others out.
    package static let mostSessionsOfAKey = 32
    private static let longestName = 200

    /// Something to be said to somebody.
    package struct Saying: Sendable {
        package var peer: LinkPeer
        package var message: LinkMessage
    }

    /// What has happened.
    package enum Event: Sendable {
        /// Somebody wants a session: answered by `accept` or `refuse`, and by `wait` meanwhile.
        case asked(LinkPeer, LinkQuestion)
        case left(session: String, peer: LinkPeer, reason: String)
        /// Somebody who waited for an answer does not any more.
        case gaveUp(LinkPeer)
        case data(session: String, body: JSONNode, parts: [SharedBytes])
    }

    /// What went through.
    package struct Counters: Equatable, Sendable {
        package var sessions = 0
        package var refused = 0
        /// Messages of no session, or of one that is not the sender's.
        package var foreign = 0
        package var malformed = 0
    }

    private struct Session: Sendable {
        let peer: LinkPeer
        var lastHeard: MonotonicTime
        var nextBeat: MonotonicTime
        var echo: (sent: Int64, received: Int64)?
    }

    private let version: String
    private let timing: LinkTiming
    private var sessions: [String: Session] = [:]
    private var peers: [LinkPeer: String] = [:]
    /// Who asked and was not answered, and when an answer is not waited for any more.
    private var asking: [LinkPeer: MonotonicTime] = [:]
    private var generator: any RandomNumberGenerator & Sendable
    private var events: [Event] = []
    package private(set) var counters = Counters()

    package init(
        version: String = OctoRuntime.version, timing: LinkTiming = .init(),
        using generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.version = version
        self.timing = timing
        self.generator = generator
    }

    /// The ids of the sessions that are open, in alphabetical order.
    package var openSessions: [String] { sessions.keys.sorted() }
    package func peer(of session: String) -> LinkPeer? { sessions[session]?.peer }

    /// When `tick` is due; nil: nobody is there.
    package var nextTime: MonotonicTime? {
        let times = sessions.values.map { min($0.nextBeat, $0.lastHeard + timing.silence) } + asking.values
        return times.min()
    }

    /// What has happened since the last time, oldest first.
    package mutating func takeEvents() -> [Event] {
        defer { events = [] }
        return events
    }

    /// Something came.
    package mutating func received(_ message: LinkMessage, from peer: LinkPeer, at now: MonotonicTime) -> [Saying] {
        if message.kind == LinkWord.hello { return greeted(message, by: peer, at: now) }
        guard let id = message.session, let session = sessions[id], session.peer == peer else {
            counters.foreign += 1
            return []
        }
        switch message.kind {
        case LinkWord.beat:
            guard let sent = message.header["sent_ns"]?.int else { return malformed() }
            sessions[id]?.lastHeard = now
            sessions[id]?.echo = (Int64(sent), now.nanoseconds)
            // Answered at once: the other end has its clock from this one's.
            return beat(id, at: now)
        case LinkWord.wait:
            guard let patience = message.header["patience_ms"]?.int, patience >= 0 else { return malformed() }
            let heard = now + min(.milliseconds(patience), timing.welcome)
            sessions[id]?.lastHeard = heard
            return []
        case LinkWord.data:
            sessions[id]?.lastHeard = now
            events.append(.data(session: id, body: message.body, parts: message.parts))
            return []
        case LinkWord.bye:
            end(id, "it ended the session: \(LinkWord.reason(in: message))")
            return []
        default: return malformed()
        }
    }

    private mutating func malformed() -> [Saying] {
        counters.malformed += 1
        return []
    }

    private mutating func greeted(_ message: LinkMessage, by peer: LinkPeer, at now: MonotonicTime) -> [Saying] {
        let header = message.header
        guard let theirs = header["version"]?.string, let service = header["service"]?.string,
            let robot = header["robot"]?.string, let run = header["run"]?.string
        else { return malformed() }
        guard theirs == version, header["protocol"]?.int == LinkWord.protocolNumber else {
            return [
                refusal(
                    of: peer,
                    "the robot has version \(theirs.prefix(40)) of Octo Runtime and this machine has \(version); "
                        + "both need the same")
            ]
        }
        // A connection has one session: whoever asks again has lost the first.
        if let id = peers[peer] { end(id, "it asked anew") }
        guard asking[peer] == nil else { return malformed() }
        guard sessions.count + asking.count < Self.mostSessions else {
            return [refusal(of: peer, "this machine answers \(Self.mostSessions) already")]
        }
        let ofThatKey = (Array(peers.keys) + Array(asking.keys)).count { $0.name == peer.name }
        guard peer.name.isEmpty || ofThatKey < Self.mostSessionsOfAKey else {
            return [refusal(of: peer, "\(Self.mostSessionsOfAKey) sessions of that key are open already")]
        }
        asking[peer] = now + timing.answer
        events.append(
            .asked(
                peer,
                LinkQuestion(
                    service: service, robot: String(robot.prefix(Self.longestName)),
                    run: String(run.prefix(Self.longestName)), body: message.body, parts: message.parts)))
        return []
    }

    private mutating func refusal(of peer: LinkPeer, _ reason: String) -> Saying {
        counters.refused += 1
        return Saying(
            peer: peer,
            message: LinkMessage(
                header: .object([
                    "k": JSONNode(LinkWord.refused), "version": JSONNode(version), "reason": JSONNode(reason),
                ])))
    }

    /// Gives a session to somebody who asked.
    /// - Returns: its id, and what to say; nil where nobody waits for one any more.
    package mutating func accept(
        _ peer: LinkPeer, body: JSONNode, parts: [SharedBytes] = [], at now: MonotonicTime
    ) -> (session: String, sayings: [Saying])? {
        guard asking.removeValue(forKey: peer) != nil else { return nil }
        var id: String
        repeat {
            let digits = String(generator.next(), radix: 16)
            id = String(repeating: "0", count: 16 - digits.count) + digits
        } while sessions[id] != nil
        // The answer may be long, and the line slow: silence counts from when it must be there.
        sessions[id] = Session(peer: peer, lastHeard: now + timing.welcome, nextBeat: now + timing.beat)
        peers[peer] = id
        counters.sessions += 1
        let header: JSONNode = .object([
            "k": JSONNode(LinkWord.welcome), "version": JSONNode(version), "session": JSONNode(id), "body": body,
        ])
        let ahead = LinkMessage(
            header: .object([
                "k": JSONNode(LinkWord.wait), "reason": "its answer is on the way",
                "patience_ms": JSONNode(Int(timing.welcome.inMilliseconds)),
            ]))
        return (id, [ahead, LinkMessage(header: header, parts: parts)].map { Saying(peer: peer, message: $0) })
    }

    /// Tells somebody who asked that there is no session for them.
    package mutating func refuse(_ peer: LinkPeer, reason: String) -> [Saying] {
        guard asking.removeValue(forKey: peer) != nil else { return [] }
        return [refusal(of: peer, reason)]
    }

    /// Tells somebody who asked what the answer waits for. Say it every second: who hears nothing gives up.
    package mutating func wait(_ peer: LinkPeer, reason: String, at now: MonotonicTime) -> [Saying] {
        guard asking[peer] != nil else { return [] }
        asking[peer] = now + timing.answer
        return [
            Saying(
                peer: peer,
                message: LinkMessage(
                    header: .object(["k": JSONNode(LinkWord.wait), "reason": JSONNode(reason)])))
        ]
    }

    /// Says something in a session; nothing where there is none.
    package func send(body: JSONNode, parts: [SharedBytes] = [], in session: String) -> [Saying] {
        guard let peer = sessions[session]?.peer else { return [] }
        return [Saying(peer: peer, message: LinkWord.data(session: session, body: body, parts: parts))]
    }

    /// Time has passed.
    package mutating func tick(at now: MonotonicTime) -> [Saying] {
        for (peer, end) in asking where now >= end {
            asking[peer] = nil
            events.append(.gaveUp(peer))
        }
        var sayings: [Saying] = []
        for id in openSessions {
            guard let session = sessions[id] else { continue }
            if now >= session.lastHeard + timing.silence {
                let reason = "it was silent for \(Int((now - session.lastHeard).inMilliseconds)) ms"
                // Where only one direction is dead the other end learns it so.
                sayings.append(Saying(peer: session.peer, message: LinkWord.bye(session: id, reason: reason)))
                end(id, reason)
            } else if now >= session.nextBeat {
                sayings += beat(id, at: now)
            }
        }
        return sayings
    }

    private mutating func beat(_ id: String, at now: MonotonicTime) -> [Saying] {
        guard let session = sessions[id] else { return [] }
        let next = now + timing.beat
        sessions[id]?.nextBeat = next
        return [
            Saying(
                peer: session.peer, message: LinkWord.beat(session: id, at: now.nanoseconds, echo: session.echo))
        ]
    }

    /// Ends a session, and says so.
    package mutating func dismiss(_ session: String, reason: String) -> [Saying] {
        guard let peer = sessions[session]?.peer else { return [] }
        end(session, reason)
        return [Saying(peer: peer, message: LinkWord.bye(session: session, reason: reason))]
    }

    /// Ends the sessions, and the waiting, of all whom `admits` does not let in any more: their key was revoked.
    package mutating func judge(_ admits: (LinkPeer) -> Bool) -> [Saying] {
        for peer in asking.keys where !admits(peer) {
            asking[peer] = nil
            events.append(.gaveUp(peer))
        }
        return openSessions.flatMap { id -> [Saying] in
            guard let peer = sessions[id]?.peer, !admits(peer) else { return [] }
            return dismiss(id, reason: "its key is not allowed any more")
        }
    }

    private mutating func end(_ id: String, _ reason: String) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        peers[session.peer] = nil
        events.append(.left(session: id, peer: session.peer, reason: reason))
    }
}
