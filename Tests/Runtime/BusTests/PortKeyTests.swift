import Bus
import CZeroMQ
import Glibc
import Keys
import Maths
import Messages
import TestSupport
import Testing
import Time
import Wire

/// Who may come in at a node's ports, and what they may say there. The other side is libzmq alone.
@Suite struct PortKeyTests {
    enum Stranger: CaseIterable {
        case unknownKey, robotKey, noKey, wrongServerKey
    }

    private let folder: SocketFolder
    private let keys: TestKeys
    private let commandEndpoint: String

    init() throws {
        folder = try SocketFolder()
        keys = try TestKeys()
        // A port that is free.
        let probe = try folder.node("probe", at: "tcp://127.0.0.1:*")
        commandEndpoint = try #require(probe.endpoint)
        probe.close()
    }

    private func arm() throws -> BusNode {
        try folder.node(
            "arm", at: "tcp://127.0.0.1:*", commandEndpoint: commandEndpoint, security: .keys(keys.folder))
    }

    private func peer(_ kind: Int32, to node: BusNode, key: KeyPair?, server: PublicKey? = nil) throws -> CurvePeer {
        let endpoint = kind == ZMQ_SUB ? try #require(node.endpoint) : commandEndpoint
        return try CurvePeer(kind, to: endpoint, key: key, server: server ?? keys.own.publicKey)
    }

    private func message(on topic: String, sequence: UInt64) throws -> [[UInt8]] {
        let command = ArmCommand(id: sequence, operatorID: "test", action: .emergencyStop, time: .zero)
        let envelope = try RawPublisher.envelope(ArmCommand.schemaName, sequence: sequence)
        return [Array(topic.utf8), envelope, try command.encoded().body]
    }

