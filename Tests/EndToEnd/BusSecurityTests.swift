import CZeroMQ
import Foundation
import JSONTree
import Manifests
import Messages
import TestSupport
import Testing
import Time
import Wire

extension EndToEnd {
    /// A robot whose processes reach each other by ports: who may hear them, and who may move the arm. Loopback is no
    /// wall: every user of a computer reaches its ports.
    @Suite(.serialized) struct BusSecurityTests {
        /// Somebody with libzmq who knows the ports.
        enum Outsider: String, CaseIterable, Sendable {
            case noKey, unknownKey, listener, operating
        }

        private let port = Int.random(in: 20_000..<30_000)
        private var settings: [String] { [#"bus={"transport": "tcp", "base_port": \#(port)}"#] }

        /// The public key of the run's user.
        private func ownKey() throws -> String {
            let shown = try Program.run("octo-bus", ["keys", "show"])
            return try #require(
                shown.output.split(whereSeparator: \.isWhitespace).first { $0.utf8.count == 40 }.map(String.init),
                "\(shown.output)\(shown.errors)")
        }

        /// The keys that one comes with; those of listeners and operators are let in first.
        private func curve(_ outsider: Outsider) throws -> RawSocket.Curve? {
            if outsider == .noKey { return nil }
            let curve = try RawSocket.Curve.stranger(to: ownKey())
            let role: String
            switch outsider {
            case .noKey, .unknownKey: return curve
            case .listener: role = "listen"
            case .operating: role = "operate"
            }
            let allowed = try Program.run(
                "octo-bus",
                ["keys", "allow", outsider.rawValue, RawSocket.Curve.publicKey(of: curve.secret), "--role", role])
            try #require(allowed.exitCode == 0, "\(allowed.errors)")
            return curve
        }

        /// Takes what `curve` has put on the list off it.
        private func revokeAll() {
            for outsider in Outsider.allCases {
                _ = try? Program.run("octo-bus", ["keys", "revoke", outsider.rawValue])
            }
        }

        private func listener(_ run: RunDescription, _ curve: RawSocket.Curve?) throws -> RawSocket {
            try RawSocket(
                ZMQ_SUB, to: try #require(run.endpoints["arm"]), curve: curve, subscribesTo: Topics.armState.name)
        }

        @Test func onlyThoseOnTheListHear() throws {
            defer { revokeAll() }
            let robot = try Pipeline(settings)
            try robot.waitUntilMoving()
            for outsider in Outsider.allCases {
                let socket = try listener(robot.run, curve(outsider))
                switch outsider {
                case .noKey, .unknownKey:
                    try robot.letTick(200)
                    #expect(socket.receive() == nil, "\(outsider) hears the arm")
                case .listener, .operating:
                    let heard = socket.receive(within: .seconds(20))
                    #expect(heard?.first == Array(Topics.armState.name.utf8), "\(outsider) hears nothing")
                }
            }
            // A key that is taken off the list opens nothing any more.
            let curve = try curve(.unknownKey)
            let secret = try #require(curve).secret
            let key = try RawSocket.Curve.publicKey(of: secret)
            #expect(try Program.run("octo-bus", ["keys", "allow", "guest", key, "--role", "listen"]).exitCode == 0)
            #expect(try listener(robot.run, curve).receive(within: .seconds(20)) != nil)
            #expect(try Program.run("octo-bus", ["keys", "revoke", "guest"]).exitCode == 0)
            let again = try listener(robot.run, curve)
            try robot.letTick(200)
            #expect(again.receive() == nil, "a revoked key hears the arm")
            let (_, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }

        /// A command as octo-arm would send it.
        private func command(
            _ action: ArmCommand.Action, id: UInt64, _ run: RunDescription
        ) throws -> [[UInt8]] {
            let now = MonotonicTime.now()
            let command = ArmCommand(id: id, operatorID: "octo-arm (pid 1)", action: action, time: now)
            let envelope = Envelope(
                schema: ArmCommand.schemaName, sequence: id, captureTime: now, publishTime: now,
                sourceNode: "octo-arm", instanceID: 4_711, runID: run.runID, traceID: 0, hostID: "")
            return [Array(Topics.armCommand.name.utf8), try envelope.encoded(), try command.encoded().body]
        }

        /// The owner stops the arm; nobody else lets it go, who may not.
        @Test func onlyThoseWhoMayOperateTheArm() throws {
            defer { revokeAll() }
            let robot = try Pipeline(settings)
            try robot.waitUntilMoving()
            let stopped = try Program.run("octo-arm", ["stop", "--run", robot.folder.path])
            #expect(stopped.exitCode == 0, "\(stopped.errors)")
            try robot.wait(for: "the emergency stop") { $0.armState?.mode == .holding(.emergencyStop) && $0.isAtRest }
            for (index, outsider) in Outsider.allCases.enumerated() {
                let socket = try RawSocket(
                    ZMQ_XPUB, to: try #require(robot.run.commandEndpoints["arm"]), curve: curve(outsider))
                let begin = try #require(robot.armState).tick
                var id = UInt64(index + 1) * 1_000
                try robot.wait(for: "what the arm does when asked by \(outsider)", limit: 60) { robot in
                    id += 1
                    socket.send(try command(.resetEmergencyStop, id: id, robot.run))
                    socket.send(try command(.resume, id: id + 500, robot.run))
                    if outsider == .operating { return robot.armState?.mode != .holding(.emergencyStop) }
                    return (robot.armState?.tick ?? 0) > begin + 200
                }
                #expect(
                    (robot.armState?.mode == .holding(.emergencyStop)) == (outsider != .operating),
                    "\(outsider): \(String(describing: robot.armState?.mode))")
            }
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
        }

        /// Our own programs with the keys of somebody else.
        @Test func aProgramWithAnotherKeyNeitherHearsNorResets() throws {
            let keys = try TemporaryFolder.make("keys")
            defer { try? FileManager.default.removeItem(at: keys) }
            let other = TestMachine(environment: ["OCTO_KEYS": keys.path, ArmRegistry.variable: keys.path])
            _ = try TwoMachines.makeKey(other)
            let robot = try Pipeline(settings)
            try robot.waitUntilMoving()
            try expectNothing(for: other, folder: robot.folder.path)
            #expect(robot.isExecuting, "somebody else stopped the arm")
            let own = try Program.run("octo-arm", ["stop", "--run", robot.folder.path])
            #expect(own.exitCode == 0, "\(own.errors)")
            try robot.wait(for: "the emergency stop") { $0.armState?.mode == .holding(.emergencyStop) }
            let reset = try other.run("octo-arm", ["reset", "--run", robot.folder.path])
            #expect(reset.exitCode != 0, "\(reset.output)")
            try robot.letTick(50)
            #expect(robot.armState?.mode == .holding(.emergencyStop))
            _ = try robot.stop()
        }

        /// `octo-bus echo` says nothing, `octo-arm stop` fails.
        private func expectNothing(for machine: TestMachine, folder: String) throws {
            let echo = try machine.run(
                "octo-bus", ["echo", "arm/state", "--once", "--json", "--run", folder], limit: 8)
            #expect(echo.exitCode != 0 && echo.output.isEmpty, "\(echo.output)")
            let stop = try machine.run("octo-arm", ["stop", "--run", folder])
            #expect(stop.exitCode != 0, "\(stop.output)")
        }

        /// The ports can be guessed, and the folder of the run made up: what counts is the key.
        @Test(.enabled(if: geteuid() == 0, "only root can run a program as another user"))
        func anotherUserOfTheComputerNeitherHearsNorStops() throws {
            let robot = try Pipeline(settings)
            try robot.waitUntilMoving()
            let forged = try TemporaryFolder.make("forged")
            defer { try? FileManager.default.removeItem(at: forged) }
            let description = forged.appendingPathComponent(RunDescription.fileName)
            try FileManager.default.copyItem(
                at: robot.folder.appendingPathComponent(RunDescription.fileName), to: description)
            for path in [forged.path, description.path] { try #require(chown(path, 12_345, 12_345) == 0) }
            let user = TestMachine(
                prefix: ["/usr/bin/setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"],
                environment: ["OCTO_KEYS": forged.path + "/keys", ArmRegistry.variable: forged.path])
            _ = try TwoMachines.makeKey(user)
            try expectNothing(for: user, folder: forged.path)
            try robot.letTick(50)
            #expect(robot.isExecuting, "another user stopped the arm")
            _ = try robot.stop()
        }

        /// The third computer of a network, at which the robot's ports are.
        @Test(.enabled(if: NetworkNamespaces.areAllowed, NetworkNamespaces.lack))
        func anotherComputerNeitherHearsNorStops() throws {
            let machines = try TwoMachines()
            let network = try #require(machines.namespaces)
            let (robot, third) = (machines.machine(TwoMachines.robot), machines.machine(TwoMachines.third))
            _ = try TwoMachines.makeKey(third)
            let folder = try TemporaryFolder.make("run")
            defer { try? FileManager.default.removeItem(at: folder) }
            let bus = #"bus={"transport": "tcp", "address": "\#(network.address(of: TwoMachines.robot))"}"#
            let launcher = try robot.start(
                "octo-launch",
                [
                    Pipeline.replayManifest, "--run-folder", folder.path, "--json", "--set", "record.enabled=false",
                    "--set", bus,
                ])
            let deadline = MonotonicTime.now() + .seconds(60)
            func isHeard(_ machine: TestMachine) throws -> Bool {
                let line = ["echo", "arm/state", "--once", "--json", "--run", folder.path]
                return try !machine.run("octo-bus", line, limit: 5).output.isEmpty
            }
            while try !isHeard(robot) {
                try #require(launcher.process.isRunning && MonotonicTime.now() < deadline, "\(launcher.errors)")
            }
            try expectNothing(for: third, folder: folder.path)
            #expect(try isHeard(robot))
            let own = try robot.run("octo-arm", ["stop", "--run", folder.path])
            #expect(own.exitCode == 0, "the owner cannot stop the arm: \(own.errors)")
            kill(launcher.process.processIdentifier, SIGINT)
            #expect(launcher.waitForEnd(limit: 30).exitCode == 0, "\(launcher.errors)")
        }

        /// Without keys every listener hears: what the others above do not is because of theirs.
        @Test func whoeverAsksForItIsHeardByAll() throws {
            let robot = try Pipeline([#"bus={"transport": "tcp", "base_port": \#(port), "insecure": true}"#])
            try robot.waitUntilMoving()
            #expect(try listener(robot.run, nil).receive(within: .seconds(20)) != nil)
            let (_, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }

        @Test func aNetworkWithoutKeysAsksForASentence() throws {
            let sentence = Manifest.NetworkConsent.given.rawValue
            let open = #""transport": "tcp", "address": "10.74.74.1", "insecure": true"#
            let refused = try Program.run(
                "octo-launch", [Pipeline.replayManifest, "--check", "--set", "bus={\(open)}"])
            #expect(refused.exitCode == 2 && refused.errors.contains(sentence), "\(refused.output)\(refused.errors)")
            let wrong = try Program.run(
                "octo-launch",
                [
                    Pipeline.replayManifest, "--check", "--set",
                    "bus={\(open), \"insecure_network\": \"yes\"}",
                ])
            #expect(wrong.exitCode == 2 && wrong.errors.contains(sentence), "\(wrong.output)\(wrong.errors)")
            let host = #""address": "10.74.74.2", "insecure": true"#
            let policy = try Program.run(
                "octo-launch",
                [
                    Pipeline.replayManifest, "--check", "--set", "hosts={\"big\": {\(host)}}", "--set",
                    "policy.host=big",
                ])
            #expect(policy.exitCode == 2 && policy.errors.contains(sentence), "\(policy.output)\(policy.errors)")
        }
    }
}
