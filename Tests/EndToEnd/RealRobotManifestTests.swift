import Foundation
import JSONTree
import TestSupport
import Testing

extension EndToEnd {
    /// The manifests for real robots, on a machine that has none.
    @Suite(.serialized) struct RealRobotManifestTests {
        private func manifest(_ name: String) -> String {
            Fixture.packageRoot.appendingPathComponent("launch/\(name).json").path
        }

        /// What a machine without cameras and checkpoint puts in their place.
        private func stand(in servos: EmulatedServos) -> [String] {
            let episode = Fixture.packageRoot.appendingPathComponent("launch/episode").path
            let checkpoint = Fixture.packageRoot.appendingPathComponent(
                "Tests/Fixtures/octo/case1_primary_goal_w1/checkpoint"
            ).path
            let settings = [
                "arm.port=\(servos.link)",
                #"cameras={"primary": {"source": "images", "folder": "\#(episode)", "pattern": "image_0_*.png"}}"#,
                #"goal={"source": "episode", "folder": "\#(episode)"}"#, "policy.checkpoint=\(checkpoint)",
                "policy.dataset=bridge_dataset", "arm.control_rate_hz=50",
            ]
            return settings.flatMap { ["--set", $0] }
        }

        @Test(arguments: ["robot", "so101"])
        func checkSaysAllThatIsMissing(name: String) throws {
            let outcome = try Program.run(
                "octo-launch",
                [
                    manifest(name), "--check", "--json", "--set", "arm.port=/dev/nowhere", "--set",
                    "cameras.primary.device=/dev/nowhere", "--set",
                    #"cameras.wrist={"source": "v4l2", "device": "/dev/null", "calibration": "wrist.json"}"#, "--set",
                    #"goal={"source": "images", "images": {"primary": "nowhere.png"}}"#,
                ])
            #expect(outcome.exitCode == 2)
            let report = try JSONNode(parsing: Array(outcome.output.utf8))
            #expect(report["ready"]?.bool == false)
            let missing = Set(
                (report["findings"]?.array ?? []).filter { $0["severity"]?.string == "missing" }.compactMap {
                    $0["path"]?.string
                })
            #expect(
                missing.isSuperset(of: ["$.policy.checkpoint", "$.goal.images.primary", "$.arm.port"]), "\(missing)")
            #expect(missing.contains("$.cameras.primary.device"), "\(missing)")
            #expect(!missing.contains("$.cameras.wrist.device"), "a device that is there is enough: \(missing)")
            #expect(missing.contains("$.cameras.wrist.calibration"), "nobody has tuned it yet: \(missing)")
            let text = try Program.run("octo-launch", [manifest(name), "--check"])
            #expect(text.exitCode == 2 && text.output.contains("cannot start here yet"))
        }

        @Test(arguments: [("robot", EmulatedServos.Arm.widowX), ("so101", .so101)])
        func theSameFileRunsOnEmulatedServos(name: String, arm: EmulatedServos.Arm) throws {
            let servos = try EmulatedServos(arm: arm)
            let settings = stand(in: servos)
            let check = try Program.run("octo-launch", [manifest(name), "--check"] + settings)
            #expect(check.exitCode == 0, "\(check.output)\(check.errors)")
            let folder = try TemporaryFolder.make("real")
            defer { try? FileManager.default.removeItem(at: folder) }
            let program = try RunningProgram(
                "octo-launch",
                [
                    manifest(name), "--for", "4", "--json", "--run-folder", folder.appendingPathComponent("run").path,
                    "--set",
                    "record.folder=\(folder.path)/episodes",
                ] + settings)
            let outcome = program.waitForEnd(limit: 90)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let goals = try servos.goals()
            #expect(goals.count > 50, "\(outcome.errors)")
            try ServoEnvelope(arm).expect(goals)
        }

        /// A stranger's first run: one webcam, a checkpoint that was trained with two, no goal yet. Everything starts,
        /// the arm holds and it is said how a goal is taken; once it is, the arm goes.
        @Test func withoutAGoalItHoldsAndSaysHowToTakeOne() throws {
            let servos = try EmulatedServos()
            let folder = try TemporaryFolder.make("stranger")
            defer { try? FileManager.default.removeItem(at: folder) }
            let root = Fixture.packageRoot.path
            let pipeline = try Pipeline(
                [
                    "arm.port=\(servos.link)", "arm.bus_watchdog_s=2.5", "arm.control_rate_hz=50",
                    #"cameras.primary={"source": "images", "folder": "\#(root)/launch/episode", "#
                        + #""pattern": "image_0_000.png"}"#,
                    "policy.checkpoint=\(root)/Tests/Fixtures/octo/case10_wrist_left_out/checkpoint",
                    "goal.library=\(folder.path)/goals",
                ], manifest: manifest("robot"))
            func goal(_ arguments: String...) throws -> Program.Outcome {
                try Program.run("octo-goal", arguments + ["--run", pipeline.folder.path], limit: 40)
            }
            try pipeline.wait(for: "the policy to say what it lacks", limit: 60) {
                $0.status["policy"]?.headline.contains("octo-teleop goal NAME") == true && $0.armState != nil
                    && $0.status["camera-primary"]?.state == .ready
            }
            #expect(pipeline.isAtRest && pipeline.status["goal"]?.headline.contains("octo-teleop goal NAME") == true)
            // One place for each servo.
            #expect(Set(try servos.goals().map { [$0.id, $0.pulses] }).count <= 9)
            let taken = try goal("record", "cup")
            #expect(taken.exitCode == 0, "\(taken.errors)")
            let fits = try goal("check", "cup")
            #expect(fits.output.contains("goal 'cup'") && !fits.output.contains("RED"), "\(fits.output)\(fits.errors)")
            let set = try goal("set", "cup")
            #expect(set.exitCode == 0, "\(set.output)\(set.errors)")
            try pipeline.wait(for: "the arm to go", limit: 60) { $0.isExecuting }
            let (_, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }

        @Test func aDriverForOtherServosIsToldBeforeAnythingStarts() throws {
            let servos = try EmulatedServos(arm: .so101)
            let wrong = ["--set", "arm.calibration=\(EmulatedServos.Arm.so101.calibration)"]
            let outcome = try Program.run("octo-launch", [manifest("robot"), "--check"] + stand(in: servos) + wrong)
            #expect(outcome.exitCode == 2 && outcome.output.contains("which is of feetech servos"), "\(outcome.output)")
        }
    }
}