    @Test func theUsersOwnProcessesHearAndCommandOneAnother() throws {
        let arm = try arm()
        let commands = try arm.subscribe(Topics.armCommand)
        let reader = try folder.node(
            "reader", peers: [try #require(arm.endpoint)], security: .keys(keys.folder))
        try link(arm, to: reader)
        let visitor = try BusNode(
            BusOptions(
                node: "visitor", runID: "run", endpoint: nil, peers: [], listeners: [commandEndpoint],
                security: .keys(keys.folder)))
        try letWork(arm, visitor, until: "the subscription") { visitor.isHeard(on: Topics.armCommand) }
        let command = ArmCommand(id: 1, operatorID: "test", action: .emergencyStop, time: .zero)
        try visitor.publisher(Topics.armCommand).publish(command, at: .now())
        try letWork(arm, visitor, until: "the command") { commands.take()?.message == command }
        #expect(arm.statistics.refusedConnections == 0 && arm.statistics.refusedMessages.isEmpty)
    }

    @Test(arguments: Stranger.allCases) func aStrangerHearsAndSaysNothing(_ stranger: Stranger) throws {
        let robot = try keys.allow("big", .robot)
        let arm = try arm()
        let commands = try arm.subscribe(Topics.armCommand)
        let key: KeyPair? =
            switch stranger {
            case .unknownKey: try KeyPair.make()
            case .robotKey: robot
            case .noKey: nil
            case .wrongServerKey: keys.own
            }
        let server = stranger == .wrongServerKey ? try KeyPair.make().publicKey : keys.own.publicKey
        let ear = try peer(ZMQ_SUB, to: arm, key: key, server: server)
        let mouth = try peer(ZMQ_XPUB, to: arm, key: key, server: server)
        var (earEnded, mouthEnded) = (false, false)
        try letWork(arm, until: "the refusals") {
            try arm.publisher(Topics.policyChunk).publish(Sample.chunk(1), at: .now())
            mouth.send(try message(on: "arm/command", sequence: 0))
            earEnded = ear.wasCutOff() || earEnded
            mouthEnded = mouth.wasCutOff() || mouthEnded
            return earEnded && mouthEnded
        }
        // Who may hear does so, and who may not, not.
        let reader = try folder.node("reader", peers: [try #require(arm.endpoint)], security: .keys(keys.folder))
        try link(arm, to: reader)
        #expect(ear.receive() == nil)
        #expect(mouth.receive() == nil)
        #expect(commands.take() == nil)
        if stranger == .unknownKey || stranger == .robotKey { #expect(arm.statistics.refusedConnections >= 2) }
        #expect(arm.statistics.admittedConnections.isEmpty)
    }

    @Test(arguments: [
        (KeyRole.listen, "arm/command"), (.listen, "arm/manual"), (.operate, "arm/state"),
        (.operate, "camera/primary/image"), (.operate, "arm/commander"), (.operate, "policy/chunk"),
    ])
    func whatAKeyMayNotSayIsCountedByItsName(_ role: KeyRole, _ topic: String) throws {
        let key = try keys.allow("anna", role)
        let arm = try arm()
        var arrived = 0
        try arm.observeAll(prefix: "") { _ in arrived += 1 }
        let mouth = try peer(ZMQ_XPUB, to: arm, key: key)
        try letWork(arm, until: "the subscription") { mouth.receive() != nil }
        for sequence in 0..<3 as Range<UInt64> { mouth.send(try message(on: topic, sequence: sequence)) }
        try letWork(arm, until: "the refusals") { arm.statistics.refusedMessages == ["anna": 3] }
        #expect(arrived == 0)
        #expect(arm.statistics.admittedConnections == ["anna": 1])
    }

    @Test func whoMayListenHears() throws {
        let key = try keys.allow("anna", .listen)
        let arm = try arm()
        let ear = try peer(ZMQ_SUB, to: arm, key: key)
        try letWork(arm, until: "a message") {
            try arm.publisher(Topics.policyChunk).publish(Sample.chunk(1), at: .now())
            return ear.receive() == Array("policy/chunk".utf8)
        }
    }

    @Test func whoWasRevokedIsCutOffAndOthersStay() throws {
        let (anna, ben) = (try keys.allow("anna", .operate), try keys.allow("ben", .operate))
        let arm = try arm()
        let commands = try arm.subscribe(Topics.armCommand)
        let ears = [try peer(ZMQ_SUB, to: arm, key: anna), try peer(ZMQ_SUB, to: arm, key: ben)]
        let mouths = [try peer(ZMQ_XPUB, to: arm, key: anna), try peer(ZMQ_XPUB, to: arm, key: ben)]
        let publisher = arm.publisher(Topics.policyChunk)
        for ear in ears {
            try letWork(arm, until: "a message") {
                try publisher.publish(Sample.chunk(1), at: .now())
                return ear.receive() != nil
            }
        }
        for (index, mouth) in mouths.enumerated() {
            try letWork(arm, until: "the subscription") { mouth.receive() != nil }
            mouth.send(try message(on: "arm/command", sequence: UInt64(index)))
            try letWork(arm, until: "the command") { commands.take() != nil }
        }
        try keys.revoke("anna")
        var (earEnded, mouthEnded) = (false, false)
        try letWork(arm, until: "the end of both connections") {
            earEnded = ears[0].wasCutOff() || earEnded
            mouthEnded = mouths[0].wasCutOff() || mouthEnded
            return earEnded && mouthEnded
        }
        while ears[0].receive() != nil {}
        // The other is back, and the first says and hears nothing.
        try letWork(arm, until: "the other's ear") {
            try publisher.publish(Sample.chunk(2), at: .now())
            return ears[1].receive() != nil
        }
        var sequence: UInt64 = 2
        var heard: [UInt64] = []
        try letWork(arm, until: "the other's command") {
            mouths[0].send(try message(on: "arm/command", sequence: 1_000 + sequence))
            mouths[1].send(try message(on: "arm/command", sequence: sequence))
            sequence += 1
            while let command = commands.take() { heard.append(command.message.id) }
            return !heard.isEmpty
        }
        #expect(heard.allSatisfy { $0 < 1_000 })
        #expect(ears[0].receive() == nil)
    }

    @Test func bytesThatAreNoProtocolChangeNothing() throws {
        let seed = UInt64.random(in: .min ... .max)
        var dice = SplitMix64(seed: seed)
        let arm = try arm()
        let port = try #require(commandEndpoint.split(separator: ":").last.flatMap { UInt16($0) })
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
            if Bool.random(using: &dice) {
                bytes = [0xFF] + Array(repeating: 0, count: 8) + [0x7F, 3, 1] + Array("CURVE".utf8)
                bytes += Array(repeating: 0, count: 64 - bytes.count)
            }
            bytes += (0..<Int.random(in: 1...2_000, using: &dice)).map { _ in
                UInt8.random(in: .min ... .max, using: &dice)
            }
            _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            try arm.wait(until: .zero)
        }
        let reader = try folder.node("reader", peers: [try #require(arm.endpoint)], security: .keys(keys.folder))
        try link(arm, to: reader)
        #expect(arm.statistics.total.received == 0, "seed \(seed)")
    }

    @Test func aPortWithoutAKeyOfItsOwnIsNotOpened() throws {
        unlink(keys.folder.ownPath)
        #expect(throws: BusError.unsecured(.noOwnKey(path: keys.folder.ownPath))) { try arm() }
    }
}
