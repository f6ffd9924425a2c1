import Foundation
import JSONTree
import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

extension EndToEnd {
    /// Whatever ends a run or spoils its disk: what is said of its episodes is what is in their files.
    @Suite struct EpisodeEndTests {
        private static let python = TestPython.path(with: ["mcap", "zstandard", "lz4"])

        /// Says whether the summary tells the truth of every episode, as this project's reader and Foxglove's count it.
        private func check(_ summary: JSONNode, _ outcome: Program.Outcome, _ what: String) throws {
            let episodes = try #require(summary["episodes"]?.array, "\(what)")
            var isWhole = true
            for episode in episodes {
                let path = try #require(episode["path"]?.string)
                let found = try EpisodeAudit(path: path)
                let taken = try #require(episode["messages_taken"]?.int)
                #expect(episode["messages"]?.int == Int(found.messages), "\(what)")
                let isAllThere = found.isWhole && Int(found.messages) >= taken
                #expect(episode["whole"]?.bool == isAllThere, "\(what): \(found), \(taken) taken")
                isWhole = isWhole && isAllThere
                if let python = Self.python {
                    let script =
                        "import sys, json, collections\nfrom mcap.stream_reader import StreamReader\n"
                        + "from mcap.records import Channel, Message\nchannels = {}\ncounts = "
                        + "collections.Counter()\ntry:\n  for r in StreamReader(open(sys.argv[1], 'rb')).records:\n"
                        + "    if isinstance(r, Channel): channels[r.id] = r.topic\n"
                        + "    if isinstance(r, Message): counts[channels[r.channel_id]] += 1\nexcept Exception: pass\n"
                        + "print(json.dumps(counts))"
                    let counted = try JSONNode(parsing: Array(Self.output(of: python, ["-c", script, path]).utf8))
                    let all = counted.object?.compactMap(\.value.int).reduce(0, +) ?? 0
                    // That reader gives up a chunk that is cut; what can still be read of it counts here.
                    #expect(found.isWhole ? all == found.messages : all <= found.messages, "\(what): the mcap package")
                    for topic in found.topics {
                        let inFile = counted[topic.topic]?.int ?? 0
                        #expect(found.isWhole ? inFile == topic.inFile : inFile <= topic.inFile, "\(what): \(topic)")
                    }
                }
                // What was sent, taken and found, by topic: as the file tells it now.
                let told = try #require(episode["topics"], "\(what)")
                for topic in found.topics {
                    #expect(
                        told[topic.topic]?["in_file"]?.int == Int(topic.inFile)
                            && told[topic.topic]?["sent"]?.int == Int(topic.sent))
                    #expect(
                        topic.taken ?? .max >= topic.inFile && topic.sent + topic.repeated >= topic.inFile,
                        "\(what): \(topic)")
                }
                let difference = found.topics.compactMap(\.difference)
                if isAllThere && found.missing == 0 { #expect(difference == [], "\(what)") }
                if found.missing ?? 0 > 0 { #expect(difference != [], "\(what): \(found)") }
            }
            #expect(outcome.exitCode == (isWhole ? 0 : 5), "\(what): \(outcome.errors)")
        }

        private static func output(of program: String, _ arguments: [String]) throws -> String {
            let outcome = try RunningProgram(executable: program, arguments).waitForEnd(limit: 60)
            return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }

