import Files
import Glibc
import JSONTree
import Keys
import Link
import TestSupport
import Testing
import Time

/// Links over real ports of this machine: who gets a session, and what others can do to it.
@Suite struct LinkSocketTests {
    enum Stranger: CaseIterable {
        case unknownKey, keyOfAnotherRole, noKey, wrongServerKey
    }

    enum Direction: CaseIterable {
        case toServer, toClient
    }

    private let keys: TestKeys
    private let server: ServerEnd
    /// A slow machine does not lose a session that nothing is wrong with.
    private static let patient: LinkTiming = {
        var timing = LinkTiming()
        timing.silence = .seconds(60)
        timing.answer = .seconds(60)
        return timing
    }()

    init() throws {
        keys = try TestKeys()
        server = try ServerEnd(keys, timing: Self.patient)
    }

    private func client(_ key: KeyPair, timing: LinkTiming = Self.patient) throws -> ClientEnd {
        try ClientEnd(server, .keys(key, server: keys.own.publicKey), timing: timing)
    }

    /// A robot with a session.
    private func openClient(_ name: String) throws -> ClientEnd {
        let client = try client(try keys.allow(name))
        // The list is looked at from time to time: who comes before that is refused, and has to come again.
        try letWork(server, until: "a look at the list") {
            server.socket.admits(LinkPeer(routingID: [], identity: try identity(of: name)))
        }
        try letWork(server, client, until: "the session of \(name)") { client.core.isOpen }
        return client
    }

    /// How a message is marked that came in with the key of somebody on the list.
    private func identity(of name: String) throws -> String {
        let entry = try #require(try keys.folder.allowed().entries.first { $0.name == name })
        return "\(name) \(entry.key)"
    }

    @Test func whoIsOnTheListGetsASession() throws {
        let robot = try openClient("robot")
        server.echoes = true
        try robot.say(1, parts: [SharedBytes(copying: [1, 2, 3]), SharedBytes(copying: [])])
        try letWork(server, robot, until: "the answer") { !robot.arrivals.isEmpty }
        #expect(robot.arrivals.map(\.number) == [1] && robot.arrivals.map(\.partSizes) == [[3, 0]])
        #expect(server.askers.map(\.name) == ["robot"])
        #expect(server.socket.refused.count == 0)
    }

    @Test func theUsersOwnKeyGetsASession() throws {
        let robot = try client(keys.own)
        try letWork(server, robot, until: "the session") { robot.core.isOpen }
    }

    @Test func withoutKeysWhoeverAsksGetsASession() throws {
        let server = try ServerEnd(nil, timing: Self.patient)
        let robot = try ClientEnd(server, .insecure, timing: Self.patient)
        try letWork(server, robot, until: "the session") { robot.core.isOpen }
        #expect(server.askers.map(\.identity) == [""])
    }

    @Test(arguments: Stranger.allCases) func aStrangerIsNotHeard(_ stranger: Stranger) throws {
        let listener = try keys.allow("listener", .listen)
        let robot = try openClient("robot")
        var timing = LinkTiming()
        timing.answer = .milliseconds(500)
        let key = stranger == .keyOfAnotherRole ? listener : try KeyPair.make()
        let security: LinkSecurity =
            switch stranger {
            case .unknownKey, .keyOfAnotherRole: .keys(key, server: keys.own.publicKey)
            case .noKey: .insecure
            case .wrongServerKey: .keys(keys.own, server: key.publicKey)
            }
        let outsider = try ClientEnd(server, security, timing: timing)
        try letWork(server, robot, outsider, until: "the end of an attempt") { !outsider.lost.isEmpty }
        #expect(outsider.lost.allSatisfy { !$0.wasOpen } && outsider.core.counters.sessions == 0)
        #expect(server.askers.map(\.name) == ["robot"] && server.core.counters.foreign == 0)
        if stranger == .unknownKey || stranger == .keyOfAnotherRole {
            #expect(server.socket.refused.count >= 1 && server.socket.refused.last == key.publicKey)
        }
        // Who has a session keeps it.
        try robot.say(7)
        try letWork(server, robot, until: "a message") { server.arrivals.last?.what.number == 7 }
        #expect(robot.lost.isEmpty)
    }

    @Test(arguments: [false, true])
    func whoIsRevokedLosesTheSessionAndOthersDoNot(nameIsGivenAnew: Bool) throws {
        let (anna, ben) = (try openClient("anna"), try openClient("ben"))
        try keys.revoke("anna")
        if nameIsGivenAnew { _ = try keys.allow("anna") }
        try letWork(server, anna, ben, until: "the end of the session") { !anna.lost.isEmpty }
        #expect(anna.lost.first?.reason.contains("its key is not allowed any more") == true)
        #expect(server.left.map(\.name) == ["anna"])
        // It asks again, and is not let in.
        try letWork(server, anna, ben, until: "the refusal") { server.socket.refused.count >= 1 }
        try ben.say(1)
        try letWork(server, anna, ben, until: "a message") { server.arrivals.last?.what.number == 1 }
        #expect(!anna.core.isOpen && ben.core.isOpen && ben.lost.isEmpty)
        #expect(server.core.openSessions.count == 1)
    }

