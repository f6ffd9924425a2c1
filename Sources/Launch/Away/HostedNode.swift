import Files
import JSONTree
import Time

/// A robot's node as the machine has it that it runs on: started when the robot's clock is known, ended when the robot
/// says so or is not there any more. Touches no process and reads no clock.
package struct HostedNode: Sendable {
    /// What the shell does, in order.
    package enum Action: Sendable {
        /// Start the node's program, which lives by the clock with this offset; answered by `started` or `notStarted`.
        case start(offset: Duration)
        /// Ask it to stop (SIGTERM).
        case terminate
        /// End it (SIGKILL).
        case kill
        /// What has to be added to this machine's clock from now on.
        case clock(Duration)
        case say(JSONNode, [SharedBytes])
        /// What the robot's bus has for the node.
        case arrival(BusRelay.Arrival)
        /// Nothing is left to do: forget it.
        case forget
    }

    private enum Phase {
        case waitsForClock
        case starts
        case runs
        case stops(deadline: MonotonicTime)
        case ended
    }

    /// An offset that is not known better than this is passed over.
    package static let worstUncertainty = Duration.milliseconds(50)
    /// A node that is asked to stop and does not is ended after so long. Its own rule ends it before, unless it gets on
    /// with what it has to bring out.
    package static let stopPatience = Duration.seconds(30)
    private static let lookPeriod = Duration.milliseconds(100)

    private var phase = Phase.waitsForClock
    private var hasRobot = true
    private var mustStop = false
    private var clock = BorrowedClock()
    private var relay: BusRelay
    private var nextLook = MonotonicTime.zero

    package init(isNewestOnly: @escaping @Sendable (String) -> Bool) { relay = BusRelay(isNewestOnly: isNewestOnly) }

    // MARK: What happens

    /// What the robot said.
    package mutating func received(_ body: JSONNode, _ parts: [SharedBytes], at now: MonotonicTime) -> [Action] {
        switch body["t"]?.string {
        case BusRelay.kind: return relay.received(body, parts: parts).map(Action.arrival) + flush()
        case "stop": return stop(at: now)
        case "clock":
            guard let offset = body["offset_ns"]?.int, let uncertainty = body["uncertainty_ns"]?.int,
                Duration.nanoseconds(uncertainty) <= Self.worstUncertainty
            else { return [] }
            clock.learn(.nanoseconds(offset), at: now)
            guard case .waitsForClock = phase else { return [] }
            phase = .starts
            return [.start(offset: clock.offset(at: now))]
        default: return []
        }
    }

    /// The node's process lives.
    package mutating func started(at now: MonotonicTime) -> [Action] {
        guard case .starts = phase else { return [] }
        phase = .runs
        nextLook = now + Self.lookPeriod
        guard !mustStop else { return stop(at: now) }
        return [.say(.object(["t": "started"]), [])] + flush()
    }

    /// The node's process could not be made.
    package mutating func notStarted(_ reason: String) -> [Action] {
        [.say(.object(["t": "line", "text": JSONNode("error: \(reason)")]), [])]
            + ended(.object(["t": "exited", "code": 1]))
    }

    /// A line that the node wrote.
    package func wrote(_ line: String) -> [Action] {
        hasRobot ? [.say(.object(["t": "line", "text": JSONNode(line)]), [])] : []
    }

    /// The node's process has ended by itself, with this code.
    package mutating func exited(code: Int32) -> [Action] {
        ended(.object(["t": "exited", "code": JSONNode(Int(code))]))
    }

    /// A signal has ended the node's process.
    package mutating func exited(signal: Int32) -> [Action] {
        ended(.object(["t": "exited", "signal": JSONNode(Int(signal))]))
    }

    private mutating func ended(_ word: JSONNode) -> [Action] {
        phase = .ended
        return (hasRobot ? [.say(word, [])] : []) + [.forget]
    }

    /// The robot is not there any more: what runs for it ends in order.
    package mutating func robotLeft(at now: MonotonicTime) -> [Action] {
        hasRobot = false
        return stop(at: now)
    }

    private mutating func stop(at now: MonotonicTime) -> [Action] {
        switch phase {
        case .waitsForClock: return ended(.object(["t": "exited", "code": 0]))
        case .starts:
            mustStop = true
            return []
        case .runs:
            phase = .stops(deadline: now + Self.stopPatience)
            return [.terminate]
        case .stops, .ended: return []
        }
    }

    /// A message of the node, for the robot.
    package mutating func take(_ message: RelayedMessage) -> [Action] {
        guard hasRobot else { return [] }
        relay.take(message)
        return flush()
    }

    /// All the prefixes that the node listens to at the robot's other nodes.
    package mutating func listen(to prefixes: [String]) -> [Action] {
        guard hasRobot else { return [] }
        relay.listen(to: prefixes)
        return flush()
    }

    /// Time has passed.
    package mutating func tick(at now: MonotonicTime) -> [Action] {
        switch phase {
        case .waitsForClock, .starts, .ended: return []
        case .stops(let deadline) where now >= deadline: return [.kill]
        case .runs, .stops: break
        }
        guard now >= nextLook else { return [] }
        nextLook = now + Self.lookPeriod
        var actions: [Action] = [.clock(clock.offset(at: now))]
        if hasRobot, let saying = relay.lookAgain() { actions.append(.say(saying.body, saying.parts)) }
        return actions + flush()
    }

    private mutating func flush() -> [Action] {
        guard hasRobot else { return [] }
        var actions: [Action] = []
        while let saying = relay.next() { actions.append(.say(saying.body, saying.parts)) }
        return actions
    }
}
