import Foundation
import Images
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// Each unusable input gives one clear error with the mend, a non-zero exit, no motion and no orphan.
    @Suite(.serialized) struct BadInputTests {
        private static let caseOne = Fixture.url("octo/case1_primary_goal_w1/checkpoint").path

        /// Launches the replay manifest with overrides that cannot work.
        private func expectRefusal(
            _ settings: [String], manifest: String = Pipeline.replayManifest, mentions words: [String],
            exitCode: Int32? = nil, isOfFiles: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let base = try TemporaryFolder.make("refuse")
            defer { try? FileManager.default.removeItem(at: base) }
            let outcome = try Program.run(
                "octo-launch",
                [manifest, "--for", "5", "--run-folder", base.appendingPathComponent("run").path]
                    + (["record.folder=\(base.path)/episodes"] + settings).flatMap { ["--set", $0] })
            #expect(outcome.exitCode != 0 && outcome.exitCode != -9, sourceLocation: sourceLocation)
            if let exitCode { #expect(outcome.exitCode == exitCode, sourceLocation: sourceLocation) }
            for word in words {
                #expect(
                    outcome.errors.contains(word), "no '\(word)' in:\n\(outcome.errors)", sourceLocation: sourceLocation
                )
            }
            #expect(!outcome.errors.contains("executing chunk"), sourceLocation: sourceLocation)
            // One error, told once.
            let errors = outcome.errors.split(separator: "\n").filter { $0.contains("error: ") }
            #expect(errors.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
            #expect(
                !outcome.errors.contains("while it was stopping"), "\(outcome.errors)", sourceLocation: sourceLocation)
            #expect(processesMentioning(base.path) == [], sourceLocation: sourceLocation)
            let left =
                FileManager.default.enumerator(atPath: base.appendingPathComponent("episodes").path)?
                .compactMap { $0 as? String }.filter { $0.hasSuffix(".mcap") } ?? []
            #expect(left == [], "a failed start leaves no episode", sourceLocation: sourceLocation)
            // What a start refuses because of files `--check` says before it, in the same words.
            guard isOfFiles else { return }
            let check = try Program.run("octo-launch", [manifest, "--check"] + settings.flatMap { ["--set", $0] })
            #expect(check.exitCode == 2, "\(check.output)\(check.errors)", sourceLocation: sourceLocation)
            for word in words {
                #expect(
                    (check.output + check.errors).contains(word), "no '\(word)' in:\n\(check.output)\(check.errors)",
                    sourceLocation: sourceLocation)
            }
        }

        /// Processes whose command line names the folder: a run's nodes all do.
        private func processesMentioning(_ folder: String) -> [String] {
            let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return all.filter { Int($0) != nil }.filter { process in
                let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
                return String(decoding: line, as: UTF8.self).contains(folder)
            }
        }

        private func withFolder(_ body: (URL) throws -> Void) throws {
            let folder = try TemporaryFolder.make("bad")
            defer { try? FileManager.default.removeItem(at: folder) }
            try body(folder)
        }

        @Test func aMissingCheckpoint() throws {
            try expectRefusal(
                ["policy.checkpoint=/nonexistent/model"], mentions: ["/nonexistent/model", "policy.checkpoint"])
        }

        @Test func aCorruptCheckpoint() throws {
            try withFolder { folder in
                let copy = folder.appendingPathComponent("checkpoint")
                try FileManager.default.copyItem(atPath: Self.caseOne, toPath: copy.path)
                let parameters = copy.appendingPathComponent("300000/default/checkpoint")
                let whole = try Data(contentsOf: parameters)
                try whole.prefix(whole.count / 2).write(to: parameters)
                try expectRefusal(["policy.checkpoint=\(copy.path)"], mentions: ["policy", parameters.path])
            }
        }

        @Test(arguments: ["ocdbt", "zarr"])
        func aCheckpointInAForeignLayout(layout: String) throws {
            try withFolder { folder in
                let copy = folder.appendingPathComponent("checkpoint")
                try FileManager.default.copyItem(atPath: Self.caseOne, toPath: copy.path)
                try FileManager.default.removeItem(at: copy.appendingPathComponent("300000"))
                try FileManager.default.copyItem(
                    at: Fixture.url("octo/layouts/\(layout)/7"), to: copy.appendingPathComponent("7"))
                try expectRefusal(["policy.checkpoint=\(copy.path)"], mentions: ["save_pretrained"])
            }
        }

        @Test func aCheckpointThatReadsTheArmWithoutSayingHowOrInAnotherLength() throws {
            let proprio = Fixture.url("octo/case5_proprio_l1/checkpoint").path
            // Its statistics have no name.
            let policy = #"policy={"checkpoint": "\#(proprio)", "rate_hz": 5}"#
            try expectRefusal([policy], mentions: ["reads 8 numbers as 'proprio'", "Set policy.proprio to \"bridge\""])
            try expectRefusal([policy, "policy.proprio=joints"], mentions: ["gives 7 numbers on this arm", "reads 8"])
            try expectRefusal(
                ["policy.checkpoint=\(proprio)"], mentions: ["'bridge_dataset'", "no data set to be named"])
        }

        @Test(arguments: [("eef_absolute", 7), ("joint_delta", 7)])
        func anActionSpaceThatTheCheckpointCannotHave(space: String, needed: Int) throws {
            try withFolder { folder in
                let copy = folder.appendingPathComponent("checkpoint")
                try FileManager.default.copyItem(atPath: Self.caseOne, toPath: copy.path)
                // Statistics of an arm with one number less.
                let file = copy.appendingPathComponent("dataset_statistics.json")
                let whole = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: [String: Any]]
                let cut = try #require(whole).mapValues { dataset in
                    ["action": (dataset["action"] as? [String: [Any]])?.mapValues { Array($0.dropLast()) } ?? [:]]
                }
                try JSONSerialization.data(withJSONObject: cut).write(to: file)
                try expectRefusal(
                    ["policy.checkpoint=\(copy.path)", "policy.action_space=\(space)"],
                    mentions: ["its actions have 6 numbers", "policy.action_space '\(space)' needs \(needed)"],
                    exitCode: 3)
            }
        }

        @Test func aCheckpointThatWantsACameraTheManifestDoesNotHave() throws {
            // One of two may be missing; of one none.
            let oneCamera = Fixture.url("octo/case7_octo10_attention/checkpoint").path
            let episode = Fixture.packageRoot.appendingPathComponent("launch/episode").path
            let overhead =
                #"cameras={"overhead": {"source": "images", "folder": "\#(episode)", "pattern": "image_0_*.png"}}"#
            try expectRefusal(
                ["policy.checkpoint=\(oneCamera)", overhead, #"goal={"source": "none"}"#],
                mentions: ["overhead", "primary", "Name one of"])
        }

        @Test func imagesOfDifferentSizesInOneFolder() throws {
            try withFolder { folder in
                for (index, source) in ["launch/episode/image_0_000.png"].enumerated() {
                    try FileManager.default.copyItem(
                        at: Fixture.packageRoot.appendingPathComponent(source),
                        to: folder.appendingPathComponent("image_0_00\(index).png"))
                }
                // A 1×1 PNG beside a 256×256 one.
                try RGBImage(width: 1, height: 1, filledWith: 9).writePNG(
                    to: folder.appendingPathComponent("image_0_001.png").path)
                try expectRefusal(["cameras.primary.folder=\(folder.path)"], mentions: ["image_0_001.png", "256"])
            }
        }

        @Test func anEmptyFrameFolder() throws {
            try withFolder { folder in
                try expectRefusal(["cameras.primary.folder=\(folder.path)"], mentions: [folder.path])
            }
        }

        @Test func anUnreadablePNG() throws {
            try withFolder { folder in
                let file = folder.appendingPathComponent("image_0_000.png")
                try Data([0x89, 0x50, 0x4E, 0x47, 1, 2, 3]).write(to: file)
                try expectRefusal(["cameras.primary.folder=\(folder.path)"], mentions: ["image_0_000.png"])
            }
        }

        @Test func aGoalFrameThatTheEpisodeDoesNotHave() throws {
            try expectRefusal(["goal.frame=4711"], mentions: ["4711"])
        }

        private static let textCheckpoint = Fixture.url("octo/case4_text_only/checkpoint").path
        private static let tokenizer = Fixture.url("octo/tokenizer/spiece.model").path
        private static let textGoal =
            Pipeline.wristCamera + [
                "policy.checkpoint=\(textCheckpoint)",
                #"goal={"source": "text", "text": "put the block into the tray"}"#,
            ]

        @Test func aTextThatNobodyCanTokenize() throws {
            try expectRefusal(
                Self.textGoal, mentions: ["put the block into the tray", "policy.tokenizer", "/spiece.model"],
                exitCode: 3)
        }

        @Test func aTextForACheckpointThatTakesNone() throws {
            // The checkpoint of the test network, without its language tokenizer.
            try withFolder { folder in
                let copy = folder.appendingPathComponent("checkpoint")
                try FileManager.default.copyItem(atPath: Self.caseOne, toPath: copy.path)
                try removeLanguage(from: copy.appendingPathComponent("config.json"))
                try expectRefusal(
                    ["policy.checkpoint=\(copy.path)", "goal.text=put the block into the tray", "goal.use=both"],
                    mentions: ["takes no text", "goal.text"], exitCode: 3)
            }
        }

        private func removeLanguage(from file: URL) throws {
            let whole = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
            var config = try #require(whole as? [String: Any])
            var model = try #require(config["model"] as? [String: Any])
            model["task_tokenizers"] = [String: Any]()
            config["model"] = model
            try JSONSerialization.data(withJSONObject: config).write(to: file)
        }

        @Test func aTokenizerThatIsCut() throws {
            try withFolder { folder in
                let cut = folder.appendingPathComponent("cut.model")
                try Data(contentsOf: URL(fileURLWithPath: Self.tokenizer)).prefix(5000).write(to: cut)
                try expectRefusal(
                    Self.textGoal + ["policy.tokenizer=\(cut.path)"], mentions: ["cut.model", "policy.tokenizer"],
                    exitCode: 3)
            }
        }

        @Test func aGoalImageOfAnotherSizeThanTheFrames() throws {
            // One picture 64 pixels wide as the camera's frames, the 256 wide episode as goal.
            try withFolder { folder in
                let small = RGBImage(width: 64, height: 64, filledWith: 90)
                try small.writePNG(to: folder.appendingPathComponent("image_0_000.png").path)
                try expectRefusal(
                    ["cameras.primary.folder=\(folder.path)"],
                    mentions: ["'primary' is 256x256", "64x64", "record the goal with the same camera"], exitCode: 3)
            }
        }

        @Test func anUnknownManifestKey() throws {
            try expectRefusal(
                ["arm.contol_rate_hz=250"], mentions: ["contol_rate_hz", "control_rate_hz"], exitCode: 2)
        }

        @Test func aManifestThatIsNotJSON() throws {
            try withFolder { folder in
                let manifest = folder.appendingPathComponent("robot.json")
                try Data("cameras:\n  primary: yes\n".utf8).write(to: manifest)
                try expectRefusal([], manifest: manifest.path, mentions: ["robot.json", "line 1"], exitCode: 2)
            }
        }

        @Test func aManifestThatIsNotThere() throws {
            try expectRefusal(
                [], manifest: "/nonexistent/robot.json", mentions: ["/nonexistent/robot.json"], exitCode: 2)
        }

        @Test func aCalibrationThatIsNone() throws {
            try withFolder { folder in
                let file = folder.appendingPathComponent("arm.json")
                try Data("{\"name\": \"nothing\"}".utf8).write(to: file)
                try expectRefusal(["arm.calibration=\(file.path)"], mentions: ["arm.json", "joints"])
            }
        }

        @Test func aBusyEndpoint() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let port: UInt16? = withUnsafeMutableBytes(of: &address) { bytes in
                guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return nil }
                guard bind(descriptor, pointer, length) == 0, listen(descriptor, 1) == 0,
                    getsockname(descriptor, pointer, &length) == 0
                else { return nil }
                return UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
            }
            try expectRefusal(
                ["bus.transport=tcp", "bus.base_port=\(try #require(port))"],
                mentions: ["\(try #require(port))", "set bus.base_port"],
                isOfFiles: false)
        }

        @Test func aSecondLauncherOnTheSameRunFolder() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let second = try Program.run(
                "octo-launch", [Pipeline.replayManifest, "--for", "2", "--run-folder", pipeline.folder.path])
            #expect(second.exitCode == 4)
            #expect(second.errors.contains("\(pipeline.launcher.process.processIdentifier)"))
            // The first is not disturbed.
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0)
            #expect(restarts(in: summary) == 0)
        }

        @Test func aNodeThatExitsAtOnce() throws {
            try withStandIn("exit 7") { programs in
                try expectNodeFailure(programs, mentions: ["policy", "7"])
            }
        }

        @Test func aNodeThatNeverBecomesReady() throws {
            try withStandIn("exec sleep 1000") { programs in
                try expectNodeFailure(
                    programs, settings: ["supervision.ready_timeout_s=2"], mentions: ["policy", "ready"])
            }
        }

        /// A folder of the real programs in which octo-policy is a shell script.
        private func withStandIn(_ script: String, _ body: (URL) throws -> Void) throws {
            try withFolder { folder in
                for program in ["octo-camera", "octo-goal", "octo-arm"] {
                    try FileManager.default.createSymbolicLink(
                        atPath: folder.appendingPathComponent(program).path, withDestinationPath: Program.path(program))
                }
                let policy = folder.appendingPathComponent("octo-policy")
                try Data("#!/bin/sh\n\(script)\n".utf8).write(to: policy)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: policy.path)
                try body(folder)
            }
        }

        private func expectNodeFailure(_ programs: URL, settings: [String] = [], mentions words: [String]) throws {
            let run = try TemporaryFolder.make("run")
            defer { try? FileManager.default.removeItem(at: run) }
            let outcome = try Program.run(
                "octo-launch",
                [Pipeline.replayManifest, "--set", "record.enabled=false", "--run-folder", run.path]
                    + settings.flatMap { ["--set", $0] },
                environment: ["OCTO_BIN_DIR": programs.path])
            #expect(outcome.exitCode == 3, "\(outcome.errors)")
            for word in words { #expect(outcome.errors.contains(word), "no '\(word)' in:\n\(outcome.errors)") }
            #expect(processesMentioning(run.path) == [])
            #expect(processesMentioning(programs.path) == [])
        }
    }
}
