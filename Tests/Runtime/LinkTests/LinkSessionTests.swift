import Files
import JSONTree
import Link
import TestSupport
import Testing
import Time

/// Sessions between two machines, over a network that a test makes up.
@Suite struct LinkSessionTests {
    private static let timing = LinkTiming()

    /// A robot, a server, and what is on its way between them.
    private struct World {
        var client: LinkClient
        var server: LinkServer
        var now = MonotonicTime.zero + .seconds(100)
        /// The server's clock minus the robot's.
        let offset: Duration
        /// Counts the client's sockets; what is on its way for an older one is gone with it.
        var connection = 0
        var isConnected = false
        /// When the client opened its sockets.
        var connectedAt: [MonotonicTime] = []
        /// Arrivals, by when: for the server with a connection, for the client with one.
        var toServer: [(time: MonotonicTime, connection: Int, message: LinkMessage)] = []
        var toClient: [(time: MonotonicTime, connection: Int, message: LinkMessage)] = []
        var opened: [String] = []
        var lostAt: [MonotonicTime] = []
        var refusals: [(String, String?)] = []
        /// What arrived in sessions, as "session number".
        var clientData: [Int] = []
        var serverData: [(session: String, number: Int)] = []
        var delay: ClosedRange<Int> = 1...5
        var lossInThousand = 0
        var isCut = false
        var isDeadToServer = false
        var random: SeededGenerator

        init(seed: UInt64, clientVersion: String = "1", serverVersion: String = "1", offset: Duration = .seconds(5_000))
        {
            random = SeededGenerator(seed: seed)
            self.offset = offset
            client = LinkClient(
                service: "test", robot: "r", run: "0", body: .object([:]), version: clientVersion)
            server = LinkServer(version: serverVersion, using: SeededGenerator(seed: seed))
        }

        private func peer(_ connection: Int) -> LinkPeer {
            LinkPeer(routingID: [UInt8(connection % 250)], identity: "robot")
        }
        private var serverNow: MonotonicTime { now + offset }

        private mutating func isLost() -> Bool { isCut || Int.random(in: 0..<1_000, using: &random) < lossInThousand }
        private mutating func arrival() -> MonotonicTime { now + .milliseconds(Int.random(in: delay, using: &random)) }

        mutating func perform(_ actions: [LinkClient.Action]) {
            for action in actions {
                switch action {
                case .open:
                    connection += 1
                    connectedAt.append(now)
                    isConnected = true
                case .close: isConnected = false
                case .send(let message):
                    if isConnected, !isDeadToServer, !isLost() { toServer.append((arrival(), connection, message)) }
                }
            }
        }

        mutating func perform(_ sayings: [LinkServer.Saying]) {
            for saying in sayings where !isLost() {
                toClient.append((arrival(), Int(saying.peer.routingID[0]), saying.message))
            }
        }

        /// A millisecond passes.
        mutating func step() {
            now += .milliseconds(1)
            perform(client.tick(at: now))
            perform(server.tick(at: serverNow))
            let due = toServer.filter { $0.time <= now }
            toServer.removeAll { $0.time <= now }
            for arrival in due {
                perform(server.received(arrival.message, from: peer(arrival.connection), at: serverNow))
            }
            let back = toClient.filter { $0.time <= now }
            toClient.removeAll { $0.time <= now }
            for arrival in back where arrival.connection == connection % 250 && isConnected {
                perform(client.received(arrival.message, at: now))
            }
            takeEvents()
        }

        private mutating func takeEvents() {
            for event in server.takeEvents() {
                switch event {
                case .asked(let peer, _):
                    if let (_, sayings) = server.accept(peer, body: .object([:]), at: serverNow) { perform(sayings) }
                case .data(let session, let body, _): serverData.append((session, body["n"]?.int ?? -1))
                case .left, .gaveUp: break
                }
            }
            for event in client.takeEvents() {
                switch event {
                case .opened: opened.append("\(connection)")
                case .lost(_, let wasOpen): if wasOpen { lostAt.append(now) }
                case .refused(let reason, let version): refusals.append((reason, version))
                case .data(let body, _): clientData.append(body["n"]?.int ?? -1)
                case .waiting: break
                }
            }
        }

        mutating func run(_ duration: Duration) {
            for _ in 0..<Int(duration.inMilliseconds) { step() }
        }

        mutating func say(_ number: Int) { perform(client.send(body: .object(["n": JSONNode(number)]))) }
    }

