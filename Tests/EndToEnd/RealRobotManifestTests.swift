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
                "octo-launch", [
                    manifest(name), "--check", "--json", "--set", "arm.port=/dev/nowhere", "--set",
                    "cameras.primary.device=/dev/nowhere", "--set", "cameras.wrist.device=/dev/null",
                ])
            #expect(outcome.exitCode == 2)
            let report = try JSONNode(parsing: Array(outcome.output.utf8))
            #expect(report["ready"]?.bool == false)
            let missing = Set(
                (report["findings"]?.array ?? []).filter { $0["severity"]?.string == "missing" }.compactMap { $0["path"]?.string })
            #expect(missing.isSuperset(of: ["$.policy.checkpoint", "$.goal.images.primary", "$.arm.port"]), "\(missing)")
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
                    manifest(name), "--for", "4", "--json", "--run-folder", folder.appendingPathComponent("run").path, "--set",
                    "record.folder=\(folder.path)/episodes",
                ] + settings)
            let outcome = program.waitForEnd(limit: 90)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let goals = try servos.goals()
            #expect(goals.count > 50, "\(outcome.errors)")
            try ServoEnvelope(arm).expect(goals)
        }

        @Test func aDriverForOtherServosIsToldBeforeAnythingStarts() throws {
            let servos = try EmulatedServos(arm: .so101)
            let wrong = ["--set", "arm.calibration=\(EmulatedServos.Arm.so101.calibration)"]
            let outcome = try Program.run("octo-launch", [manifest("robot"), "--check"] + stand(in: servos) + wrong)
            #expect(outcome.exitCode == 2 && outcome.output.contains("which is of feetech servos"), "\(outcome.output)")
        }
    }
}
