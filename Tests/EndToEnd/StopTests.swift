import Foundation
import JSONTree
import Manifests
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// `octo-arm stop` from every shell, whatever drives the arm.
    @Suite(.serialized) struct StopTests {
        /// A manifest in which nothing but the arm is there, with servos that are emulated.
        private func armAlone(_ servos: EmulatedServos) throws -> URL {
            let url = try TemporaryFolder.make("manifest").appendingPathComponent("bare.json")
            let arm = """
                { "policy": { "checkpoint": "nowhere" }, "arm": { "driver": "\(servos.arm.driver)", "port": \
                "\(servos.link)",
                  "calibration": "\(servos.arm.calibration)", "control_rate_hz": \(Int(EmulatedServos.rate)) } }
                """
            try Data(arm.utf8).write(to: url)
            return url
        }

        /// As cron starts it: without a word of the environment that the arm was started in.
        private func stopFromElsewhere(_ arguments: [String] = []) throws -> Program.Outcome {
            let bare = ["-i", "\(ArmRegistry.variable)=\(Program.registry)", "XDG_RUNTIME_DIR=/run/user/4242"]
            return try RunningProgram(
                executable: "/usr/bin/env", bare + [Program.path("octo-arm"), "stop"] + arguments
            )
            .waitForEnd(limit: 30)
        }

        @Test func everyArmIsStoppedFromEveryShell() throws {
            let (pipeline, servos) = (
                try Pipeline(environment: ["XDG_RUNTIME_DIR": "/run/user/4711"]), try EmulatedServos()
            )
            try pipeline.waitUntilMoving()
            let manifest = try armAlone(servos)
            defer { try? FileManager.default.removeItem(at: manifest.deletingLastPathComponent()) }
            let home = try OperatorProgram([
                "home", "--json", "--pose", "rest", "--speed", "0.05", "--manifest", manifest.path,
            ])
            try home.wait(for: "motion") { $0["mode"]?.string == "manual" }
            let stopped = try stopFromElsewhere()
            #expect(stopped.exitCode == 0, "\(stopped.output)\(stopped.errors)")
            let lines = stopped.output.split(separator: "\n").map(String.init)
            #expect(lines.count == 2 && lines.allSatisfy { $0.hasSuffix("the arm holds: emergency stop") }, "\(lines)")
            #expect(
                lines.contains { $0.contains(pipeline.folder.path) }
                    && lines.contains { $0.contains("the arm of 'bare'") })
            #expect(pipeline.armState?.mode != .manual)
            try pipeline.wait(for: "the emergency stop") {
                $0.armState?.mode == .holding(.emergencyStop) && $0.isAtRest
            }
            let outcome = home.finish()
            #expect(outcome.exitCode == 1 && outcome.errors.contains("emergency stop"), "\(outcome.errors)")
            _ = try pipeline.stop()
            // Nothing is left of either.
            let nobody = try stopFromElsewhere()
            #expect(nobody.exitCode == 2 && nobody.errors.contains("no robot is running"), "\(nobody.errors)")
            #expect(nobody.errors.contains("SWITCH ITS POWER OFF"))
        }

        @Test func anArmThatIsJoggedIsStoppedAndResetFromElsewhere() throws {
            let servos = try EmulatedServos(arm: .so101)
            let manifest = try armAlone(servos)
            defer { try? FileManager.default.removeItem(at: manifest.deletingLastPathComponent()) }
            let jog = try OperatorProgram(["jog", "--json", "--manifest", manifest.path])
            try jog.wait(for: "a first state") { _ in true }
            #expect(try stopFromElsewhere().exitCode == 0)
            try jog.wait(for: "the emergency stop") { $0["hold"]?.string?.contains("emergency stop") ?? false }
            let reset = try Program.run("octo-arm", ["reset"])
            #expect(reset.exitCode == 0 && reset.output.contains("the emergency stop is reset"), "\(reset.errors)")
            try jog.wait(for: "the arm to be let go") { !($0["hold"]?.string?.contains("emergency stop") ?? true) }
            let again = try Program.run("octo-arm", ["reset"])
            #expect(
                again.exitCode == 0 && again.output.contains("nothing holds the arm"), "\(again.output)\(again.errors)")
            // A second program is kept from the servos, with its name.
            let second = try Program.run("octo-arm", ["home", "--manifest", manifest.path])
            #expect(second.exitCode == 2 && second.errors.contains("drives it already"), "\(second.errors)")
            jog.press("q")
            #expect(jog.finish().exitCode == 0)
        }

        /// The process that drives the arm hangs, or is just being started again.
        @Test func anArmThatDoesNotAnswerIsAnErrorAndComesBackStopped() throws {
            let pipeline = try Pipeline.quiet()
            let process = try #require(pipeline.status["arm"]?.processID)
            kill(process, SIGSTOP)
            defer { kill(process, SIGCONT) }
            let stopped = try stopFromElsewhere()
            #expect(stopped.exitCode == 1 && stopped.errors.contains("SWITCH ITS POWER OFF"), "\(stopped.errors)")
            #expect(stopped.errors.contains("the arm holds until 'octo-arm reset'"), "\(stopped.errors)")
            #expect(ArmLatch.load(folder: pipeline.folder.path).isEmergencyStop)
            kill(process, SIGCONT)
            _ = try pipeline.stop()
            #expect(
                !FileManager.default.fileExists(atPath: pipeline.folder.path + "/arm-latch.json"),
                "the run ended as asked")
        }

        @Test(.enabled(if: geteuid() == 0, "only root can give a folder to another user"))
        func aFolderOfAnotherUserIsNotBelieved() throws {
            let base = try TemporaryFolder.make("base")
            defer { try? FileManager.default.removeItem(at: base) }
            let run = try RunFolder.claim(base.path + "/replay")
            #expect(lchown(run.path, 12_345, 12_345) == 0)
            let stopped = try Program.run("octo-arm", ["stop"], environment: ["OCTO_RUN_BASE": base.path])
            #expect(stopped.exitCode == 2 && !stopped.output.contains("holds"), "\(stopped.output)\(stopped.errors)")
        }
    }
}
