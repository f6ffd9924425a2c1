import Foundation
import Images
import JSONTree
import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

extension EndToEnd {
    @Suite(.serialized) struct RunTests {
        /// What every healthy run must say about itself.
        private func expectHealthy(_ summary: JSONNode, _ outcome: Program.Outcome) throws {
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(restarts(in: summary) == 0, "\(summary.text())")
            #expect(summary["bus_lost"]?.int == 0, "\(summary.text())")
            #expect(try #require(summary["frames"]?.int) > 10)
            #expect(try #require(summary["chunks"]?.int) > 10)
            let latency = try #require(summary["frame_to_first_setpoint_ms"])
            #expect(try #require(latency["count"]?.int) > 5)
            #expect(try #require(latency["p50"]?.double) > 0)
            #expect(try #require(summary["control_loop"]?["jitter_us"]?["count"]?.int) > 100)
        }

        @Test func replaysTheDemoEpisodeAndEndsByItself() throws {
            let pipeline = try Pipeline(arguments: ["--for", "5"])
            try pipeline.waitUntilMoving()
            let processes = try pipeline.status.keys.map { try pipeline.processID(of: $0) }
            #expect(processes.count == 4)
            let (summary, outcome) = try pipeline.finish(limit: 40)
            try expectHealthy(summary, outcome)
            #expect(waitUntilGone(processes) == [])
        }

        @Test(
            .enabled(if: Fixture.shared("octo/bridge-episode") != nil, "the real Bridge frames are not on this machine")
        )
        func replaysTheRealBridgeEpisodeTowardsItsLastFrame() throws {
            let episode = try #require(Fixture.shared("octo/bridge-episode")).path
            let pipeline = try Pipeline(
                ["cameras.primary.folder=\(episode)", "goal.folder=\(episode)"], arguments: ["--for", "5"])
            try pipeline.waitUntilMoving()
            let (summary, outcome) = try pipeline.finish(limit: 40)
            try expectHealthy(summary, outcome)
        }

        /// The vocabulary is named by the manifest, or lies in the checkpoint's folder.
        @Test(arguments: [true, false])
        func followsATextGoal(isTokenizerNamed: Bool) throws {
            let folder = try TemporaryFolder.make("text")
            defer { try? FileManager.default.removeItem(at: folder) }
            let checkpoint = folder.appendingPathComponent("checkpoint")
            try FileManager.default.copyItem(at: Fixture.url("octo/case4_text_only/checkpoint"), to: checkpoint)
            let model = Fixture.url("octo/tokenizer/spiece.model")
            if !isTokenizerNamed {
                try FileManager.default.copyItem(at: model, to: checkpoint.appendingPathComponent("spiece.model"))
            }
            let pipeline = try Pipeline(
                Pipeline.wristCamera + [
                    "policy.checkpoint=\(checkpoint.path)",
                    #"goal={"source": "text", "text": "Move the red block to the right of the plate."}"#,
                ] + (isTokenizerNamed ? ["policy.tokenizer=\(model.path)"] : []),
                arguments: ["--for", "5"])
            try pipeline.waitUntilMoving()
            let goal = try #require(pipeline.status["goal"]?.headline)
            #expect(goal.contains("\"Move the red block to the right of the plate.\""))
            let chunk = try #require(pipeline.chunks.take()).message
            #expect(!chunk.goalID.isEmpty && goal.contains(chunk.goalID))
            let (summary, outcome) = try pipeline.finish(limit: 40)
            try expectHealthy(summary, outcome)
        }

        /// As its authors run the released checkpoint: trained with two cameras, observed with one, whose tokens alone
        /// there are. And as the README takes goals: with a sentence, which nobody can tokenize and beside a picture
        /// nobody needs.
        @Test func oneCameraIsEnoughForACheckpointOfTwoAndAPictureForAGoalWithASentence() throws {
            let checkpoint = Fixture.url("octo/case10_wrist_left_out/checkpoint").path
            let pipeline = try Pipeline(
                ["policy.checkpoint=\(checkpoint)", "goal.text=put the block into the tray"], arguments: ["--for", "5"])
            try pipeline.waitUntilMoving()
            try pipeline.wait(for: "the policy to say so", limit: 20) {
                let policy = $0.status["policy"]?.headline ?? ""
                return policy.contains("without wrist") && policy.contains("not its sentence")
            }
            let (summary, outcome) = try pipeline.finish(limit: 40)
            try expectHealthy(summary, outcome)
            #expect(outcome.errors.contains("camera wrist: not there, its tokens are left out"), "\(outcome.errors)")
        }