    @Test func aSessionOpensAndCarriesBothWays() throws {
        var world = World(seed: 1)
        world.run(.milliseconds(50))
        #expect(world.client.isOpen && world.opened.count == 1)
        world.say(7)
        let session = try #require(world.server.openSessions.first)
        world.perform(world.server.send(body: .object(["n": 8]), in: session))
        world.run(.milliseconds(50))
        #expect(world.serverData.map(\.number) == [7] && world.clientData == [8])
        world.run(.seconds(20))
        #expect(world.lostAt.isEmpty && world.client.counters.sessions == 1)
    }

    @Test(arguments: [300, 5_000, 60_000])
    func aCutIsNoticedInTimeAndMendsByItself(milliseconds: Int) {
        var world = World(seed: 2)
        world.run(.seconds(1))
        world.isCut = true
        let cut = world.now
        world.run(.milliseconds(milliseconds))
        world.isCut = false
        if milliseconds < 600 {
            // Shorter than what counts as silence: the session goes on.
            world.run(.seconds(3))
            #expect(world.lostAt.isEmpty && world.opened.count == 1)
        } else {
            let lost = world.lostAt.first
            #expect(lost.map { $0 - cut <= Self.timing.silence + Self.timing.beat } == true)
            #expect(world.server.openSessions.isEmpty)
            world.run(.seconds(5))
            #expect(world.client.isOpen && world.opened.count == 2)
        }
    }

    @Test func anotherVersionIsRefusedWithBoth() throws {
        var world = World(seed: 3, clientVersion: "0.3.9", serverVersion: "0.4.0")
        world.run(.seconds(10))
        let (reason, version) = try #require(world.refusals.first)
        #expect(reason.contains("0.3.9") && reason.contains("0.4.0") && version == "0.4.0")
        #expect(world.opened.isEmpty && world.server.openSessions.isEmpty)
        // Asked again every two seconds, no oftener.
        #expect((4...6).contains(world.refusals.count))
    }

    @Test func aMachineThatSleptLosesItsSession() {
        var world = World(seed: 4)
        world.run(.seconds(1))
        let sessions = world.server.openSessions
        // The robot's clock stood still for it: everything that was on its way is old.
        world.now += .seconds(30)
        world.run(.seconds(5))
        #expect(world.client.isOpen && world.server.openSessions != sessions)
    }

    @Test(arguments: 0..<30)
    func whateverTheNetworkDoesSessionsNeverMix(round: Int) {
        let seed = SeededGenerator.freshSeed("\(#function) \(round)")
        var world = World(seed: seed)
        var number = 0
        var saidIn: [Int: String] = [:]
        for _ in 0..<60 {
            world.lossInThousand = [0, 10, 300].randomElement(using: &world.random) ?? 0
            world.delay = [1...2, 1...40, 5...300].randomElement(using: &world.random) ?? 1...2
            world.isCut = Int.random(in: 0..<6, using: &world.random) == 0
            for _ in 0..<Int.random(in: 50...600, using: &world.random) {
                world.step()
                if world.client.isOpen, Int.random(in: 0..<20, using: &world.random) == 0 {
                    number += 1
                    saidIn[number] = "\(world.connection)"
                    world.say(number)
                }
            }
            // A session whose welcome was lost ends when it must have been there, and silence after it.
            let since = world.now - Self.timing.welcome - Self.timing.silence - .milliseconds(300)
            let recent = world.connectedAt.count { $0 >= since }
            #expect(world.server.openSessions.count <= recent + 1, "seed \(seed)")
        }
        // What was said in one session was heard in one and the same, each once.
        var sessions: [String: Set<String>] = [:]
        for (session, number) in world.serverData { sessions[session, default: []].insert(saidIn[number] ?? "?") }
        #expect(sessions.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
        #expect(Set(world.serverData.map(\.number)).count == world.serverData.count, "seed \(seed)")
        world.lossInThousand = 0
        world.delay = 1...3
        world.isCut = false
        // The attempt that is under way, and the longest pause before the next.
        world.run(Self.timing.welcome + Self.timing.answer + Self.timing.longestPause + .seconds(1))
        #expect(world.client.isOpen, "seed \(seed)")
    }

