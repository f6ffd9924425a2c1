import Foundation
import JSONTree
import Manifests
import Messages
import Testing

extension EndToEnd {
    /// octo-launch with real processes: whatever happens, the exit code says it, the words mend it, and nothing stays
    /// behind.
    @Suite(.serialized) struct LaunchProcessTests {
        @Test func aNodeThatExitsAtOnceEndsTheLaunchWithItsLastWords() throws {
            let robot = try StandInRobot(scripts: [
                "octo-goal": "echo 'the goal image is torn: take it again' >&2; exit 7"
            ])
            try robot.process.run()
            #expect(try robot.exitCode() == 3)
            let errors = robot.standardError.split(separator: "\n").filter { $0.hasPrefix("octo-launch: error:") }
            #expect(errors.count == 1)
            #expect(errors.first?.contains("starting 'goal': it ended with exit code 7") == true)
            #expect(robot.standardError.contains("[goal] the goal image is torn: take it again"))
            #expect(robot.standardError.components(separatedBy: "the goal image is torn").count == 3)
            #expect(robot.processIDs["octo-policy"] == nil)
            #expect(!robot.hasSurvivors)
        }

        @Test func aNodeThatIsNeverReadyEndsTheLaunch() throws {
            let robot = try StandInRobot(set: ["supervision.ready_timeout_s=0.5"], arguments: ["--quiet"])
            try robot.process.run()
            #expect(try robot.exitCode() == 3)
            #expect(robot.standardError.contains("it was not ready within 0.5 s"))
            #expect(!robot.standardError.contains("[goal]"))
            #expect(!robot.hasSurvivors)
        }

        @Test func nodesThatIgnoreTheRequestToStopAreKilled() throws {
            let deaf = "trap '' TERM\nwhile true; do sleep 0.1; done"
            let robot = try StandInRobot(
                scripts: ["octo-camera": deaf, "octo-arm": deaf], set: ["supervision.ready_timeout_s=0.5"])
            try robot.process.run()
            #expect(try robot.exitCode() == 3)
            #expect(robot.standardError.contains("arm: did not stop within 0.5 s; it is killed"))
            #expect(!robot.hasSurvivors)
        }