        @Test(
            .enabled(if: FaultyDisk.isThere, "clang makes no library here"),
            arguments: [
                ["DISK_BYTES_PER_S": 400_000], ["DISK_FULL_AT": 300_000], ["DISK_FAILS_AT": 1], ["DISK_FAILS_AT": 4],
                ["DISK_STALLS_AT": 3, "DISK_STALL_S": 4],
            ])
        func whatIsSaidOfAnEpisodeIsWhatItsFileHolds(faults: [String: Int]) throws {
            let disk = try FaultyDisk(faults)
            let pipeline = try Pipeline(
                ["record.enabled=true", "record.compression=none"], environment: disk.environment)
            try pipeline.waitUntilMoving()
            try pipeline.letTick(300)
            let (summary, outcome) = try pipeline.stop(limit: 120)
            try check(summary, outcome, "\(faults)")
            // A slow disk is waited for; a full one is told. One that stands still at the end is not waited for.
            let isFull = faults["DISK_FULL_AT"] != nil
            if faults["DISK_STALLS_AT"] == nil {
                #expect((outcome.exitCode == 5) == isFull, "\(faults): \(outcome.errors)")
            }
            if isFull { #expect(outcome.errors.contains("No space left on device"), "\(outcome.errors)") }
        }

        @Test(.enabled(if: FaultyDisk.isThere, "clang makes no library here"))
        func aSlowDiskAtTheEndIsWaitedForAndASecondCtrlCCutsIt() throws {
            let disk = try FaultyDisk(["DISK_BYTES_PER_S": 60_000])
            let pipeline = try Pipeline(
                ["record.enabled=true", "record.compression=none", "record.memory_mb=8"], environment: disk.environment)
            try pipeline.waitUntilMoving()
            // It is told while there is time to do something about it, before anything is lost.
            try pipeline.wait(for: "word of a disk that is too slow", limit: 60) {
                $0.status["recorder"].map { $0.state == .degraded && $0.headline.contains("the disk is too slow") }
                    ?? false
            }
            #expect(pipeline.count("missing", of: "recorder") == 0 && pipeline.isExecuting)
            let launcher = pipeline.launcher.process.processIdentifier
            kill(launcher, SIGINT)
            try pipeline.wait(for: "word of the disk", limit: 60) {
                $0.launcher.errors.contains("still on their way to the disk") || !$0.launcher.process.isRunning
            }
            kill(launcher, SIGINT)
            let (summary, outcome) = try pipeline.finish(limit: 30)
            try check(summary, outcome, "cut")
            #expect(outcome.exitCode == 5 && outcome.errors.contains("the episode is cut"), "\(outcome.errors)")
        }

        /// A recorder that stands still, as one does whose machine swaps: what came in the meantime waited for it.
        @Test(arguments: [1, 6]) func whatIsSaidAfterARecorderStoodStillIsWhatItsFileHolds(seconds: UInt32) throws {
            let pipeline = try Pipeline(["record.enabled=true"])
            try pipeline.waitUntilMoving()
            try pipeline.letTick(100)
            let recorder = try pipeline.processID(of: "recorder")
            kill(recorder, SIGSTOP)
            sleep(seconds)
            kill(recorder, SIGCONT)
            try pipeline.letTick(100)
            let (summary, outcome) = try pipeline.stop(limit: 60)
            try check(summary, outcome, "stopped for \(seconds) s")
        }

        /// What was said of an episode before its recorder was killed is in its file, and what is said afterwards too.
        @Test func outcomeAndNotesOutliveAKilledRecorder() throws {
            let pipeline = try Pipeline(["record.enabled=true", "record.start=on_command", "record.ring_s=5"])
            try pipeline.waitUntilMoving()
            func ask(_ arguments: String...) throws -> Program.Outcome {
                try Program.run("octo-record", arguments + ["--run", pipeline.folder.path])
            }
            try pipeline.letTick(200)
            let begin = MonotonicTime.now()
            #expect(try ask("start", "cup").exitCode == 0)
            try pipeline.letTick(100)
            #expect(try ask("note", "the", "cup", "is", "wet").exitCode == 0)
            #expect(try ask("success").exitCode == 0)
            let victim = try pipeline.processID(of: "recorder")
            kill(victim, SIGKILL)
            try pipeline.wait(for: "another recorder, that has mended the file") {
                $0.status["recorder"].map { $0.processID != victim && $0.state == .ready } ?? false
                    && $0.launcher.errors.contains("episode cup ended with the process that recorded it")
            }
            let episodes = pipeline.folder.appendingPathComponent("episodes").path
            let name = try #require(
                FileManager.default.enumerator(atPath: episodes)?.compactMap { $0 as? String }.first {
                    $0.hasSuffix("cup.mcap")
                })
            let path = "\(episodes)/\(name)"
            let mended = try EpisodeFile(path: path)
            let facts = try mended.facts()
            #expect(mended.reader.isFinished && facts["outcome"] == "success" && facts["notes"] == "the cup is wet")
            let start = MonotonicTime(nanoseconds: try #require(facts["start_ns"].flatMap { Int64($0) }))
            #expect(start >= begin, "what led to it is not part of it")
            #expect(try mended.messages(of: Topics.armState).first?.logTime ?? start < start)

            // Nobody records now; the last episode is the one that was cut.
            let late = try ask("failure", "after", "all")
            #expect(late.exitCode == 0 && late.output.contains("cup marked as failure"), "\(late)")
            #expect(
                try EpisodeFile(path: path).metadata(named: "episode/amended")?["notes"] == "the cup is wet\nafter all")
            let (summary, outcome) = try pipeline.stop()
            try check(summary, outcome, "killed")
            let info = try Program.run("octo-replay", ["info", path])
            #expect(info.exitCode == 0 && info.output.contains("failure"), "\(info)")
        }

