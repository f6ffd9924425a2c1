import CZeroMQ
import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// A server of policies, and those who must get nothing from it: while they try, the robot that may goes on.
    @Suite(.serialized) struct RemotePolicyStrangerTests {
        /// A hello as the protocol has it, but for the body.
        private func hello(version: String = OctoRuntime.version, service: String = "policy") -> String {
            JSONNode.object([
                "k": "hello", "protocol": 1, "version": JSONNode(version), "service": JSONNode(service),
                "robot": "stranger", "run": "0123456789abcdef", "body": .object([:]),
            ]).text()
        }

        /// What the server answers to a hello of somebody with a key, if anything.
        private func answer(
            _ hello: String, at port: Int, curve: RawSocket.Curve?, within limit: Duration = .seconds(20)
        ) throws -> JSONNode? {
            let socket = try RawSocket(ZMQ_DEALER, to: "tcp://127.0.0.1:\(port)", curve: curve)
            socket.send(hello)
            return try socket.receive(within: limit).map { try JSONNode(parsing: try #require($0.first)) }
        }

        private func withRobot(
            _ settings: [String] = [], _ body: (TwoMachines, Pipeline) throws -> Void
        ) throws {
            let machines = try TwoMachines(.relay)
            let server = try machines.serve()
            let robot = try machines.robot(settings)
            try robot.waitUntilMoving()
            try body(machines, robot)
            try robot.waitForMotion(in: "the arm, whoever else knocked")
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            #expect(server.process.isRunning, "\(server.errors)")
            kill(server.process.processIdentifier, SIGTERM)
            let ended = server.waitForEnd(limit: 30)
            #expect(ended.exitCode == 0, "\(ended.errors)")
        }

        @Test func anotherVersionIsRefusedWithBothVersions() throws {
            try withRobot { machines, _ in
                let curve = RawSocket.Curve(server: machines.key, secret: try machines.secret(of: TwoMachines.robot))
                let refused = try #require(
                    try answer(hello(version: "9.9.9"), at: machines.port, curve: curve), "no answer")
                #expect(refused["k"]?.string == "refused" && refused["version"]?.string == OctoRuntime.version)
                let reason = refused["reason"]?.string ?? ""
                #expect(reason.contains("9.9.9") && reason.contains(OctoRuntime.version), "\(reason)")
                // The same key with the right version is heard; what it asks for is not there.
                let other = try #require(
                    try answer(hello(service: "nothing"), at: machines.port, curve: curve), "no answer")
                #expect(other["k"]?.string == "refused" && other["reason"]?.string != reason, "\(other.text())")
            }
        }

        /// The robot says it too, to the person who has to install something.
        @Test func aServerOfAnotherVersionIsNamedWithBothVersions() throws {
            let machines = try TwoMachines(.relay)
            let secret = try machines.secret(of: TwoMachines.big)
            let server = try RawSocket(ZMQ_ROUTER, listeningWith: secret)
            let host = #"hosts={"big": {"address": "127.0.0.1", "port": \#(server.port), "key": "\#(machines.key)"}}"#
            let robot = try machines.robot([host])
            let refusal = JSONNode.object([
                "k": "refused", "version": "9.9.9",
                "reason": JSONNode("this is Octo Runtime 9.9.9, the robot has \(OctoRuntime.version)"),
            ])
            var hellos = 0
            try robot.wait(for: "both versions in the policy's words", limit: 60) { robot in
                while let message = server.receive(), let peer = message.first {
                    let header = try JSONNode(parsing: message.count > 1 ? message[1] : [])
                    guard header["k"]?.string == "hello" else { continue }
                    hellos += 1
                    #expect(header["version"]?.string == OctoRuntime.version)
                    server.send([peer, Array(refusal.text().utf8)])
                }
                let words = robot.status["policy"]?.headline ?? robot.launcher.errors
                return words.contains("9.9.9") && words.contains(OctoRuntime.version)
            }
            #expect(hellos > 0 && robot.chunks.take() == nil)
        }

        /// What somebody comes with who has libzmq and the address.
        enum Stranger: String, CaseIterable, Sendable {
            case unknownKey, noKey, subscriber
            /// The robot's own key, and another server's: somebody else answers at the address.
            case otherServer

            fileprivate var kind: Int32 { self == .subscriber ? ZMQ_SUB : ZMQ_DEALER }

            fileprivate func curve(_ machines: TwoMachines) throws -> RawSocket.Curve? {
                switch self {
                case .noKey: nil
                case .unknownKey, .subscriber: try .stranger(to: machines.key)
                case .otherServer:
                    .init(
                        server: try RawSocket.Curve.publicKey(of: RawSocket.Curve.makeSecret()),
                        secret: try machines.secret(of: TwoMachines.robot))
                }
            }
        }

        @Test func whoeverIsNotLetInHearsNothing() throws {
            try withRobot { machines, robot in
                for stranger in Stranger.allCases {
                    let socket = try RawSocket(
                        stranger.kind, to: "tcp://127.0.0.1:\(machines.port)", curve: stranger.curve(machines),
                        subscribesTo: stranger == .subscriber ? "" : nil)
                    let before = robot.count("chunks", of: "policy")
                    var heard: [[UInt8]]?
                    try robot.wait(for: "ten chunks while a stranger knocks, \(stranger)") { robot in
                        if stranger != .subscriber { socket.send(hello()) }
                        heard = heard ?? socket.receive()
                        return robot.count("chunks", of: "policy") > before + 10
                    }
                    #expect(heard == nil, "\(stranger) was answered")
                }
            }
        }

        @Test(arguments: ["listen", "operate"]) func aKeyWithAnotherRoleIsToldSo(role: String) throws {
            try withRobot { machines, _ in
                let secret = try RawSocket.Curve.makeSecret()
                try allow("visitor", RawSocket.Curve.publicKey(of: secret), role: role, machines)
                let curve = RawSocket.Curve(server: machines.key, secret: secret)
                // It is turned away at the door, or with words; a session it gets in no case.
                let answer = try answer(hello(), at: machines.port, curve: curve, within: .seconds(5))
                #expect(answer == nil || answer?["k"]?.string == "refused", "\(answer?.text() ?? "")")
            }
        }

        private func allow(_ name: String, _ key: String, role: String, _ machines: TwoMachines) throws {
            let outcome = try machines.machine(TwoMachines.big).run(
                "octo-bus", ["keys", "allow", name, key, "--role", role])
            try #require(outcome.exitCode == 0, "\(outcome.errors)")
        }

        /// While the arm moves; and it may come back.
        @Test func aKeyThatIsRevokedEndsTheSessionAtOnce() throws {
            let servos = try EmulatedServos()
            try withRobot(servos.settings) { machines, robot in
                let big = machines.machine(TwoMachines.big)
                let revoked = try big.run("octo-bus", ["keys", "revoke", "my-robot"])
                try #require(revoked.exitCode == 0, "\(revoked.errors)")
                try robot.wait(for: "the arm to hold") {
                    $0.isAtRest && ($0.status["policy"].map { $0.state != .ready } ?? false)
                }
                while robot.chunks.take() != nil {}
                let held = MonotonicTime.now()
                try robot.letTick(100)
                #expect(robot.chunks.take() == nil, "a chunk came for a key that was revoked")
                #expect(try ServoEnvelope(servos.arm).movingTicks(servos.goals(), after: held) == 0)
                let secret = try machines.secret(of: TwoMachines.robot)
                try allow("my-robot", RawSocket.Curve.publicKey(of: secret), role: "robot", machines)
                try robot.wait(for: "motion of a robot that was let in again", limit: 60) {
                    $0.isExecuting && ($0.armState?.measured.time ?? .zero) > held
                }
            }
        }

        /// Port scanners, and those who mean it: bytes that are no ZMTP, connections that say nothing, and a robot with
        /// a key that floods the server with what is no protocol.
        @Test func garbageAndFloodsEndNothing() throws {
            let seed = SeededGenerator.freshSeed()
            var generator = SeededGenerator(seed: seed)
            try withRobot { machines, robot in
                let secret = try RawSocket.Curve.makeSecret()
                try allow("flood", RawSocket.Curve.publicKey(of: secret), role: "robot", machines)
                let flood = try RawSocket(
                    ZMQ_DEALER, to: "tcp://127.0.0.1:\(machines.port)",
                    curve: .init(server: machines.key, secret: secret))
                var silent: [RawConnection] = []
                let before = robot.count("chunks", of: "policy")
                try robot.wait(for: "fifty chunks in spite of a flood", limit: 120) { robot in
                    if silent.count < 100 { silent.append(try RawConnection(port: machines.port)) }
                    let garbage = try RawConnection(port: machines.port)
                    let head: [[UInt8]] = [
                        Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [0x16, 0x03, 0x01, 0x02, 0x00],
                        [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0], [],
                    ]
                    let noise = (0..<Int.random(in: 0...2_000, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                    garbage.send((head.randomElement(using: &generator) ?? []) + noise)
                    for _ in 0..<50 { flood.send(nonsense(using: &generator)) }
                    return robot.count("chunks", of: "policy") > before + 50
                }
                #expect(robot.status["policy"]?.state == .ready, "seed \(seed)")
            }
        }

        /// A message that the server must not take, of a robot that it lets in.
        private func nonsense(using generator: inout SeededGenerator) -> [[UInt8]] {
            let noise = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let texts = [
                hello(), "{", "[]", "null", #"{"k":"data"}"#,
                #"{"k":"beat","session":"0000000000000000","sent_ns":-1}"#,
                #"{"k":"data","session":"0000000000000000","body":{"t":"request","id":1}}"#, #"{"k":7}"#,
                #"{"k":"bye","session":"0000000000000000","reason":"no"}"#, #"{"k":"welcome"}"#,
                "{\"k\":\"hello\",\"robot\":\"" + String(repeating: "x", count: 70_000) + "\"}",
            ]
            let header = Array(texts[Int.random(in: 0..<texts.count, using: &generator)].utf8)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: return [header]
            case 1: return [header, noise]
            case 2: return [noise]
            default: return [header] + [[UInt8]](repeating: noise, count: 40)
            }
        }
    }
}