    @Test func whatIsForgedHasNoEffect() throws {
        var world = World(seed: 5)
        world.run(.milliseconds(100))
        let session = try #require(world.server.openSessions.first)
        let stranger = LinkPeer(routingID: [99, 9], identity: "other")
        for kind in ["beat", "data", "bye"] {
            let message = LinkMessage(
                header: .object(["k": JSONNode(kind), "session": JSONNode(session), "sent_ns": 1, "body": .object([:])])
            )
            world.perform(world.server.received(message, from: stranger, at: world.now))
        }
        #expect(world.server.openSessions == [session] && world.server.counters.foreign == 3)
        #expect(world.server.takeEvents().isEmpty)
        // To the robot, of a session that is not its own.
        for kind in ["beat", "data", "bye", "welcome", "refused"] {
            let message = LinkMessage(header: .object(["k": JSONNode(kind), "session": "0000000000000000"]))
            world.perform(world.client.received(message, at: world.now))
        }
        #expect(world.client.isOpen && world.client.counters.foreign == 5)
    }

    @Test func oddMessagesCrashNobody() {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        var world = World(seed: seed)
        world.run(.milliseconds(100))
        let values: [JSONNode] = [
            nil, -1, 1e300, "", "hello", "0000000000000000", [], .object([:]), true, 9_223_372_036_854_775_807,
        ]
        let kinds = ["hello", "welcome", "wait", "refused", "beat", "bye", "data", "x"]
        let keys = [
            "session", "version", "protocol", "service", "robot", "run", "body", "sent_ns", "echo_sent_ns",
            "echo_received_ns", "reason",
        ]
        for index in 0..<5_000 {
            var header = JSONNode.object(["k": JSONNode(kinds.randomElement(using: &random) ?? "")])
            for key in keys where Bool.random(using: &random) {
                header = header.with(key, values.randomElement(using: &random) ?? nil)
            }
            if Bool.random(using: &random), let session = world.server.openSessions.first {
                header = header.with("session", JSONNode(session))
            }
            let message = LinkMessage(header: header)
            _ = world.client.received(message, at: world.now)
            let peer = LinkPeer(routingID: [UInt8(index % 7)], identity: "p")
            _ = world.server.received(message, from: peer, at: world.now)
            world.now += .milliseconds(1)
            _ = world.client.tick(at: world.now)
            _ = world.server.tick(at: world.now)
            _ = world.server.takeEvents()
            _ = world.client.takeEvents()
            #expect(world.server.openSessions.count <= LinkServer.mostSessions, "seed \(seed)")
        }
    }

    @Test func oneKeyDoesNotKeepAllOthersOut() {
        var server = LinkServer(version: "1", using: SeededGenerator(seed: 1))
        func hello(_ id: UInt8, _ name: String) -> [LinkServer.Saying] {
            let message = LinkMessage(
                header: .object([
                    "k": "hello", "protocol": 1, "version": "1", "service": "s", "robot": "r", "run": "0",
                    "body": .object([:]),
                ]))
            let peer = LinkPeer(routingID: [id], identity: name)
            let refusals = server.received(message, from: peer, at: .zero)
            guard refusals.isEmpty else { return refusals }
            _ = server.accept(peer, body: .object([:]), at: .zero)
            return []
        }
        for id in 0..<100 { _ = hello(UInt8(id), "greedy") }
        #expect(server.openSessions.count == LinkServer.mostSessionsOfAKey)
        #expect(hello(200, "modest").isEmpty)
        for id in 100..<200 { _ = hello(UInt8(id), "key \(id)") }
        #expect(server.openSessions.count == LinkServer.mostSessions)
    }

    /// A tokenizer's model takes seconds on such a line.
    @Test func anAnswerThatIsLongOnTheWayIsWaitedFor() {
        var world = World(seed: 7)
        world.step()
        world.delay = 4_000...4_000
        world.run(.milliseconds(3))
        world.delay = 1...2
        world.run(.seconds(6))
        #expect(world.client.isOpen && world.opened.count == 1 && world.lostAt.isEmpty)
    }

    /// Only what the robot says is lost: the server says so when it lets go.
    @Test func aLineThatIsDeadInOneDirectionIsNoticedByBoth() {
        var world = World(seed: 8)
        world.run(.seconds(1))
        world.isDeadToServer = true
        let cut = world.now
        world.run(.seconds(2))
        let lost = world.lostAt.first
        #expect(lost.map { $0 - cut <= Self.timing.silence + Self.timing.beat * 2 } == true)
    }

    @Test func whoseKeyIsRevokedIsSentAway() throws {
        var world = World(seed: 6)
        world.run(.milliseconds(100))
        world.perform(world.server.judge { _ in false })
        #expect(world.server.openSessions.isEmpty)
        world.run(.milliseconds(20))
        #expect(world.lostAt.count == 1)
    }
}
