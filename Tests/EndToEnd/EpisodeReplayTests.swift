import Bus
import EpisodeFixture
import Foundation
import JSONTree
import MCAPFiles
import Manifests
import Maths
import Messages
import TestSupport
import Testing
import Time
import Wire

extension EndToEnd {
    /// Recorded episodes, played for real programs.
    @Suite(.serialized) struct EpisodeReplayTests {
        private let folder: URL

        init() throws { folder = try TemporaryFolder.make("replay") }

        private var runFolder: String { folder.path + "/run" }

        /// What the recorder attaches: the manifest with all defaults and absolute paths.
        private func manifest() throws -> MCAP.Attachment {
            let manifest = try Manifest.load(Pipeline.replayManifest)
            return .init(
                logTime: 0, name: "manifest.json", mediaType: "application/json", data: Array(manifest.tree.text().utf8)
            )
        }

        /// Starts `octo-replay bus`, and waits for its run.
        private func play(_ path: String, _ arguments: [String], input: Pipe? = nil) throws -> RunningProgram {
            let player = try RunningProgram("octo-replay", ["bus", path, "--run", runFolder] + arguments, input: input)
            let deadline = MonotonicTime.now() + .seconds(20)
            while !FileManager.default.fileExists(atPath: runFolder + "/run.json") {
                guard player.process.isRunning, MonotonicTime.now() < deadline else {
                    throw TimedOut(description: "octo-replay made no run folder:\n\(player.errors)")
                }
                usleep(10_000)
            }
            return player
        }

        @Test func programsBesideItSeeTheEpisodeAsTheyWouldSeeARun() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            var episode = try RecordedEpisode.run(attachments: [manifest()])
            let player = try play(episode.finish(), ["--loop"])
            let list = try Program.run("octo-bus", ["list", "--run", runFolder, "--seconds", "2"])
            #expect(list.exitCode == 0, "\(list.errors)")
            for topic in [
                "arm/state", "camera/primary/image", "camera/wrist/image", "policy/observation", "goal/current",
            ] {
                #expect(list.output.contains(topic), "\(topic) in \(list.output)")
            }
            #expect(!list.output.contains("arm/manual"))
            // Stamped now, as it was published.
            let echo = try Program.run(
                "octo-bus", ["echo", "camera/primary/image", "--once", "--json", "--run", runFolder])
            let line = try JSONNode(parsing: Array(echo.output.utf8))
            let age = Double((line["received_ns"]?.int ?? 0) - (line["envelope"]?["capture_ns"]?.int ?? 0)) * 1e-9
            #expect(age > 0.02 && age < 2, "captured \(age) s ago")
            #expect(line["envelope"]?["source_node"]?.string == "camera-primary")
            kill(player.process.processIdentifier, SIGINT)
            let outcome = player.waitForEnd(limit: 20)
            #expect(
                outcome.exitCode == 0 && outcome.output.contains("arm/state"), "\(outcome.output)\n\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: runFolder + "/run.json"))
        }

