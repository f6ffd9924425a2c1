import Files
import JSONTree
import Messages
import Time

/// A robot's node that runs on another machine, as the robot has it: a process like any other, which ends as the node
/// ends, and speaks for it while nobody can hear it. Touches no socket and reads no clock.
package struct AwayNode: Sendable {
    /// What the shell does, in order.
    package enum Action: Sendable {
        /// Say it over the link.
        case say(JSONNode, [SharedBytes])
        /// What the other end's bus has for this one.
        case arrival(BusRelay.Arrival)
        /// Words of the node or about it.
        case line(String)
        /// End with this exit code.
        case end(Int32)
    }

    private enum Phase {
        /// No session.
        case waiting(String)
        /// There is a session; the node is not started yet.
        case open
        /// The node runs, and speaks for itself.
        case running
        case ended
    }

    private static let lookPeriod = Duration.milliseconds(100)

    private let node: String
    private let host: String
    private let isNewestOnly: @Sendable (String) -> Bool
    private var phase: Phase
    private var relay: BusRelay
    private var interests: [String] = []
    private var hasRun = false
    private var isStopping = false
    private var toldOffset: Duration?
    private var nextLook = MonotonicTime.zero
    /// Messages that made way in all sessions before this one.
    private var droppedBefore = 0

    /// Prepares to speak for a node.
    /// - Parameters:
    ///   - host: the other machine in words: "big (192.168.1.20:7401)".
    ///   - isNewestOnly: whether of this topic only the newest message counts.
    package init(node: String, host: String, isNewestOnly: @escaping @Sendable (String) -> Bool) {
        self.node = node
        self.host = host
        self.isNewestOnly = isNewestOnly
        phase = .waiting("has not answered yet")
        relay = BusRelay(isNewestOnly: isNewestOnly)
    }

    /// What is asked of the other machine.
    /// - Parameters:
    ///   - run: the run's description, as the launcher wrote it.
    ///   - bootID: names this machine's clock.
    ///   - process: the process that stands for the node here.
    package static func question(node: String, run: JSONNode, bootID: String, process: Int32) -> JSONNode {
        .object([
            "node": JSONNode(node), "run": run, "boot_id": JSONNode(bootID), "process": JSONNode(Int(process)),
        ])
    }

    /// What is to be said of the node as long as it cannot speak for itself; nil when it can.
    package var status: NodeStatus? {
        let state: NodeStatus.State = isStopping ? .stopping : hasRun ? .degraded : .starting
        let headline: String
        switch phase {
        case .running, .ended: return nil
        case .waiting(let reason): headline = "waits for \(host), which \(reason)"
        case .open: headline = "is started on \(host)"
        }
        let counters = [NodeStatus.Counter(name: "relay_dropped", value: Int64(droppedBefore + relay.dropped))]
        return NodeStatus(node: node, processID: 0, state: state, headline: headline, counters: counters)
    }

    // MARK: What happens

    /// A session has begun.
    package mutating func opened(at now: MonotonicTime) -> [Action] {
        phase = .open
        droppedBefore += relay.dropped
        relay = BusRelay(isNewestOnly: isNewestOnly)
        relay.listen(to: interests)
        toldOffset = nil
        nextLook = now + Self.lookPeriod
        return isStopping ? [.end(0)] : []
    }

    /// The other machine does not want to; it is asked again.
    package mutating func refused(_ reason: String) -> [Action] { wait("refuses: \(reason)") }

    /// The session is over; the node over there ends by itself.
    package mutating func lost(_ reason: String) -> [Action] {
        guard !isStopping else { return end(0) }
        return wait("cannot be reached: \(reason)")
    }

    private mutating func wait(_ reason: String) -> [Action] {
        if case .ended = phase { return [] }
        let isNews = if case .waiting(let before) = phase { before != reason } else { true }
        phase = .waiting(reason)
        // Nobody over there listens any more; who comes next asks anew.
        return [.arrival(.interests([]))]
            + (isNews ? [.line("warning: \(node) waits for \(host), which \(reason)")] : [])
    }

    /// What has to be added to the other machine's clock to have this one's, as far as known.
    package mutating func clock(_ offset: Duration, uncertainty: Duration) -> [Action] {
        switch phase {
        case .waiting, .ended: return []
        case .open, .running: break
        }
        guard offset != toldOffset else { return [] }
        toldOffset = offset
        return [
            .say(
                .object([
                    "t": "clock", "offset_ns": JSONNode(offset.nanoseconds),
                    "uncertainty_ns": JSONNode(uncertainty.nanoseconds),
                ]), [])
        ]
    }

    /// A message of this side's bus.
    package mutating func take(_ message: RelayedMessage) -> [Action] {
        guard case .running = phase else { return [] }
        relay.take(message)
        return flush()
    }

    /// All the prefixes that somebody on this side listens to at the node.
    package mutating func listen(to prefixes: [String]) -> [Action] {
        interests = prefixes
        switch phase {
        case .waiting, .ended: return []
        case .open, .running:
            relay.listen(to: prefixes)
            return flush()
        }
    }

    /// What the other end said.
    package mutating func received(_ body: JSONNode, _ parts: [SharedBytes]) -> [Action] {
        switch body["t"]?.string {
        case BusRelay.kind:
            let arrivals = relay.received(body, parts: parts)
            return arrivals.map(Action.arrival) + flush()
        case "line": return body["text"]?.string.map { [.line($0)] } ?? []
        case "started":
            phase = .running
            hasRun = true
            return flush()
        case "exited":
            if let code = body["code"]?.int.flatMap(Int32.init(exactly:)) { return end(code) }
            let signal = body["signal"]?.int.map(String.init) ?? "?"
            return [.line("error: \(node) was ended on \(host) by signal \(signal)")] + end(isStopping ? 0 : 1)
        default: return []
        }
    }

    /// The node shall end. Where there is nobody to end, this does.
    package mutating func stop() -> [Action] {
        guard !isStopping else { return [] }
        isStopping = true
        switch phase {
        case .waiting, .ended: return end(0)
        case .open, .running: return [.say(.object(["t": "stop"]), [])]
        }
    }

    /// Time has passed.
    package mutating func tick(at now: MonotonicTime) -> [Action] {
        switch phase {
        case .waiting, .ended: return []
        case .open, .running: break
        }
        guard now >= nextLook else { return [] }
        nextLook = now + Self.lookPeriod
        return (relay.lookAgain().map { [.say($0.body, $0.parts)] } ?? []) + flush()
    }

    private mutating func end(_ code: Int32) -> [Action] {
        phase = .ended
        return [.end(code)]
    }

    private mutating func flush() -> [Action] {
        var actions: [Action] = []
        while let saying = relay.next() { actions.append(.say(saying.body, saying.parts)) }
        return actions
    }
}
