import Files
import JSONTree
import Messages
import Time

/// The end of a link that asks: begins a session, notices when it is lost, and begins the next. Touches no socket and
/// reads no clock.
///
/// Each session has a socket of its own: what was queued for the one before it goes with its socket, and what comes
/// late is of another session and dropped.
package struct LinkClient: Sendable {
    /// What the shell does, in order.
    package enum Action: Sendable {
        /// Open a new socket to the other machine.
        case open
        /// Close the socket, with all that is in it.
        case close
        case send(LinkMessage)
    }

    /// What has happened.
    package enum Event: Sendable {
        case opened(body: JSONNode, parts: [SharedBytes])
        /// The other machine prepares an answer, and says what it is about.
        case waiting(String)
        /// The other machine does not want to; `version` is its own. It is asked again.
        case refused(reason: String, version: String?)
        /// There was a session, or an attempt at one, and it is over. The next attempt follows by itself.
        case lost(reason: String, wasOpen: Bool)
        case data(body: JSONNode, parts: [SharedBytes])
    }

    /// What went through.
    package struct Counters: Equatable, Sendable {
        package var sessions = 0
        package var lost = 0
        /// Messages of another session.
        package var foreign = 0
        /// Messages that could not be understood.
        package var malformed = 0
    }

    private enum Phase {
        case pausing(until: MonotonicTime)
        case asking(since: MonotonicTime, lastHeard: MonotonicTime)
        case open(session: String, lastHeard: MonotonicTime)
        case left
    }

    private let timing: LinkTiming
    private let hello: LinkMessage
    private var phase: Phase
    private var nextBeat = MonotonicTime.zero
    private var pause: Duration
    private var echo: (sent: Int64, received: Int64)?
    private var events: [Event] = []
    private var estimate = ClockEstimate()
    package private(set) var counters = Counters()

    /// Prepares to ask.
    /// - Parameters:
    ///   - service: what is asked for: "policy".
    ///   - robot: name of the robot, for people.
    ///   - run: id of the run.
    ///   - body, parts: what the service wants to know.
    package init(
        service: String, robot: String, run: String, body: JSONNode, parts: [SharedBytes] = [],
        version: String = OctoRuntime.version, timing: LinkTiming = .init()
    ) {
        self.timing = timing
        pause = timing.pause
        phase = .pausing(until: .zero)
        hello = LinkMessage(
            header: .object([
                "k": JSONNode(LinkWord.hello), "protocol": JSONNode(LinkWord.protocolNumber),
                "version": JSONNode(version), "service": JSONNode(service), "robot": JSONNode(robot),
                "run": JSONNode(run), "body": body,
            ]), parts: parts)
    }

    package var isOpen: Bool { if case .open = phase { true } else { false } }

    /// The other machine's clock, as far as it is known in this session.
    package func clock(at now: MonotonicTime) -> ClockEstimate.Reading? { isOpen ? estimate.reading(at: now) : nil }

    /// When `tick` is due.
    package var nextTime: MonotonicTime? {
        switch phase {
        case .pausing(let until): until
        case .asking(_, let lastHeard): lastHeard + timing.answer
        case .open(_, let lastHeard): min(nextBeat, lastHeard + timing.silence)
        case .left: nil
        }
    }

    /// What has happened since the last time, oldest first.
    package mutating func takeEvents() -> [Event] {
        defer { events = [] }
        return events
    }

    /// Time has passed.
    package mutating func tick(at now: MonotonicTime) -> [Action] {
        switch phase {
        case .pausing(let until) where now >= until:
            phase = .asking(since: now, lastHeard: now)
            estimate = ClockEstimate()
            echo = nil
            return [.open, .send(hello)]
        case .asking(_, let lastHeard) where now >= lastHeard + timing.answer:
            return lose("it does not answer", wasOpen: false, at: now)
        case .open(_, let lastHeard) where now >= lastHeard + timing.silence:
            return lose("it was silent for \(Int((now - lastHeard).inMilliseconds)) ms", wasOpen: true, at: now)
        case .open(let session, _) where now >= nextBeat:
            nextBeat = now + timing.beat
            return [.send(LinkWord.beat(session: session, at: now.nanoseconds, echo: echo))]
        case .pausing, .asking, .open, .left: return []
        }
    }

    /// Something came from the other machine, by the socket that was opened last.
    package mutating func received(_ message: LinkMessage, at now: MonotonicTime) -> [Action] {
        switch (message.kind, phase) {
        case (LinkWord.welcome, .asking):
            guard let session = message.session, session.utf8.count == 16 else { return count(\.malformed) }
            phase = .open(session: session, lastHeard: now)
            nextBeat = now + timing.beat
            pause = timing.pause
            counters.sessions += 1
            events.append(.opened(body: message.body, parts: message.parts))
            return [.send(LinkWord.beat(session: session, at: now.nanoseconds, echo: nil))]
        case (LinkWord.wait, .asking(let since, _)):
            let patience = message.header["patience_ms"]?.int.map { Duration.milliseconds(min(max($0, 0), 60_000)) }
            phase = .asking(since: since, lastHeard: now + max((patience ?? .zero) - timing.answer, .zero))
            events.append(.waiting(LinkWord.reason(in: message)))
            return []
        case (LinkWord.refused, .asking):
            let version = message.header["version"]?.string.map { String($0.prefix(40)) }
            events.append(.refused(reason: LinkWord.reason(in: message), version: version))
            phase = .pausing(until: now + timing.longestPause)
            return [.close]
        case (_, .open(let session, _)):
            guard message.session == session else { return count(\.foreign) }
            return receivedInSession(message, session, at: now)
        case (_, .pausing), (_, .asking), (_, .left): return count(\.foreign)
        }
    }

    private mutating func receivedInSession(
        _ message: LinkMessage, _ session: String, at now: MonotonicTime
    ) -> [Action] {
        switch message.kind {
        case LinkWord.beat:
            guard let sent = message.header["sent_ns"]?.int else { return count(\.malformed) }
            phase = .open(session: session, lastHeard: now)
            echo = (Int64(sent), now.nanoseconds)
            if let asked = message.header["echo_sent_ns"]?.int, let heard = message.header["echo_received_ns"]?.int {
                estimate.add(
                    asked: MonotonicTime(nanoseconds: Int64(asked)), heard: MonotonicTime(nanoseconds: Int64(heard)),
                    answered: MonotonicTime(nanoseconds: Int64(sent)), back: now)
            }
            return []
        case LinkWord.data:
            phase = .open(session: session, lastHeard: now)
            events.append(.data(body: message.body, parts: message.parts))
            return []
        case LinkWord.bye: return lose("it ended the session: \(LinkWord.reason(in: message))", wasOpen: true, at: now)
        default: return count(\.malformed)
        }
    }

    private mutating func count(_ counter: WritableKeyPath<Counters, Int>) -> [Action] {
        counters[keyPath: counter] += 1
        return []
    }

    private mutating func lose(_ reason: String, wasOpen: Bool, at now: MonotonicTime) -> [Action] {
        if wasOpen { counters.lost += 1 }
        events.append(.lost(reason: reason, wasOpen: wasOpen))
        phase = .pausing(until: now + pause)
        pause = min(pause * 2, timing.longestPause)
        return [.close]
    }

    /// Says something in the session; nothing where there is none.
    package func send(body: JSONNode, parts: [SharedBytes] = []) -> [Action] {
        guard case .open(let session, _) = phase else { return [] }
        let data = LinkClient.Action.send(LinkWord.data(session: session, body: body, parts: parts))
        // Beats wait behind what is long on a slow line; those of the other direction tell when it is dead.
        let patience = timing.patience(forBytes: parts.reduce(0) { $0 + $1.count })
        guard patience > .zero else { return [data] }
        let ahead = LinkMessage(
            header: .object([
                "k": JSONNode(LinkWord.wait), "session": JSONNode(session),
                "patience_ms": JSONNode(Int(patience.inMilliseconds)),
            ]))
        return [.send(ahead), data]
    }

    /// Begins the session anew at once, since what was said cannot be trusted.
    package mutating func restart(reason: String, at now: MonotonicTime) -> [Action] {
        guard case .open(let session, _) = phase else { return [] }
        return [.send(LinkWord.bye(session: session, reason: reason))] + lose(reason, wasOpen: true, at: now)
    }

    /// Ends the session for good.
    package mutating func leave(reason: String) -> [Action] {
        defer { phase = .left }
        switch phase {
        case .open(let session, _): return [.send(LinkWord.bye(session: session, reason: reason)), .close]
        case .asking: return [.close]
        case .pausing, .left: return []
        }
    }
}