        /// As webcams send them: bytes before a restart marker that belong to nothing. They move the arm, and are told.
        @Test func oddFramesOfAWebcamMoveTheArmAndAreCounted() throws {
            let folder = try TemporaryFolder.make("webcam")
            defer { try? FileManager.default.removeItem(at: folder) }
            let whole = Array(try Data(contentsOf: Fixture.url("pictures/restarts.jpg")))
            let marker = try #require(
                zip(whole, whole.dropFirst()).enumerated().first { $0.element == (0xff, 0xd0) }?.offset)
            for number in 0..<4 {
                var bytes = whole
                bytes.insert(contentsOf: [0x12, 0x00, 0x07], at: marker)
                try Data(bytes).write(to: folder.appendingPathComponent("frame_\(number).jpg"))
            }
            let pipeline = try Pipeline(
                [
                    #"cameras.primary={"source": "images", "folder": "\#(folder.path)", "#
                        + #""pattern": "frame_*.jpg", "rate_hz": 5}"#,
                    #"goal={"source": "none"}"#, "policy.require_goal=false",
                ])
            try pipeline.wait(for: "chunks of mended frames", limit: 60) {
                let counters = $0.status["policy"]?.counters ?? []
                func count(_ name: String) -> Int64 { counters.first { $0.name == name }?.value ?? 0 }
                return count("chunks") > 5 && count("mended_frames") > 2 && count("unreadable_frames") == 0
            }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                summary["mended_frames"]?.int ?? 0 > 2 && summary["unreadable_frames"]?.int == 0, "\(summary.text())")
        }

        /// Its process stands still, as one does whose device hangs: the policy goes on without it, says so, and takes
        /// it back.
        @Test func anOptionalCameraThatHangsIsMaskedAndTheEpisodeSaysSo() throws {
            let checkpoint = Fixture.url("octo/case10_wrist_left_out/checkpoint").path
            let goal = Fixture.packageRoot.path + "/launch/episode/image_0_029.png"
            let pipeline = try Pipeline(
                Pipeline.wristCamera + [
                    #"goal={"source": "images", "images": {"primary": "\#(goal)", "wrist": "\#(goal)"}}"#,
                    "policy.checkpoint=\(checkpoint)", "policy.cameras.wrist.optional=true", "record.enabled=true",
                    // Nobody is to end and restart it meanwhile.
                    "supervision.status_timeout_s=60",
                ])
            try pipeline.waitUntilMoving()
            let camera = try pipeline.processID(of: "camera-wrist")
            kill(camera, SIGSTOP)
            defer { kill(camera, SIGCONT) }
            try pipeline.wait(for: "the policy to go on without it", limit: 30) {
                $0.status["policy"]?.headline.contains("without camera 'wrist'") == true
            }
            func chunks(_ pipeline: Pipeline) -> Int64 {
                pipeline.status["policy"]?.counters.first { $0.name == "chunks" }?.value ?? 0
            }
            let before = chunks(pipeline)
            try pipeline.wait(for: "more chunks", limit: 30) { chunks($0) > before + 3 }
            kill(camera, SIGCONT)
            try pipeline.wait(for: "the camera to be seen again", limit: 30) { $0.status["policy"]?.state == .ready }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let path = try #require(summary["episodes"]?.array?.first?["path"]?.string)
            let masks = try EpisodeFile(path: path).messages(of: Topics.policyObservation)
                .map { $0.message.views.first { $0.camera == "wrist" }?.padMask.last ?? true }
            let away = masks.count { !$0 }
            #expect(masks.contains(true) && away > 3, "\(masks)")
            let verified = try Program.run("octo-replay", ["verify", path, "--json"], limit: 120)
            let report = try JSONNode(parsing: Array(verified.output.utf8))
            #expect(verified.exitCode == 0, "\(verified.output)\(verified.errors)")
            #expect(report["identical"]?.bool == true, "\(verified.output)")
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func stopsInOrderWhenAsked(signal: Int32) throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let processes = try pipeline.status.keys.map { try pipeline.processID(of: $0) }
            kill(pipeline.launcher.process.processIdentifier, signal)
            let (summary, outcome) = try pipeline.finish(limit: 20)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(restarts(in: summary) == 0)
            #expect(waitUntilGone(processes) == [])
            #expect(!FileManager.default.fileExists(atPath: pipeline.folder.appendingPathComponent("arm.ipc").path))
        }

        @Test func noChildOutlivesAKilledLauncher() throws {
            let pipeline = try Pipeline()
            try pipeline.waitUntilMoving()
            let processes = try pipeline.status.keys.map { try pipeline.processID(of: $0) }
            kill(pipeline.launcher.process.processIdentifier, SIGKILL)
            #expect(waitUntilGone(processes) == [])
        }

        @Test func theSameObservationGoalAndSeedGiveTheSameChunk() throws {
            // The images of one frame looped are one observation: only the noise counter differs between chunks, and
            // two runs give chunk for chunk the same.
            let folder = try TemporaryFolder.make("still")
            defer { try? FileManager.default.removeItem(at: folder) }
            let frame = Fixture.packageRoot.appendingPathComponent("launch/episode/image_0_000.png")
            try FileManager.default.copyItem(at: frame, to: folder.appendingPathComponent("image_0_000.png"))
            func firstChunks() throws -> [UInt64: [Float]] {
                let pipeline = try Pipeline(["cameras.primary.folder=\(folder.path)"])
                var chunks: [UInt64: [Float]] = [:]
                try pipeline.wait(for: "five chunks", limit: 60) { pipeline in
                    while let received = pipeline.chunks.take() {
                        chunks[received.message.noiseCounter] = received.message.actions
                    }
                    return chunks.count >= 5
                }
                _ = try pipeline.stop()
                return chunks
            }
            let first = try firstChunks()
            let second = try firstChunks()
            let common = Set(first.keys).intersection(second.keys)
            #expect(common.count >= 3)
            for counter in common { #expect(first[counter] == second[counter], "noise counter \(counter)") }
            #expect(Set(first.values).count == first.count)
        }

        @Test func aLoopbackTCPPipelineRunsToo() throws {
            let port = Int.random(in: 20_000..<40_000)
            let pipeline = try Pipeline(["bus.transport=tcp", "bus.base_port=\(port)"])
            try pipeline.waitUntilMoving()
            let (_, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }
    }
}