    @Test func bytesThatAreNoProtocolChangeNothing() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        let robot = try openClient("robot")
        let port = try #require(server.socket.endpoint.split(separator: ":").last.flatMap { UInt16($0) })
        for _ in 0..<20 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let connected = withUnsafeBytes(of: &address) {
                connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
            }
            try #require(connected == 0)
            // Half of them begin as ZeroMQ does: the greeting of version 3.1 with the mechanism CURVE. ZeroMQ RFC 23.
            var bytes: [UInt8] = []
            if Bool.random(using: &random) {
                bytes = [0xFF] + Array(repeating: 0, count: 8) + [0x7F, 3, 1] + Array("CURVE".utf8)
                bytes += Array(repeating: 0, count: 64 - bytes.count)
            }
            bytes += (0..<Int.random(in: 1...2_000, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            try server.work(at: .now())
        }
        let other = try openClient("other")
        try robot.say(1)
        try letWork(server, robot, other, until: "a message") { !server.arrivals.isEmpty }
        #expect(robot.lost.isEmpty && server.askers.map(\.name) == ["robot", "other"], "seed \(seed)")
        #expect(server.core.counters.malformed == 0 && server.core.counters.foreign == 0, "seed \(seed)")
    }

    /// The next message is read from its beginning, whether it waits already or is still on its way.
    @Test func aMessageOfTooManyPartsIsPassedOverAlone() throws {
        let (robot, other) = (try openClient("robot"), try openClient("other"))
        let part = SharedBytes(copying: [1])
        let count = 20
        for number in 0..<count {
            for excess in [1, 2, LinkMessage.mostParts] {
                try robot.say(-1, parts: Array(repeating: part, count: LinkMessage.mostParts + excess))
            }
            try robot.say(number, parts: Array(repeating: part, count: LinkMessage.mostParts))
            try other.say(number)
            // Room in the queue for the next ones.
            try letWork(server, robot, other, until: "both messages") {
                server.arrivals.count { $0.what.number == number } == 2
            }
        }
        #expect(server.arrivals.map(\.what.number).sorted() == (0..<count).flatMap { [$0, $0] })
        #expect(Set(server.arrivals.filter { $0.what.partSizes.isEmpty }.map(\.session)).count == 1)
        #expect(robot.lost.isEmpty && other.lost.isEmpty)
    }

    @Test func whoSendsWithoutEndDoesNotStopAnothersSession() throws {
        let robot = try openClient("robot")
        let key = try keys.allow("flood")
        try letWork(server, robot, until: "a look at the list") {
            server.socket.admits(LinkPeer(routingID: [], identity: try identity(of: "flood")))
        }
        let flood = try LinkClientSocket(
            endpoint: server.socket.endpoint, security: .keys(key, server: keys.own.publicKey))
        try flood.perform([.open])
        let part = SharedBytes(copying: [UInt8](repeating: 1, count: 4_096))
        let session = try #require(server.core.openSessions.first)
        let messages: [JSONNode] = [
            .object(["k": "data", "session": JSONNode(session), "body": .object(["n": 666])]),
            .object(["k": "bye", "session": JSONNode(session)]), .object(["k": "hello"]),
        ]
        server.echoes = true
        var said = 0
        try letWork(server, robot, until: "answers in spite of the flood") {
            for _ in 0..<20 {
                try flood.perform(messages.map { .send(LinkMessage(header: $0, parts: [part])) })
            }
            if robot.arrivals.count == said {
                said += 1
                try robot.say(said)
            }
            let counters = server.core.counters
            return robot.arrivals.count >= 20 && counters.foreign >= 200 && counters.malformed >= 100
        }
        #expect(robot.arrivals.map(\.number) == Array(1...robot.arrivals.count))
        #expect(robot.lost.isEmpty && server.left.isEmpty && server.core.openSessions == [session])
    }

    @Test(arguments: Direction.allCases) func aFullQueueDropsAndDoesNotGrow(_ direction: Direction) throws {
        let robot = try openClient("robot")
        let session = try #require(server.core.openSessions.first)
        let size = 256 << 10
        let part = SharedBytes(copying: [UInt8](repeating: 1, count: size))
        func say(_ number: Int, parts: [SharedBytes] = []) throws {
            switch direction {
            case .toServer: try robot.say(number, parts: parts)
            case .toClient: try server.say(number, parts: parts, in: session)
            }
        }
        func arrived() -> [Arrival] { direction == .toServer ? server.arrivals.map(\.what) : robot.arrivals }
        // Nobody takes them meanwhile. Kept are what both queues hold and the kernel's buffers, far below a half.
        let count = 1_000
        for number in 0..<count { try say(number, parts: [part]) }
        var next = count
        try letWork(server, robot, until: "what is said when there is room again") {
            try say(next)
            next += 1
            return arrived().last.map { $0.number >= count } == true
        }
        let large = arrived().filter { $0.number < count }
        #expect(!large.isEmpty && large.count < count / 2, "\(large.count) arrived")
        #expect(large.allSatisfy { $0.partSizes == [size] })
        #expect(zip(large, large.dropFirst()).allSatisfy { $0.number < $1.number })
        #expect(robot.lost.isEmpty && server.core.openSessions == [session])
    }
}