        @Test func aMissingProgramIsToldBeforeAnythingStarts() throws {
            let robot = try StandInRobot()
            // Found nowhere: neither in the folder, nor beside octo-launch under this name, nor in PATH.
            let lonely = robot.folder.appendingPathComponent("octo-launch")
            try FileManager.default.copyItem(at: try #require(StandInRobot.launcher), to: lonely)
            try FileManager.default.removeItem(at: robot.folder.appendingPathComponent("bin/octo-arm"))
            robot.process.executableURL = lonely
            try robot.process.run()
            #expect(try robot.exitCode() == 2)
            #expect(robot.standardError.contains("looking for the program octo-arm"))
            #expect(robot.processIDs.isEmpty)
        }

        @Test func theDeathOfTheLauncherEndsEveryNode() throws {
            let robot = try StandInRobot()
            try robot.process.run()
            try robot.eventually("three processes") { robot.processIDs.count == 3 }
            kill(robot.process.processIdentifier, SIGKILL)
            try robot.eventually("the end of all") { !robot.hasSurvivors }
            // Nodes end with the launcher's first thread, its lock is free when its last one is gone: only then is the
            // process over.
            _ = try robot.exitCode()
            #expect(!RunFolder.isLive(robot.runFolder))
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalStopsTheArmFirstThenAllOthers(_ signal: Int32) throws {
            let robot = try StandInRobot()
            try robot.process.run()
            let voices = try StandInVoices(robot)
            try voices.bringUp(robot)
            kill(robot.process.processIdentifier, signal)
            #expect(try robot.exitCode() == 0)
            #expect(!robot.hasSurvivors)
            let farewells = robot.standardError.split(separator: "\n").filter { $0.hasSuffix("] bye") }
            #expect(farewells.first == "[arm] bye")
            #expect(farewells.count == 4)
            #expect(!FileManager.default.fileExists(atPath: robot.runFolder + "/run.json"))
        }

        @Test func endsByItselfWhenItsTimeIsOverWithASummaryInJSON() throws {
            let robot = try StandInRobot(arguments: ["--for", "0.3", "--json"])
            try robot.process.run()
            let voices = try StandInVoices(robot)
            try voices.bringUp(robot, counters: [.init(name: "frames", value: 12), .init(name: "chunks", value: 5)])
            #expect(try robot.exitCode() == 0)
            let summary = try JSONNode(parsing: robot.standardOutput.utf8)
            #expect(summary["robot"] == "robot")
            #expect(summary["exit_code"] == 0)
            #expect(summary["frames"]?.int == 12)
            #expect(summary["chunks"]?.int == 5)
            #expect(summary["restarts"]?["policy"]?.int == 0)
            #expect((summary["duration_s"]?.double ?? 0) >= 0.3)
            #expect(robot.standardError.contains("octo-bus hz"))
        }

        @Test func aNodeThatIsKilledComesBack() throws {
            let robot = try StandInRobot()
            try robot.process.run()
            let voices = try StandInVoices(robot)
            try voices.bringUp(robot)
            let killed = try #require(robot.processIDs["octo-policy"])
            kill(killed, SIGKILL)
            try robot.eventually("a new policy") { robot.processIDs["octo-policy"] != killed }
            _ = try voices.sayReady(robot)
            try robot.eventually("its readiness") {
                _ = try voices.sayReady(robot)
                return robot.standardError.components(separatedBy: "policy is ready").count == 3
            }
            kill(robot.process.processIdentifier, SIGTERM)
            #expect(try robot.exitCode() == 0)
            #expect(robot.standardError.contains("policy: it was ended by signal 9; restart 1 of 5"))
            #expect(robot.standardOutput.contains("policy 1"))
            #expect(!robot.hasSurvivors)
        }

        @Test func thePolicyDoesNotInheritAPinnedBLASCore() throws {
            let robot = try StandInRobot(scripts: [
                "octo-policy": "echo core=$OPENBLAS_CORETYPE=\n" + StandInRobot.obedient,
                "octo-goal": "echo core=$OPENBLAS_CORETYPE=\n" + StandInRobot.obedient,
            ])
            try robot.process.run()
            let voices = try StandInVoices(robot)
            try voices.bringUp(robot)
            kill(robot.process.processIdentifier, SIGTERM)
            #expect(try robot.exitCode() == 0)
            #expect(robot.standardError.contains("[policy] core=="))
            #expect(robot.standardError.contains("[goal] core=Haswell="))
            #expect(robot.standardError.contains("[policy] started run --run \(robot.runFolder) --node policy"))
        }

        @Test func aSecondLauncherOfOneRobotIsRefused() throws {
            let robot = try StandInRobot()
            try robot.process.run()
            try robot.eventually("three processes") { robot.processIDs.count == 3 }
            let ids = robot.processIDs
            let second = Process()
            second.executableURL = robot.process.executableURL
            second.arguments = robot.process.arguments
            let errors = Pipe()
            second.standardError = errors
            try second.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            second.waitUntilExit()
            #expect(second.terminationStatus == 4)
            #expect(text.contains("kill \(robot.process.processIdentifier)"))
            #expect(robot.processIDs == ids)
            kill(robot.process.processIdentifier, SIGTERM)
            #expect(try robot.exitCode() == 0)
        }

        @Test(arguments: [
            ["--set", "arm.controlrate=1"], ["--set", "nonsense"], ["--for", "0"], ["--for", "soon"], ["--nonsense"],
            ["--set", "cameras.primary.pattern=*.jpg"],
        ])
        func badInputIsRefusedBeforeAnythingStarts(_ arguments: [String]) throws {
            let robot = try StandInRobot(arguments: arguments)
            try robot.process.run()
            #expect(try robot.exitCode() == 2)
            #expect(!robot.standardError.isEmpty)
            #expect(robot.standardOutput.isEmpty)
            #expect(robot.processIDs.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: robot.runFolder))
        }

        @Test func checkAndGraphLeaveNothingRunning() throws {
            for (flag, text) in [("--check", "is sound: robot 'robot'"), ("--graph", "flowchart LR")] {
                // --check reads the calibration; the stand-in's is empty.
                let robot = try StandInRobot(
                    arguments: [flag, "--set", "arm.calibration=\(EmulatedServos.Arm.widowX.calibration)"])
                try robot.process.run()
                #expect(try robot.exitCode() == 0)
                #expect(robot.standardOutput.contains(text))
                // The processes are asked what they need, and end.
                #expect(!robot.hasSurvivors && (flag == "--check" || robot.processIDs.isEmpty))
            }
        }
    }
}