        /// A person types Ctrl-S, or the connection to the robot stalls: the run goes on, is watched, and ends.
        @Test(arguments: [SIGTERM, 0])
        func aStoppedTerminalHoldsUpNothing(signal: Int32) throws {
            let folder = try TemporaryFolder.make("stopped")
            defer { try? FileManager.default.removeItem(at: folder) }
            let terminal = try TestTerminal()
            defer { terminal.close() }
            let duration = signal == 0 ? ["--for", "3"] : []
            let launcher = try terminal.run(
                "octo-launch",
                [Pipeline.replayManifest, "--run-folder", folder.path, "--set", "record.enabled=false"] + duration)
            try terminal.wait(for: "the run", limit: 60) { $0.contains("all processes are ready") }
            terminal.type("\u{13}")
            // The policy is killed: its restart is told, and nobody reads it.
            let run = try JSONNode(parsing: Array(Data(contentsOf: folder.appendingPathComponent("run.json"))))
            #expect(run["run_id"] != nil)
            if signal != 0 {
                usleep(500_000)
                kill(launcher.processIdentifier, signal)
            }
            let deadline = MonotonicTime.now() + .seconds(40)
            while launcher.isRunning, MonotonicTime.now() < deadline { usleep(20_000) }
            #expect(!launcher.isRunning, "it waits for the terminal")
            if launcher.isRunning { kill(launcher.processIdentifier, SIGKILL) }
            launcher.waitUntilExit()
            #expect(launcher.terminationStatus == 0 && launcher.terminationReason == .exit)
            #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run.json").path))
        }

        @Test func episodesAreForTheirOwnerAlone() throws {
            for (settings, file, folder) in [([], 0o600, 0o700), (["record.mode=\"0640\""], 0o640, 0o750)]
                as [([String], Int, Int)]
            {
                let pipeline = try Pipeline(["record.enabled=true"] + settings, arguments: ["--for", "1"])
                try pipeline.wait(for: "the arm") { $0.status["arm"] != nil }
                let sockets = try FileManager.default.contentsOfDirectory(atPath: pipeline.folder.path).filter {
                    $0.hasSuffix(".ipc")
                }
                #expect(sockets.contains("arm.commands.ipc"))
                for socket in sockets {
                    var status = stat()
                    #expect(
                        lstat("\(pipeline.folder.path)/\(socket)", &status) == 0 && status.st_mode & 0o077 == 0,
                        "\(socket)")
                }
                let (summary, outcome) = try pipeline.finish(limit: 90)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let path = try #require(summary["episodes"]?.array?.first?["path"]?.string)
                func mode(_ path: String) throws -> Int? {
                    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                }
                #expect(try mode(path) == file)
                #expect(try mode(URL(fileURLWithPath: path).deletingLastPathComponent().path) == folder)
            }
        }

        /// Also where two runs of one name begin in the same second, each has its own folder.
        @Test func runsOfOneNameDoNotTouchEachOthersEpisodes() throws {
            let episodes = try TemporaryFolder.make("episodes")
            defer { try? FileManager.default.removeItem(at: episodes) }
            let settings = ["record.enabled=true", "record.folder=\(episodes.path)", "policy.threads=1"]
            let launchers = try (0..<2).map { _ in
                let folder = try TemporaryFolder.make("run")
                let set = settings.flatMap { ["--set", $0] }
                return try RunningProgram(
                    "octo-launch", [Pipeline.replayManifest, "--run-folder", folder.path, "--json", "--for", "1"] + set)
            }
            var paths: [String] = []
            var runs: Set<String> = []
            for launcher in launchers {
                let outcome = launcher.waitForEnd(limit: 120)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let summary = try JSONNode(parsing: Array(outcome.output.utf8))
                let path = try #require(summary["episodes"]?.array?.first?["path"]?.string)
                let run = try #require(try EpisodeFile(path: path).metadata(named: "run")?["run_id"])
                #expect(run == summary["run_id"]?.string)
                paths.append(path)
                runs.insert(run)
            }
            let folders = Set(paths.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path })
            #expect(folders.count == 2 && runs.count == 2, "\(paths)")
        }

        @Test(arguments: [12, 20])
        func tooFewOpenFilesAreSaid(limit: Int) throws {
            let folder = try TemporaryFolder.make("files")
            defer { try? FileManager.default.removeItem(at: folder) }
            let command =
                "ulimit -n \(limit); exec \(Program.path("octo-launch")) \(Pipeline.replayManifest) --run-folder "
                + "\(folder.path) --for 1"
            let outcome = try RunningProgram(executable: "/bin/sh", ["-c", command]).waitForEnd(limit: 60)
            #expect(outcome.exitCode == 2 && outcome.errors.contains("ulimit -n"), "\(outcome)")
        }
    }
}
