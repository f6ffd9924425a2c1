import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// The commands that README and `--help` show.
    @Suite(.serialized) struct CommandTests {
        @Test func octoBusLooksIntoARunningPipeline() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let run = ["--run", pipeline.folder.path]

            let list = try Program.run("octo-bus", ["list"] + run)
            #expect(list.exitCode == 0, "\(list.errors)")
            for topic in [
                "camera/primary/image", "goal/current", "policy/observation", "policy/chunk", "arm/state", "arm/loop",
                "node/policy/status",
            ] {
                #expect(list.output.contains(topic), "no \(topic) in:\n\(list.output)")
            }
            let echo = try Program.run("octo-bus", ["echo", "policy/chunk", "--once"] + run)
            #expect(echo.exitCode == 0 && !echo.output.isEmpty, "\(echo.errors)")
            let frame = try Program.run("octo-bus", ["echo", "camera/primary/image", "--once", "--json"] + run)
            let shown = try JSONNode(parsing: Array(frame.output.utf8))
            let stamp = try #require(shown["message"]?["timestamp_s"]?.double)
            #expect(abs(Double(MonotonicTime.now().nanoseconds) * 1e-9 - stamp) < 60)
            // Stamps of the monotonic clock are shown as numbers: as a date they would be of the year 1970.
            #expect(!frame.output.contains("1970-"))
            for command in ["hz", "bw", "delay"] {
                let running = try RunningProgram("octo-bus", [command, "arm/state"] + run)
                usleep(2_000_000)
                kill(running.process.processIdentifier, SIGINT)
                let outcome = running.waitForEnd(limit: 10)
                #expect(outcome.exitCode == 0, "\(command): \(outcome.errors)")
                let hasFigures = outcome.output.contains { $0.isNumber }
                #expect(hasFigures, "\(command): \(outcome.output)")
            }
            let unknown = try Program.run("octo-bus", ["hz", "arm/stat"] + run)
            #expect(unknown.exitCode == 2 && unknown.errors.contains("arm/state"), "\(unknown.errors)")
            _ = try pipeline.stop()
        }

        /// Without a goal there are no chunks: the topic is there, and silent.
        @Test func octoBusSaysWhenNothingComes() throws {
            let pipeline = try Pipeline([#"goal={"source": "none"}"#])
            try pipeline.wait(for: "the arm", limit: 60) { $0.armState != nil }
            let running = try RunningProgram("octo-bus", ["hz", "policy/chunk", "--run", pipeline.folder.path])
            let deadline = MonotonicTime.now() + .seconds(20)
            while !running.errors.contains("nothing came on 'policy/chunk'"), MonotonicTime.now() < deadline {
                usleep(50_000)
            }
            #expect(running.errors.contains("nothing came on 'policy/chunk'"), "\(running.errors)")
            #expect(running.process.isRunning)
            kill(running.process.processIdentifier, SIGINT)
            #expect(running.waitForEnd(limit: 10).exitCode == 0)
            _ = try pipeline.stop()
        }

        @Test func octoBusSaysWhenNothingRuns() throws {
            let base = try TemporaryFolder.make("base")
            defer { try? FileManager.default.removeItem(at: base) }
            let outcome = try Program.run("octo-bus", ["list"], environment: ["OCTO_RUN_BASE": base.path])
            #expect(outcome.exitCode == 2)
            #expect(outcome.errors.contains("octo-launch"))
        }

        @Test func verifyPassesOnARecordedCaseAndFailsOnAnother() throws {
            let one = Fixture.url("octo/case1_primary_goal_w1")
            let four = Fixture.url("octo/case4_text_only")
            let checkpoint = one.appendingPathComponent("checkpoint").path
            let good = try Program.run(
                "octo-policy",
                [
                    "verify", "--checkpoint", checkpoint, "--case", one.appendingPathComponent("io.safetensors").path,
                    "--json",
                ])
            #expect(good.exitCode == 0, "\(good.output)\(good.errors)")
            #expect(throws: Never.self) { try JSONNode(parsing: Array(good.output.utf8)) }
            let other = try Program.run(
                "octo-policy",
                ["verify", "--checkpoint", checkpoint, "--case", four.appendingPathComponent("io.safetensors").path])
            #expect(other.exitCode != 0)
        }

        @Test(arguments: ["case5_proprio_l1", "case8_discrete_bins"])
        func verifyComparesBothPathsOfModelsWithNumbersAndOtherHeads(folder: String) throws {
            let golden = Fixture.url("octo/\(folder)")
            let arguments = [
                "verify", "--checkpoint", golden.appendingPathComponent("checkpoint").path,
                "--case", golden.appendingPathComponent("io.safetensors").path,
            ]
            let both = try Program.run("octo-policy", arguments)
            #expect(both.exitCode == 0, "\(both.output)\(both.errors)")
            let rows = both.output.split(separator: "\n")
            for path in ["plain", "fast"] {
                #expect(
                    rows.contains { $0.hasPrefix(path) && $0.contains("out.action_normalized") && $0.hasSuffix("pass") }
                )
            }
            let reduced = try Program.run("octo-policy", arguments + ["--path", "fast", "--precision", "bfloat16"])
            #expect(reduced.exitCode == 0, "\(reduced.output)\(reduced.errors)")
            #expect(reduced.output.contains("reported only") && !reduced.output.contains("plain "))
            let contradiction = try Program.run("octo-policy", arguments + ["--path", "plain", "--precision", "int8"])
            #expect(contradiction.exitCode == 2 && contradiction.errors.contains("--precision is int8"))
        }

        @Test func inspectSaysWhichNumbersACheckpointReads() throws {
            let checkpoint = Fixture.url("octo/case5_proprio_l1/checkpoint").path
            let outcome = try Program.run("octo-policy", ["inspect", checkpoint])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            for line in ["proprio: 8 per timestep", "L1ActionHead of readout_action, attention pooling"] {
                #expect(outcome.output.contains(line), "no '\(line)' in:\n\(outcome.output)")
            }
        }

        @Test func inspectSaysWhatACheckpointIs() throws {
            let checkpoint = Fixture.url("octo/case3_two_cams_goal_text/checkpoint").path
            let outcome = try Program.run("octo-policy", ["inspect", checkpoint])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            for word in ["primary", "wrist", "128", "64", "bridge_dataset", "DiffusionActionHead"] {
                #expect(outcome.output.contains(word), "no '\(word)' in:\n\(outcome.output)")
            }
        }

        @Test func checkAndGraphStartNothing() throws {
            let check = try Program.run("octo-launch", [Pipeline.replayManifest, "--check"])
            #expect(check.exitCode == 0, "\(check.errors)")
            // A drawing needs nothing that the manifest names.
            let graph = try Program.run(
                "octo-launch", [Pipeline.replayManifest, "--graph", "--set", "policy.checkpoint=/nowhere"])
            #expect(graph.exitCode == 0)
            #expect(graph.output.contains("flowchart"))
            #expect(graph.output.contains("policy/chunk"))
        }

        @Test func camerasAreListedAndOneThatIsNotThereIsTold() throws {
            let list = try Program.run("octo-camera", ["list", "--json"])
            #expect(list.exitCode == 0, "\(list.errors)")
            #expect(try JSONNode(parsing: Array(list.output.utf8))["cameras"]?.array != nil)
            let snapshot = try Program.run(
                "octo-camera", ["snapshot", "/nowhere/a.png", "--device", "/nowhere/video0"])
            #expect(snapshot.exitCode == 2 && snapshot.errors.contains("there is no such device"), "\(snapshot.errors)")
            let folded = try Program.run("octo-camera", ["snapshot", "a.gif", "--device", "/dev/video0"])
            #expect(folded.exitCode == 2 && folded.errors.contains("must end in .png"), "\(folded.errors)")
        }

        @Test(arguments: Program.names) func everyProgramExplainsItself(program: String) throws {
            let outcome = try Program.run(program, ["--help"])
            #expect(outcome.exitCode == 0)
            #expect(outcome.output.contains("USAGE"))
            let version = try Program.run(program, ["--version"])
            #expect(version.exitCode == 0 && version.output == OctoRuntime.version + "\n", "\(version)")
            let wrong = try Program.run(program, ["--no-such-option"])
            #expect(wrong.exitCode == 2)
            #expect(wrong.errors.contains("Usage: ") && wrong.output.isEmpty, "\(wrong.errors)")
        }
    }
}
