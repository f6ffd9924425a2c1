import Bus
import Foundation
import JSONTree
import Manifests
import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

extension EndToEnd {
    /// `octo-record` beside a run, and what is on disk afterwards.
    @Suite struct RecorderTests {
        private func episodes(_ summary: JSONNode) throws -> [String] {
            try #require(summary["episodes"]?.array).compactMap { $0["path"]?.string }
        }

        private func files(in folder: URL) -> [String] {
            let found = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
            return found.filter { $0.hasSuffix(".mcap") }.map { folder.appendingPathComponent($0).path }.sorted()
        }

        @Test func aRunIsOnDiskWholeAndComesOutTheSameBitForBit() throws {
            let pipeline = try Pipeline(["record.enabled=true"] + Pipeline.wristCamera)
            try pipeline.waitUntilMoving()
            try pipeline.letTick(300)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let paths = try episodes(summary)
            try #require(paths.count == 1)
            #expect(summary["episodes"]?.array?[0]["missing"]?.int == 0)
            let file = try EpisodeFile(path: paths[0])
            #expect(file.reader.isFinished && file.reader.problems.isEmpty)
            for topic in [
                "camera/primary/image", "camera/wrist/image", "goal/current", "policy/observation", "policy/chunk",
                "arm/state", "arm/chunk",
                "arm/trace", "arm/loop", "node/arm/status",
            ] {
                #expect(file.reader.topics.contains(topic), "\(topic) is not among \(file.reader.topics)")
            }
            for name in ["manifest.json", "calibration/arm.json", "checkpoint/config.json"] {
                #expect(try file.attachment(named: name)?.isEmpty == false, "\(name)")
            }
            #expect(try file.metadata(named: "episode")?["goals"]?.isEmpty == false)
            #expect(try file.metadata(named: "checkpoint")?.keys.contains { $0.hasPrefix("file ") } == true)
            let proof = try #require(try file.metadata(named: "sequences"))
            #expect(proof["missing"] == "0", "\(proof)")
            let chunks = try file.messages(of: Topics.policyChunk).count
            // From the first one on: nobody speaks before the recorder listens.
            #expect(try file.messages(of: Topics.policyChunk).first?.message.id == 0)
            #expect(
                proof["topic policy/chunk"] == "sent \(chunks) taken \(chunks) written \(chunks) missing 0 repeated 0")
            // The frames as well, each once. (Their own numbers may have holes: a camera that is late by more than a
            // period goes on with the newest picture.)
            let frames = try file.messages(of: Topics.cameraImage("primary")).map(\.message.sequence)
            #expect(frames.count > 5 && zip(frames, frames.dropFirst()).allSatisfy { $0 < $1 })
            #expect(
                proof["topic camera/primary/image"]
                    == "sent \(frames.count) taken \(frames.count) written \(frames.count) missing 0 repeated 0")

