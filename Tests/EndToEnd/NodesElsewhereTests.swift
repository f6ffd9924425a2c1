import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// Goal, recorder and console on another machine: with keys of their own, a clock that is not theirs, and a robot
    /// that goes on without them.
    @Suite(.serialized) struct NodesElsewhereTests {
        /// The other machine: a launcher, and where its nodes leave what they leave.
        private final class Host {
            let folder: URL
            let keys: URL
            let key: String
            let port = Int.random(in: 20_000..<30_000)
            private(set) var launcher: RunningProgram

            init(robot: String) throws {
                folder = try TemporaryFolder.make("elsewhere")
                keys = try TemporaryFolder.make("keys")
                let machine = TestMachine(environment: ["OCTO_KEYS": keys.path])
                key = try TwoMachines.makeKey(machine)
                let allowed = try machine.run("octo-bus", ["keys", "allow", "my-robot", robot, "--role", "robot"])
                try #require(allowed.exitCode == 0, "\(allowed.errors)")
                launcher = try Self.start(machine, port, folder)
            }

            deinit { for folder in [folder, keys] { try? FileManager.default.removeItem(at: folder) } }

            private static func start(_ machine: TestMachine, _ port: Int, _ folder: URL) throws -> RunningProgram {
                // Its runs lie apart from the robot's, as on another machine.
                try machine.start(
                    "octo-launch", ["serve", "--nodes", "--port", "\(port)", "--folder", folder.path],
                    environment: ["OCTO_RUN_BASE": folder.path + "/r"])
            }

            func startAgain() throws {
                launcher = try Self.start(
                    TestMachine(environment: ["OCTO_KEYS": keys.path]), port, folder)
            }

            var settings: [String] {
                [#"hosts={"big": {"address": "127.0.0.1", "port": \#(port), "key": "\#(key)"}}"#]
            }
        }

        private static func robotKey() throws -> String {
            let made = try Program.run("octo-bus", ["keys", "show"])
            if made.exitCode != 0 { return try TwoMachines.makeKey(TestMachine.here) }
            let words = made.output.split(whereSeparator: \.isWhitespace).map(String.init)
            return try #require(words.first { $0.utf8.count == 40 }, "no key in '\(made.output)'")
        }

        @Test func goalAndRecorderRunThereAndTheEpisodeIsWhole() throws {
            let host = try Host(robot: Self.robotKey())
            let robot = try Pipeline(
                host.settings + ["goal.host=big", "record.host=big", "record.enabled=true"])
            try robot.waitUntilMoving()
            let nodes = family(of: host.launcher.process.processIdentifier)
            #expect(nodes.count >= 5, "octo-launch, two servers, goal and recorder: \(nodes.count)")
            let begin = robot.count("chunks", of: "policy")
            try robot.wait(for: "thirty more chunks") { $0.count("chunks", of: "policy") > begin + 30 }
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            let path = try #require(
                summary["episodes"]?.array?.first?["path"]?.string, "\(summary.text())")
            #expect(path.hasPrefix(host.folder.path + "/episodes/"))
            let verified = try Program.run("octo-replay", ["verify", path, "--json"], limit: 120)
            #expect(verified.exitCode == 0, "\(verified.output)\(verified.errors)")
            // They ended with the robot, and the host goes on.
            #expect(waitUntilGone(Array(nodes.dropFirst(3))) == [])
            #expect(host.launcher.process.isRunning, "\(host.launcher.errors)")
            kill(host.launcher.process.processIdentifier, SIGTERM)
            let ended = host.launcher.waitForEnd(limit: 30)
            #expect(ended.exitCode == 0, "\(ended.errors)")
            #expect(waitUntilGone(nodes) == [])
        }

        /// The arm goes on with the goal that it has; the nodes come back by themselves.
        @Test func aHostThatIsKilledLeavesNothingAndIsFoundAgain() throws {
            let host = try Host(robot: Self.robotKey())
            let robot = try Pipeline(host.settings + ["goal.host=big"])
            try robot.waitUntilMoving()
            let nodes = family(of: host.launcher.process.processIdentifier)
            kill(host.launcher.process.processIdentifier, SIGKILL)
            #expect(waitUntilGone(nodes) == [])
            try robot.wait(for: "the goal node to say that it waits") {
                $0.status["goal"]?.state == .degraded
                    && $0.status["goal"]?.headline.hasPrefix("waits for big (127.0.0.1:") == true
            }
            let begin = robot.count("chunks", of: "policy")
            try robot.wait(for: "ten more chunks without it") { $0.count("chunks", of: "policy") > begin + 10 }
            try host.startAgain()
            try robot.wait(for: "the goal node to be there again", limit: 60) {
                $0.status["goal"]?.state == .ready
            }
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
        }

        @Test func aRobotThatIsKilledLeavesNothingThere() throws {
            let host = try Host(robot: Self.robotKey())
            let robot = try Pipeline(host.settings + ["goal.host=big"])
            try robot.waitUntilMoving()
            let all = family(of: host.launcher.process.processIdentifier)
            let here = family(of: robot.launcher.process.processIdentifier)
            kill(robot.launcher.process.processIdentifier, SIGKILL)
            #expect(waitUntilGone(here) == [])
            #expect(waitUntilGone(Array(all.dropFirst(3))) == [])
            #expect(host.launcher.process.isRunning)
        }
    }
}