        /// However fast: a reader gets each message.
        @Test func nothingIsLostAtAnySpeed() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            var episode = try RecordedEpisode.run(seconds: 20, attachments: [manifest()])
            let player = try play(episode.finish(), ["--wait", "--speed", "1000"])
            let run = try RunDescription.load(folder: runFolder)
            let bus = try BusNode(
                BusOptions(node: "test", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted()))
            defer { bus.close() }
            var sequences: [UInt64] = []
            try bus.observeAll(prefix: "") { message in
                if message.topic == "arm/state" { sequences.append(message.envelope.sequence) }
            }
            let deadline = MonotonicTime.now() + .seconds(60)
            while player.process.isRunning, MonotonicTime.now() < deadline {
                try bus.wait(until: .now() + .milliseconds(10))
                // Slower than it is played.
                usleep(2_000)
            }
            for _ in 0..<100 { try bus.wait(until: .now() + .milliseconds(5)) }
            let outcome = player.waitForEnd(limit: 1)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(sequences == Array(0..<1000), "\(sequences.count) came: \(outcome.output)")
            #expect(outcome.output.contains("arm/state"))
        }

        @Test func aLivePolicyRunsOnRecordedPictures() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            var episode = try RecordedEpisode.run(attachments: [manifest()])
            let player = try play(episode.finish(), ["--loop", "--live", "policy"])
            let run = try RunDescription.load(folder: runFolder)
            let policy = try RunningProgram("octo-policy", ["run", "--run", runFolder, "--node", "policy"])
            let bus = try BusNode(
                BusOptions(node: "test", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted()))
            defer { bus.close() }
            let chunks = try bus.subscribe(Topics.policyChunk)
            let deadline = MonotonicTime.now() + .seconds(60)
            var found: ActionChunk?
            while found == nil, MonotonicTime.now() < deadline, player.process.isRunning, policy.process.isRunning {
                try bus.wait(until: .now() + .milliseconds(50))
                found = chunks.take()?.message
            }
            let chunk = try #require(found, "no chunk came. \(policy.errors)\n\(player.errors)")
            #expect(chunk.goalID == "cup" && chunk.inferredTime - chunk.captureTime < .seconds(5))
            for program in [policy, player] { kill(program.process.processIdentifier, SIGTERM) }
            #expect(policy.waitForEnd(limit: 20).exitCode == 0)
            #expect(player.waitForEnd(limit: 20).exitCode == 0)
        }

        @Test func eachLineIsAStep() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            var episode = try RecordedEpisode.run(seconds: 1, attachments: [manifest()])
            let keys = Pipe()
            let player = try play(episode.finish(), ["--step"], input: keys)
            try keys.fileHandleForWriting.write(contentsOf: Data("\n\n".utf8))
            try keys.fileHandleForWriting.close()
            let outcome = player.waitForEnd(limit: 30)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let row = outcome.output.split(separator: "\n").first { $0.hasPrefix("policy/observation") }
            #expect(row?.split(separator: " ").dropFirst().first == "2", "\(outcome.output)")
        }

        @Test func aNodeThatIsAliveIsNotPlayed() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            let pipeline = try Pipeline()
            try pipeline.wait(for: "the nodes", limit: 60) { $0.isReady }
            var episode = try RecordedEpisode.run(seconds: 1)
            let outcome = try Program.run("octo-replay", ["bus", episode.finish(), "--run", pipeline.folder.path])
            #expect(outcome.exitCode == 2 && outcome.errors.contains("--live"), "\(outcome.errors)")
            _ = try pipeline.stop()
        }

        @Test func aCutEpisodeIsMendedAndNothingIsReplaced() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            var episode = try RecordedEpisode.run()
            let path = try episode.cut()
            let mended = String(path.dropLast(5)) + ".recovered.mcap"
            let info = try Program.run("octo-replay", ["info", path])
            #expect(info.exitCode == 0 && info.output.contains("octo-replay recover"), "\(info.errors)")
            let first = try Program.run("octo-replay", ["recover", path, "--json"])
            #expect(first.exitCode == 3, "\(first.errors)")
            #expect(try JSONNode(parsing: Array(first.output.utf8))["was_whole"]?.bool == false)
            let again = try Program.run("octo-replay", ["recover", path])
            #expect(again.exitCode == 1 && again.errors.contains("--force"), "\(again.errors)")
            let whole = try Program.run("octo-replay", ["recover", mended, "--out", path + ".2.mcap"])
            #expect(whole.exitCode == 0 && whole.output.contains("nothing is lost"), "\(whole.output)\(whole.errors)")
            // Beside a whole file no other is made.
            let before = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            let needless = try Program.run("octo-replay", ["recover", path + ".2.mcap"])
            #expect(needless.exitCode == 0 && needless.output.contains("nothing to recover"), "\(needless.output)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == before)
            let session = try Program.run(
                "octo-replay", ["info", URL(fileURLWithPath: path).deletingLastPathComponent().path, "--short"])
            #expect(session.exitCode == 0 && session.output.contains("recovered") && session.output.contains("cut"))
        }

        /// Nobody is to mend, while it grows, what will be whole.
        @Test func anEpisodeThatIsStillRecordedIsNoCutOne() throws {
            let pipeline = try Pipeline(["record.enabled=true"])
            try pipeline.waitUntilMoving()
            try pipeline.letTick(300)
            let episodes = pipeline.folder.appendingPathComponent("episodes").path
            let path = try #require(
                FileManager.default.subpathsOfDirectory(atPath: episodes).first { $0.hasSuffix(".mcap") }
                    .map { episodes + "/" + $0 })
            let info = try Program.run("octo-replay", ["info", path])
            #expect(info.exitCode == 0 && info.output.contains("being recorded"), "\(info.output)\(info.errors)")
            #expect(!info.output.contains("recover"), "\(info.output)")
            let refused = try Program.run("octo-replay", ["recover", path])
            #expect(refused.exitCode == 2 && refused.errors.contains("still records"), "\(refused.errors)")
            let (_, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let afterwards = try Program.run("octo-replay", ["info", path])
            #expect(afterwards.output.contains("whole"), "\(afterwards.output)")
        }

        @Test func picturesAndPlotsAreWritten() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            var episode = try RecordedEpisode.run()
            let path = try episode.finish()
            let sheet = try Program.run("octo-replay", ["frames", path, "--sheet", folder.path + "/a.png"])
            #expect(sheet.exitCode == 0, "\(sheet.errors)")
            let files = try Program.run(
                "octo-replay",
                ["frames", path, "--camera", "wrist", "--every", "10", "--folder", folder.path + "/frames"])
            #expect(files.exitCode == 0, "\(files.errors)")
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/frames").sorted()
            #expect(names == ["wrist-000000.png", "wrist-000010.png", "wrist-000020.png", "wrist-000030.png"])
            let plot = try Program.run("octo-replay", ["plot", path, "--out", folder.path + "/a.svg"])
            #expect(plot.exitCode == 0, "\(plot.errors)")
            let missing = try Program.run(
                "octo-replay", ["frames", path, "--camera", "wirst", "--sheet", folder.path + "/b.png"])
            #expect(missing.exitCode == 2 && missing.errors.contains("primary, wrist"), "\(missing.errors)")
            // The newest of a folder has a name of its own.
            let last = URL(fileURLWithPath: path).deletingLastPathComponent().path + "/last"
            let newest = try Program.run("octo-replay", ["info", last, "--json"])
            #expect(newest.exitCode == 0, "\(newest.errors)")
            #expect(try JSONNode(parsing: Array(newest.output.utf8))["path"]?.string == path)
            let none = try Program.run("octo-replay", ["info", folder.path + "/frames/last"])
            #expect(none.exitCode == 2 && none.errors.contains("/frames/last"), "\(none.errors)")
            let nowhere = try Program.run("octo-replay", ["info", "/nowhere"])
            #expect(nowhere.exitCode == 2 && nowhere.errors.contains("/nowhere"))
        }

        /// The arm of a live run does a recorded motion again, and holds where it ends.
        @Test func theArmDoesARecordedMotionAgain() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            let pipeline = try Pipeline.quiet()
            let home = try #require(pipeline.armState).setpoint.positions
            var episode = try RecordedEpisode()
            for tick in 0...100 {
                var state = RecordedEpisode.state(at: Double(tick) / 50)
                let turn: JointVector = [0.1 + 0.2 * sin(Double(tick) / 50), 0, 0, 0, 0, 0]
                state.setpoint.positions = home + turn
                try episode.publish(state, on: "arm/state", from: "arm", at: RecordedEpisode.time(Double(tick) / 50))
            }
            let path = try episode.finish()
            let shown = try Program.run("octo-replay", ["arm", path, "--run", pipeline.folder.path])
            #expect(shown.exitCode == 0 && shown.output.contains("--yes"), "\(shown.errors)")
            try pipeline.letTick(5)
            #expect((try #require(pipeline.armState).setpoint.positions - home).magnitude < 1e-6)
            let done = try Program.run("octo-replay", ["arm", path, "--run", pipeline.folder.path, "--yes"], limit: 60)
            #expect(done.exitCode == 0, "\(done.output)\n\(done.errors)")
            try pipeline.letTick(20)
            let end = try #require(pipeline.armState)
            #expect(abs(end.measured.positions[0] - home[0] - 0.1 - 0.2 * sin(2)) < 0.02)
            let outcome = try pipeline.stop()
            #expect(outcome.outcome.exitCode == 0)
        }
    }
}
