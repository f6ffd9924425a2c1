import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// A robot whose policy is computed by another machine: as with a local one, whoever is killed.
    @Suite(.serialized) struct RemotePolicyTests {
        /// What the recorder kept of a run is computed again here, bit for bit.
        static func expectVerified(_ summary: JSONNode, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let path = try #require(
                summary["episodes"]?.array?.first?["path"]?.string, "\(summary.text())",
                sourceLocation: sourceLocation)
            let verified = try Program.run("octo-replay", ["verify", path, "--json"], limit: 120)
            let report = try JSONNode(parsing: Array(verified.output.utf8))
            #expect(
                verified.exitCode == 0 && report["identical"]?.bool == true, "\(verified.output)\(verified.errors)",
                sourceLocation: sourceLocation)
        }

        /// The README's five lines, but for the address that this network has.
        @Test func twoShellsRunOneRobot() throws {
            let machines = try TwoMachines()
            let folder = try TemporaryFolder.make("manifest")
            defer { try? FileManager.default.removeItem(at: folder) }
            let manifest = folder.appendingPathComponent("remote.json")
            var tree = try JSONNode(parsing: Array(Data(contentsOf: URL(fileURLWithPath: Pipeline.replayManifest))))
            let host = JSONNode.object([
                "address": JSONNode(machines.host), "port": JSONNode(machines.relay?.port ?? machines.port),
                "key": JSONNode(machines.key),
            ])
            tree = tree.with("hosts", .object(["big": host]))
                .with(
                    "policy",
                    (tree["policy"] ?? nil).with("host", "big").with(
                        "checkpoint", JSONNode(TwoMachines.checkpoint)))
            try Data(tree.text().utf8).write(to: manifest)
            // Its other paths are those of the manifest that it was made of.
            for name in ["episode"] {
                try FileManager.default.createSymbolicLink(
                    at: folder.appendingPathComponent(name),
                    withDestinationURL: Fixture.packageRoot.appendingPathComponent("launch/\(name)"))
            }
            let server = try machines.serve()
            let calibration = EmulatedServos.Arm.widowX.calibration
            let robot = try Pipeline(
                ["record.enabled=true", "arm.calibration=\(calibration)"], manifest: manifest.path,
                on: machines.machine(TwoMachines.robot))
            try robot.waitUntilMoving()
            #expect(robot.status["policy"]?.headline.contains(TwoMachines.big) == true)
            let begin = try #require(robot.armState).tick
            try robot.wait(for: "300 more ticks") { ($0.armState?.tick ?? 0) > begin + 300 }

            try expectNothingForStrangers(machines, manifest: manifest.path)

            let processes = try robot.status.keys.map { try robot.processID(of: $0) }
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            #expect(waitUntilGone(processes) == [])
            try Self.expectVerified(summary)

            let family = family(of: server.process.processIdentifier)
            #expect(family.count > 1, "octo-launch serve started nothing: \(server.errors)")
            kill(server.process.processIdentifier, SIGINT)
            let ended = server.waitForEnd(limit: 30)
            #expect(ended.exitCode == 0, "\(ended.errors)")
            #expect(waitUntilGone(family) == [])
        }

        /// A third computer has the same manifest, and a key that nobody allowed.
        private func expectNothingForStrangers(_ machines: TwoMachines, manifest: String) throws {
            let third = machines.machine(TwoMachines.third)
            _ = try TwoMachines.makeKey(third)
            let run = try Pipeline(
                ["arm.calibration=\(EmulatedServos.Arm.widowX.calibration)"], manifest: manifest, on: third)
            try run.wait(for: "the stranger's policy to say that it is not let in", limit: 60) {
                ($0.status["policy"]?.headline.contains("key") ?? false) || !$0.launcher.process.isRunning
            }
            try? run.letTick(200)
            #expect(run.chunks.take() == nil, "a stranger got a chunk")
            if run.launcher.process.isRunning { _ = try run.stop() }
        }

        /// What is asked, noted and sent by two robots at once is what it would be with each alone: both recordings
        /// are computed again here.
        @Test func twoRobotsOfOneServerGetWhatEachWouldGetAlone() throws {
            let machines = try TwoMachines()
            let server = try machines.serve()
            let first = try machines.robot(["record.enabled=true", "policy.seed=7"])
            let second = try machines.robot([
                "record.enabled=true", "name=second", "goal.frame=3", "cameras.primary.rate_hz=4",
            ])
            for robot in [first, second] { try robot.waitUntilMoving() }
            for robot in [first, second] {
                let begin = robot.count("chunks", of: "policy")
                try robot.wait(for: "thirty more chunks") { $0.count("chunks", of: "policy") > begin + 30 }
            }
            // One of them goes, and the other does not notice.
            let (summary, outcome) = try first.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            let before = second.count("chunks", of: "policy")
            try second.wait(for: "ten more chunks") { $0.count("chunks", of: "policy") > before + 10 }
            #expect(second.status["policy"]?.state == .ready)
            let (other, end) = try second.stop()
            #expect(end.exitCode == 0 && restarts(in: other) == 0, "\(end.errors)")
            for summary in [summary, other] { try Self.expectVerified(summary) }
            #expect(server.process.isRunning)
        }

        /// Its launcher starts it again, and the robot finds it by itself.
        @Test func aServerThatIsKilledComesBack() throws {
            let servos = try EmulatedServos()
            let machines = try TwoMachines()
            let server = try machines.serve()
            let robot = try machines.robot(servos.settings)
            try robot.waitUntilMoving()
            let children = family(of: server.process.processIdentifier).dropFirst()
            try #require(!children.isEmpty, "octo-launch serve started nothing: \(server.errors)")
            for child in children { kill(child, SIGKILL) }
            try expectHoldAndMotion(robot, servos)
            #expect(server.process.isRunning, "\(server.errors)")
        }

        @Test func aBigMachineThatIsStartedAgainIsFound() throws {
            let servos = try EmulatedServos()
            let machines = try TwoMachines()
            var server = try machines.serve()
            let robot = try machines.robot(servos.settings)
            try robot.waitUntilMoving()
            let family = family(of: server.process.processIdentifier)
            kill(server.process.processIdentifier, SIGKILL)
            #expect(waitUntilGone(family) == [])
            try robot.wait(for: "the arm to hold") { $0.isAtRest }
            server = try machines.serve()
            try expectHoldAndMotion(robot, servos)
            #expect(server.process.isRunning, "\(server.errors)")
        }

        /// The arm holds, then moves on fresh chunks, inside its envelope; the robot restarted nothing.
        private func expectHoldAndMotion(_ robot: Pipeline, _ servos: EmulatedServos) throws {
            try robot.wait(for: "the arm to hold") { $0.isAtRest }
            let held = MonotonicTime.now()
            try robot.wait(for: "motion on a fresh chunk", limit: 60) {
                $0.isExecuting && ($0.armState?.measured.time ?? .zero) > held && $0.status["policy"]?.state == .ready
            }
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            try ServoEnvelope(servos.arm).expectEveryTick(servos.goals(), summary: summary)
        }

        @Test func nothingOutlivesTheRobotsLauncherAndTheServerServesTheNext() throws {
            let machines = try TwoMachines()
            let server = try machines.serve()
            let robot = try machines.robot()
            try robot.waitUntilMoving()
            let family = family(of: robot.launcher.process.processIdentifier)
            #expect(family.count > 4)
            kill(robot.launcher.process.processIdentifier, SIGKILL)
            #expect(waitUntilGone(family) == [])
            if let network = machines.namespaces {
                #expect(try network.processes(on: TwoMachines.robot) == [])
            }
            let next = try machines.robot()
            try next.waitUntilMoving()
            _ = try next.stop()
            #expect(server.process.isRunning, "\(server.errors)")
        }

        /// The robot is first: it waits, and says for whom.
        @Test func aServerThatComesLateIsWaitedFor() throws {
            let machines = try TwoMachines()
            let robot = try machines.robot(["supervision.ready_timeout_s=120"])
            try robot.wait(for: "the policy to say that nobody answers", limit: 60) {
                $0.status["policy"]?.headline.contains(machines.host) ?? false
            }
            let server = try machines.serve()
            try robot.waitUntilMoving()
            let (_, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(server.process.isRunning, "\(server.errors)")
        }
    }
}