            let verified = try Program.run("octo-replay", ["verify", paths[0], "--json"], limit: 120)
            let report = try JSONNode(parsing: Array(verified.output.utf8))
            #expect(verified.exitCode == 0, "\(verified.output)\(verified.errors)")
            #expect(report["identical"]?.bool == true && report["complete"]?.bool == true)
            #expect(
                (report["setpoints"]?["identical"]?.int ?? 0) > 300 && report["chunks"]?["identical"]?.int == chunks)
            // Another goal gives other actions.
            let picture = Fixture.packageRoot.appendingPathComponent("launch/episode/image_0_000.png").path
            let other = try Program.run(
                "octo-replay",
                [
                    "verify", paths[0], "--goal", picture, "--json", "--plot", pipeline.folder.path + "/errors.svg",
                    "--csv",
                    pipeline.folder.path + "/errors.csv",
                ], limit: 120)
            let drawing = try String(contentsOfFile: pipeline.folder.path + "/errors.svg", encoding: .utf8)
            #expect(drawing.contains("<svg") && drawing.contains("dyaw"))
            let rows = try String(contentsOfFile: pipeline.folder.path + "/errors.csv", encoding: .utf8).split(
                separator: "\n")
            #expect(rows.count == chunks + 1)
            #expect(other.exitCode == 0, "\(other.errors)")
            let evaluated = try JSONNode(parsing: Array(other.output.utf8))
            #expect(evaluated["verdict"]?.string == "evaluated" && evaluated["chunks"]?["identical"]?.int == 0)
        }

        @Test func episodesBeginAndEndByCommand() throws {
            let pipeline = try Pipeline(["record.enabled=true", "record.start=on_command", "record.ring_s=2"])
            try pipeline.waitUntilMoving()
            func ask(_ arguments: String...) throws -> Program.Outcome {
                try Program.run("octo-record", arguments + ["--run", pipeline.folder.path])
            }
            #expect(try ask("status").output.contains("nothing has been recorded"))
            let early = try ask("stop")
            #expect(early.exitCode == 1 && early.errors.contains("start an episode first"), "\(early.errors)")
            let badName = try ask("start", "../cup")
            #expect(badName.exitCode == 1 && badName.errors.contains("no name"), "\(badName.errors)")
            try pipeline.letTick(100)
            let began = MonotonicTime.now()
            let start = try ask("start", "cup")
            #expect(start.exitCode == 0 && start.output.contains("recording cup"), "\(start.errors)")
            try pipeline.letTick(50)
            #expect(try ask("status", "--json").output.contains("\"recording\": true"))
            #expect(try ask("note", "the", "cup", "is", "wet").exitCode == 0)
            #expect(try ask("stop").exitCode == 0)
            #expect(try ask("start", "cup").exitCode == 0)
            #expect(try ask("discard", "slipped").exitCode == 0)
            try pipeline.letTick(50)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let paths = try episodes(summary)
            #expect(paths.map { $0.split(separator: "/").last.map(String.init) } == ["cup.mcap", "cup-2.mcap"])
            let cup = try EpisodeFile(path: try #require(paths.first))
            #expect(try cup.metadata(named: "episode")?["notes"] == "the cup is wet")
            // What led to it is there: the goal that was set long before, and the last seconds.
            #expect(try cup.messages(of: Topics.goalCurrent).count == 1)
            let states = try cup.messages(of: Topics.armState)
            #expect(try #require(states.first).logTime < began && states.count > 20)
            #expect(try EpisodeFile(path: paths[1]).metadata(named: "episode")?["outcome"] == "discarded")
        }

        @Test func wordsOnAnEpisodeThatIsOverGetIntoItsFile() throws {
            let pipeline = try Pipeline(["record.enabled=true", "record.start=on_command"])
            try pipeline.waitUntilMoving()
            func ask(_ arguments: String...) throws -> Program.Outcome {
                try Program.run("octo-record", arguments + ["--run", pipeline.folder.path])
            }
            for command in [["start", "cup"], ["stop"]] {
                #expect(try Program.run("octo-record", command + ["--run", pipeline.folder.path]).exitCode == 0)
            }
            let late = try ask("success", "after", "all")
            #expect(late.exitCode == 0 && late.output.contains("cup marked as success"), "\(late.output)\(late.errors)")
            let path = try #require(files(in: pipeline.folder.appendingPathComponent("episodes")).first)
            let file = try EpisodeFile(path: path)
            #expect(file.reader.isFinished)
            let amended = try file.metadata(named: "episode/amended")
            #expect(amended?["outcome"] == "success" && amended?["notes"] == "after all")
            _ = try pipeline.stop()
        }

        @Test func aRecorderThatIsKilledLeavesAFileThatOpensAndAnotherGoesOn() throws {
            let pipeline = try Pipeline(["record.enabled=true"])
            try pipeline.waitUntilMoving()
            try pipeline.letTick(400)
            let victim = try pipeline.processID(of: "recorder")
            let killTime = MonotonicTime.now()
            kill(victim, SIGKILL)
            try pipeline.wait(for: "another recorder") {
                $0.status["recorder"].map {
                    $0.processID != victim && $0.state == .ready && $0.headline.contains("recording")
                } ?? false
            }
            #expect(pipeline.isExecuting, "the arm does not care")
            try pipeline.letTick(100)
            let (summary, outcome) = try pipeline.stop()
            // What it had taken in its last instant is not in the file, and that is told.
            #expect([0, 5].contains(outcome.exitCode) && restarts(in: summary) == 1, "\(outcome.errors)")
            let paths = try episodes(summary)
            try #require(paths.count == 2)
            let cut = try EpisodeFile(path: paths[0])
            #expect(cut.reader.isFinished, "the next recorder has made it whole")
            let states = try cut.messages(of: Topics.armState)
            let last = try #require(states.last?.logTime)
            // A second is what it aims at; a loaded machine may be late.
            #expect(states.count > 50 && killTime - last < .seconds(5))
            let ticks = states.map(\.message.tick)
            #expect(zip(ticks, ticks.dropFirst()).filter { $0 >= $1 }.isEmpty)
            let whole = try EpisodeFile(path: paths[1])
            #expect(whole.reader.isFinished)
            // The cut file has the loop's beginning, so its setpoints can be checked up to its end.
            let verified = try Program.run("octo-replay", ["verify", paths[0], "--json"], limit: 120)
            let report = try JSONNode(parsing: Array(verified.output.utf8))
            #expect(
                report["identical"]?.bool == true && (report["setpoints"]?["identical"]?.int ?? 0) > 300,
                "\(verified.output)")
        }

        @Test func aFullDiskIsToldAndTheArmGoesOn() throws {
            let programs = try TemporaryFolder.make("bin")
            defer { try? FileManager.default.removeItem(at: programs) }
            for name in ["octo-camera", "octo-goal", "octo-policy", "octo-arm"] {
                try FileManager.default.createSymbolicLink(
                    atPath: programs.appendingPathComponent(name).path, withDestinationPath: Program.path(name))
            }
            // No file may be longer than 300 blocks of 512 bytes: then writes fail, as on a disk that is full.
            let script = programs.appendingPathComponent("octo-record")
            try Data("#!/bin/sh\ntrap '' XFSZ\nulimit -f 300\nexec \(Program.path("octo-record")) \"$@\"\n".utf8).write(
                to: script)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
            let pipeline = try Pipeline(["record.enabled=true"], environment: ["OCTO_BIN_DIR": programs.path])
            try pipeline.waitUntilMoving()
            try pipeline.wait(for: "word of the disk") {
                $0.status["recorder"].map { $0.state == .degraded && $0.headline.contains("the disk takes nothing") }
                    ?? false
            }
            #expect(pipeline.isExecuting, "the arm does not care")
            let (summary, outcome) = try pipeline.stop()
            #expect(
                outcome.exitCode == 5 && restarts(in: summary) == 0 && outcome.errors.contains("is not whole"),
                "\(outcome.errors)")
            let path = try #require(files(in: pipeline.folder.appendingPathComponent("episodes")).first)
            let file = try EpisodeFile(path: path)
            // It can be opened; what came first, and how much of it there was place for, differs from start to start.
            #expect(!file.reader.isFinished)
        }

        @Test func aFolderThatCannotBeMadeIsRefusedAtTheStart() throws {
            for folder in ["/proc/episodes", "/dev/null/episodes"] {
                let run = try TemporaryFolder.make("run")
                defer { try? FileManager.default.removeItem(at: run) }
                let outcome = try Program.run(
                    "octo-launch",
                    [
                        Pipeline.replayManifest, "--for", "2", "--run-folder", run.path, "--set",
                        "record.folder=\(folder)",
                    ])
                #expect(outcome.exitCode == 2 || outcome.exitCode == 3, "\(outcome.errors)")
                #expect(
                    outcome.errors.contains("record.folder") && outcome.errors.contains(folder), "\(outcome.errors)")
            }
        }

        @Test func whatIsNoEpisodeIsSaid() throws {
            let folder = try TemporaryFolder.make("none")
            defer { try? FileManager.default.removeItem(at: folder) }
            let path = folder.appendingPathComponent("a.mcap").path
            try Data("this is no recording at all".utf8).write(to: URL(fileURLWithPath: path))
            for given in [path, folder.appendingPathComponent("none.mcap").path] {
                let outcome = try Program.run("octo-replay", ["verify", given])
                #expect(outcome.exitCode == 2 && outcome.errors.contains(given), "\(outcome.errors)")
            }
            let alone = try Program.run("octo-record", ["status", "--run", folder.path])
            #expect(alone.exitCode == 2 && alone.errors.contains(folder.path), "\(alone.errors)")
        }
    }
}
