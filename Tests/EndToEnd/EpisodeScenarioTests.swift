import Bus
import Foundation
import JSONTree
import Manifests
import Messages
import Recording
import Simulation
import TestSupport
import Testing
import Time
import Wire

private let canSimulate = (try? World.libraryVersion()) != nil

extension EndToEnd {
    /// One recording's life: cut short, mended, seen again by a fresh policy, checked, and made a dataset of.
    @Suite(.enabled(if: canSimulate, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
    struct EpisodeScenarioTests {
        private static let manifest = Fixture.packageRoot.appendingPathComponent("launch/sim.json").path
        private static let mcapPython = TestPython.path(
            with: ["mcap", "zstandard", "lz4"], namedBy: "OCTO_MCAP_PYTHON")
        private static let arrowPython = TestPython.path(with: ["pyarrow"], namedBy: "OCTO_PARQUET_PYTHON")
        private static let recordPython = TestPython.path(
            with: ["tfrecord", "crc32c"], namedBy: "OCTO_TFRECORD_PYTHON")

        @Test func aRecordingThatWasCutIsMendedReplayedVerifiedAndExported() throws {
            let folder = try TemporaryFolder.make("scenario")
            defer { try? FileManager.default.removeItem(at: folder) }
            let cut = try record(in: folder)
            #expect(try !EpisodeFile(path: cut).reader.isFinished)

            let mended = folder.appendingPathComponent("mended.mcap").path
            let recovered = try Program.run("octo-replay", ["recover", cut, "--out", mended, "--json"])
            #expect([0, 3].contains(recovered.exitCode), "\(recovered.errors)")
            let file = try EpisodeFile(path: mended)
            #expect(file.reader.isFinished && file.reader.problems.isEmpty)
            let states = try file.messages(of: Topics.armState)
            #expect(states.count > 200)

            let verified = try Program.run("octo-replay", ["verify", mended, "--json"], limit: 120)
            let report = try JSONNode(parsing: Array(verified.output.utf8))
            #expect(
                report["identical"]?.bool == true && (report["chunks"]?["identical"]?.int ?? 0) > 10,
                "\(verified.output)")
            #expect((report["setpoints"]?["identical"]?.int ?? 0) > 500, "\(verified.output)")

            let goals = folder.appendingPathComponent("goals").path
            let goal = try Program.run("octo-goal", ["from-episode", mended + ":-1", "reached", "--library", goals])
            #expect(goal.exitCode == 0, "\(goal.errors)")
            #expect(FileManager.default.fileExists(atPath: goals + "/reached/goal.json"))
            let none = try Program.run("octo-goal", ["from-episode", mended + ":100000", "none", "--library", goals])
            #expect(none.exitCode == 2 && none.errors.contains("no frame 100000"), "\(none.errors)")
            try replay(mended, in: folder, chunks: try file.messages(of: Topics.policyChunk).map(\.message))
            try export(mended, in: folder)
            try exportCopies(of: mended, and: cut, in: folder)
            let beyond = try Program.run(
                "octo-replay", ["bus", mended, "--from", "1e12", "--run", folder.path + "/beyond"])
            #expect([1, 2].contains(beyond.exitCode) && beyond.errors.hasPrefix("error:"), "\(beyond)")
        }

        /// The same episode in two files is one episode, and what cannot be used is left out where that is asked for.
        private func exportCopies(of path: String, and other: String, in folder: URL) throws {
            let broken = folder.appendingPathComponent("broken.mcap").path
            try Data("this is no recording at all".utf8).write(to: URL(fileURLWithPath: broken))
            func export(_ arguments: [String]) throws -> Program.Outcome {
                try Program.run("octo-replay", ["export"] + arguments, limit: 120)
            }
            let joints = folder.appendingPathComponent("joints").path
            let once = try export([path, other, path, "--lerobot", joints + "/", "--actions", "joints", "--json"])
            #expect(once.exitCode == 0, "\(once)")
            let report = try JSONNode(parsing: Array(once.output.utf8))
            #expect(report["episodes"]?.array?.count == 1 && report["skipped"]?.array?.count == 1, "\(once.output)")
            #expect(
                report["skipped"]?.array?[0]["why"]?.string?.contains("the same episode as") == true, "\(once.output)")
            let info = try String(contentsOfFile: joints + "/meta/info.json", encoding: .utf8)
            #expect(info.contains("gripper.pos") && FileManager.default.fileExists(atPath: joints + "/resampling.json"))
            #expect(try export([path, broken, "--rlds", folder.path + "/no"]).exitCode == 2)
            let rest = try export([broken, path, "--rlds", folder.path + "/rest", "--skip-unusable"])
            #expect(rest.exitCode == 0 && rest.output.contains("broken.mcap: left out, it cannot be used:"), "\(rest)")
            let slow = try export([path, "--lerobot", folder.path + "/slow", "--rate", "2.5"])
            #expect(slow.exitCode == 2 && slow.errors.contains("expected a whole number"), "\(slow)")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/slow"))
        }

        /// - Returns: a cut file of a recorder that was killed in the middle of twenty seconds.
        private func record(in folder: URL) throws -> String {
            let pipeline = try Pipeline(
                ["record.enabled=true", "record.folder=\(folder.path)/episodes"], manifest: Self.manifest)
            try pipeline.waitUntilMoving()
            try pipeline.letTick(1000)
            let victim = try pipeline.processID(of: "recorder")
            kill(victim, SIGKILL)
            // The checkpoint's weights are random: the arm may have run into something by then, and hold.
            try pipeline.letTick(1000)
            let (summary, outcome) = try pipeline.stop()
            // What the recorder took in its last instant may be lost: that has an exit code of its own.
            #expect([0, 5].contains(outcome.exitCode) && restarts(in: summary) == 1, "\(outcome.errors)")
            let paths = try #require(summary["episodes"]?.array).compactMap { $0["path"]?.string }
            #expect(paths.count == 2)
            // The next recorder has made the file whole; a power cut would leave it like this.
            let whole = try Data(contentsOf: URL(fileURLWithPath: try #require(paths.first)))
            let cut = folder.appendingPathComponent("cut.mcap")
            try whole.prefix(whole.count * 9 / 10).write(to: cut)
            return cut.path
        }

        /// A policy that has never seen the run makes chunks of its pictures.
        private func replay(_ path: String, in folder: URL, chunks logged: [ActionChunk]) throws {
            let run = folder.appendingPathComponent("run").path
            let player = try RunningProgram("octo-replay", ["bus", path, "--run", run, "--live", "policy", "--loop"])
            let deadline = MonotonicTime.now() + .seconds(60)
            while !FileManager.default.fileExists(atPath: run + "/run.json"), MonotonicTime.now() < deadline {
                try #require(player.process.isRunning, "\(player.errors)")
                usleep(10_000)
            }
            let description = try RunDescription.load(folder: run)
            let policy = try RunningProgram("octo-policy", ["run", "--run", run, "--node", "policy"])
            let bus = try BusNode(
                BusOptions(
                    node: "test", runID: description.runID, endpoint: nil, peers: description.endpoints.values.sorted())
            )
            defer { bus.close() }
            let chunks = try bus.subscribe(Topics.policyChunk)
            var found: [ActionChunk] = []
            while found.count < 3, MonotonicTime.now() < deadline, player.process.isRunning, policy.process.isRunning {
                try bus.wait(until: .now() + .milliseconds(50))
                while let received = chunks.take() { found.append(received.message) }
            }
            #expect(found.count >= 3, "\(policy.errors)\n\(player.errors)")
            for chunk in found {
                #expect(chunk.goalID == logged.first?.goalID && chunk.actionHorizon == logged.first?.actionHorizon)
            }
            for program in [policy, player] { kill(program.process.processIdentifier, SIGTERM) }
            for program in [policy, player] {
                #expect(program.waitForEnd(limit: 20).exitCode == 0, "\(program.errors)")
            }
        }

        private func export(_ path: String, in folder: URL) throws {
            let rlds = folder.appendingPathComponent("rlds").path
            let written = try Program.run(
                "octo-replay",
                ["export", path, "--rlds", rlds, "--size", "64x64", "--instruction", "push the block", "--json"],
                limit: 120)
            #expect(written.exitCode == 0, "\(written.output)\(written.errors)")
            let timesteps = try #require(
                try JSONNode(parsing: Array(written.output.utf8))["episodes"]?.array?.first?["timesteps"]?.int)
            #expect(timesteps > 20)
            let lerobot = folder.appendingPathComponent("lerobot").path
            let second = try Program.run("octo-replay", ["export", path, "--lerobot", lerobot], limit: 120)
            #expect(second.exitCode == 0, "\(second.output)\(second.errors)")
            let others = try Program.run(
                "octo-replay",
                ["export", path, "--rlds", folder.appendingPathComponent("none").path, "--outcome", "discarded"],
                limit: 120)
            #expect(
                others.exitCode == 1 && "\(others.output)\(others.errors)".contains("its outcome is"),
                "\(others.output)\(others.errors)")
            let statistics = try Program.run("octo-replay", ["stats", path], limit: 120)
            let node = try JSONNode(parsing: Array(statistics.output.utf8))
            #expect(
                node["num_transitions"]?.int == timesteps - 1 && node["action"]?["mean"]?.array?.count == 7,
                "\(statistics.errors)")

            var actionsByRecord: [Double] = []
            var actionsByTable: [Double] = []
            if let python = Self.mcapPython {
                let (exitCode, output) = try TestPython.run(
                    python, "Tests/Episodes/MCAPFilesTests/mcap_check.py", [path])
                let count = try JSONNode(parsing: output).array?.first?["counts"]?.array?.first?.int
                let ours = try EpisodeFile(path: path).reader.statistics.messageCount
                #expect(exitCode == 0 && count == Int(ours))
            }
            if let python = Self.recordPython {
                let shard = "\(rlds)/octo_episodes/1.0.0/octo_episodes-train.tfrecord-00000-of-00001"
                let (exitCode, output) = try TestPython.run(
                    python, "Tests/Episodes/DatasetsTests/tfrecord_check.py", [shard])
                #expect(exitCode == 0 && String(decoding: output, as: UTF8.self).contains("steps/observation/image_0"))
                let members = try JSONNode(parsing: output).array?.first?["records"]?.array?.first?.array ?? []
                for member in members where member.array?.first?.string == "steps/action" {
                    actionsByRecord = member.array?.last?.array?.compactMap(\.double) ?? []
                }
            }
            if let python = Self.arrowPython {
                let (exitCode, output) = try TestPython.run(
                    python, "Tests/Episodes/DatasetsTests/parquet_check.py",
                    ["\(lerobot)/data/chunk-000/file-000.parquet"])
                #expect(exitCode == 0)
                let table = try JSONNode(parsing: output).array?.first
                #expect(table?["rows"]?.int == timesteps)
                actionsByTable =
                    table?["columns"]?["action"]?.array?.flatMap { $0.array?.compactMap(\.double) ?? [] } ?? []
            }
            // The same episode by two roads, each read by others' software: the same numbers to the last bit.
            if Self.recordPython != nil, Self.arrowPython != nil {
                #expect(actionsByRecord.count == 7 * timesteps && actionsByRecord == actionsByTable)
            }
        }
    }
}
