import Away
import Files
import JSONTree
import Messages
import Testing
import Time

/// A node of the robot that runs on another machine.
@Suite struct AwayNodeTests {
    /// Both ends, with a line between them that loses nothing.
    private struct Pair {
        var robot = AwayNode(node: "recorder", host: "big (10.0.0.2:7401)") { $0.hasPrefix("camera/") }
        var host = HostedNode { $0.hasPrefix("camera/") }
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        /// What the shells were told to do, in words.
        var told: [String] = []

        mutating func perform(_ actions: [AwayNode.Action]) {
            for action in actions {
                switch action {
                case .say(let body, let parts): perform(host.received(body, parts, at: now))
                case .arrival(.message(let message)): told.append("robot hears \(message.topic)")
                case .arrival(.interests(let prefixes)): told.append("robot is asked for \(prefixes)")
                case .line(let text): told.append("robot says \(text)")
                case .end(let code): told.append("robot ends \(code)")
                }
            }
        }

        mutating func perform(_ actions: [HostedNode.Action]) {
            for action in actions {
                switch action {
                case .say(let body, let parts): perform(robot.received(body, parts))
                case .start(let offset):
                    told.append("host starts at \(offset.inMilliseconds) ms")
                    perform(host.started(at: now))
                case .terminate: told.append("host terminates")
                case .kill: told.append("host kills")
                case .clock: break
                case .arrival(.message(let message)): told.append("host hears \(message.topic)")
                case .arrival(.interests(let prefixes)): told.append("host is asked for \(prefixes)")
                case .forget: told.append("host forgets")
                }
            }
        }

        mutating func take() -> [String] {
            defer { told = [] }
            return told
        }

        mutating func open() {
            perform(robot.opened(at: now))
            perform(robot.clock(.milliseconds(-5), uncertainty: .milliseconds(1)))
        }
    }

    private static func message(_ topic: String) throws -> RelayedMessage {
        try #require(RelayedMessage(.bus, parts: [topic, "e", "b"].map { SharedBytes(copying: $0.utf8) }))
    }

    @Test func itStartsOnceItsClockIsKnownAndEndsWithItsOwnCode() throws {
        var pair = Pair()
        #expect(pair.robot.status?.state == .starting)
        #expect(pair.robot.status?.headline == "waits for big (10.0.0.2:7401), which has not answered yet")
        pair.perform(pair.robot.opened(at: pair.now))
        #expect(pair.robot.status?.headline == "is started on big (10.0.0.2:7401)")
        pair.perform(pair.robot.clock(.milliseconds(9), uncertainty: .milliseconds(80)))
        #expect(pair.take().isEmpty, "the clock is not known well enough")
        pair.perform(pair.robot.clock(.milliseconds(7), uncertainty: .milliseconds(2)))
        #expect(pair.take() == ["host starts at 7.0 ms", "host is asked for []"])
        #expect(pair.robot.status == nil)
        pair.perform(pair.robot.listen(to: [""]))
        pair.perform(pair.host.listen(to: ["camera/"]))
        #expect(pair.take() == [#"host is asked for [""]"#, #"robot is asked for ["camera/"]"#])
        pair.perform(pair.robot.take(try Self.message("camera/a/image")))
        pair.perform(pair.host.take(try Self.message("episode/state")))
        pair.perform(pair.host.wrote("a line"))
        #expect(pair.take() == ["host hears camera/a/image", "robot hears episode/state", "robot says a line"])
        pair.perform(pair.robot.stop())
        #expect(pair.take() == ["host terminates"])
        pair.perform(pair.host.take(try Self.message("episode/state")))
        pair.perform(pair.host.exited(code: 4))
        #expect(pair.take() == ["robot hears episode/state", "robot ends 4", "host forgets"])
    }

    @Test func aLinkThatBreaksEndsTheNodeThereAndKeepsItsPlaceHere() throws {
        var pair = Pair()
        pair.open()
        _ = pair.take()
        pair.perform(pair.robot.lost("the link broke"))
        #expect(
            pair.take() == [
                "robot is asked for []",
                "robot says warning: recorder waits for big (10.0.0.2:7401), which cannot be reached: the link broke",
            ])
        #expect(pair.robot.status?.state == .degraded)
        #expect(pair.robot.take(try Self.message("arm/state")).isEmpty)
        pair.perform(pair.robot.lost("the link broke"))
        #expect(pair.take() == ["robot is asked for []"], "said once")
        pair.perform(pair.host.robotLeft(at: pair.now))
        #expect(pair.take() == ["host terminates"])
        #expect(pair.host.take(try Self.message("arm/state")).isEmpty)
        pair.perform(pair.host.exited(code: 0))
        #expect(pair.take() == ["host forgets"])
        pair.host = HostedNode { _ in false }
        pair.perform(pair.robot.opened(at: pair.now))
        #expect(pair.robot.status?.state == .degraded)
        pair.perform(pair.robot.clock(.milliseconds(-5), uncertainty: .milliseconds(1)))
        #expect(pair.take() == ["host starts at -5.0 ms", "host is asked for []"])
        #expect(pair.robot.status == nil)
    }

    @Test func aRobotThatStopsWhileNobodyAnswersEndsAtOnce() {
        var pair = Pair()
        pair.perform(pair.robot.stop())
        #expect(pair.take() == ["robot ends 0"])
        var other = Pair()
        other.open()
        other.perform(other.robot.stop())
        other.perform(other.robot.lost("gone"))
        #expect(other.take() == ["host starts at -5.0 ms", "host is asked for []", "host terminates", "robot ends 0"])
    }

    @Test func aNodeThatASignalEndsEndsHereAndSaysWhy() {
        var pair = Pair()
        pair.open()
        _ = pair.take()
        pair.perform(pair.host.exited(signal: 9))
        #expect(
            pair.take() == [
                "robot says error: recorder was ended on big (10.0.0.2:7401) by signal 9", "robot ends 1",
                "host forgets",
            ])
        var other = Pair()
        other.perform(other.host.notStarted("no program"))
        #expect(other.take() == ["robot says error: no program", "robot ends 1", "host forgets"])
    }

    @Test func aNodeThatDoesNotStopIsKilled() {
        var pair = Pair()
        pair.open()
        pair.perform(pair.robot.stop())
        _ = pair.take()
        pair.perform(pair.host.tick(at: pair.now + HostedNode.stopPatience - .milliseconds(1)))
        #expect(pair.take().isEmpty)
        pair.perform(pair.host.tick(at: pair.now + HostedNode.stopPatience))
        #expect(pair.take() == ["host kills"])
    }

    @Test func aRefusalIsToldOnceAndTheNodeStaysAskedFor() {
        var pair = Pair()
        pair.perform(pair.robot.refused("it runs no nodes"))
        pair.perform(pair.robot.refused("it runs no nodes"))
        #expect(pair.take().filter { $0.hasPrefix("robot says") }.count == 1)
        #expect(pair.robot.status?.headline == "waits for big (10.0.0.2:7401), which refuses: it runs no nodes")
    }
}
