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

/// How a run may end.
enum RunEnd: String, CaseIterable {
    case interrupt, interruptTwice, terminate, hangUp, timeIsOver, launcherKilled, recorderKilled, policyKilled,
        cameraKilled
    case goalKilled, armKilled
    /// A window that is closed, and one that stands still (Ctrl-S, a stalled connection).
    case terminalClosed, terminalStopped
    /// The disk has no room any more, or takes little at a time.
    case diskFull, diskSlow
    /// Nothing of what was still on its way gets there.
    case powerCut

    /// The node that is killed.
    var victim: String? {
        switch self {
        case .recorderKilled: "recorder"
        case .policyKilled: "policy"
        case .cameraKilled: "camera-primary"
        case .goalKilled: "goal"
        case .armKilled: "arm"
        default: nil
        }
    }
    var isInTerminal: Bool { self == .terminalClosed || self == .terminalStopped }
    var disk: [String: Int]? {
        switch self {
        case .diskFull: ["DISK_FULL_AT": 1]
        case .diskSlow: ["DISK_BYTES_PER_S": 100_000]
        default: nil
        }
    }
}

/// How far the recording had come by then.
enum RecordingMoment: String, CaseIterable {
    /// A recording that begins with the run.
    case automatic
    case beforeStart, during, afterStop
}

extension EndToEnd {
    /// Every end at every moment of a recording: what is left on disk, what is said of it, and what becomes of it.
    @Suite struct MatrixOfEndsTests {
        @Test(arguments: RunEnd.allCases, RecordingMoment.allCases)
        func whatIsLeftIsWholeAndUsable(end: RunEnd, moment: RecordingMoment) throws {
            let what = "\(end), \(moment)"
            var settings = ["record.enabled=true", "record.ring_s=1", "supervision.backoff_s=0.05"]
            if moment != .automatic { settings.append("record.start=on_command") }
            if end.disk != nil && !FaultyDisk.isThere { return }
            let disk = try end.disk.map { try FaultyDisk($0, isFaultyLater: true) }
            let terminal = end.isInTerminal ? try TestTerminal() : nil
            defer { if end == .terminalStopped { terminal?.close() } }
            let pipeline = try Pipeline(
                settings, arguments: end == .timeIsOver ? ["--for", "12"] : [], environment: disk?.environment ?? [:],
                terminal: terminal)
            try pipeline.waitUntilMoving()
            func ask(_ arguments: String...) throws {
                let outcome = try Program.run("octo-record", arguments + ["--run", pipeline.folder.path])
                #expect(outcome.exitCode == 0, "\(what): \(outcome)")
            }
            try pipeline.letTick(50)
            if moment == .during || moment == .afterStop { try ask("start", "cup") }
            try pipeline.letTick(150)
            if moment == .afterStop { try ask("stop", "well", "done") }

            let nodes = ["recorder", "camera-primary", "goal", "policy", "arm"].compactMap {
                pipeline.status[$0]?.processID
            }
            try disk?.spoil()
            let summary = try bring(end, to: pipeline, in: terminal, at: moment, what)
            #expect(waitUntilGone(nodes) == [], "\(what)")

            let files = self.files(in: pipeline.folder.appendingPathComponent("episodes"))
            let restarted = end == .recorderKilled
            let expected = moment == .beforeStart ? 0 : moment == .automatic && restarted ? 2 : 1
            #expect(files.count == expected, "\(what): \(files)")
            for path in files {
                try check(path, end, moment, in: pipeline.folder, what)
                if end == .powerCut { try checkCuts(of: path, moment, in: pipeline.folder, what) }
            }
            if let summary {
                // Each episode of the summary is a file, with as many messages as are in it.
                for episode in summary["episodes"]?.array ?? [] {
                    let path = try #require(episode["path"]?.string)
                    let found = try EpisodeAudit(path: path)
                    #expect(files.contains(path) && episode["messages"]?.int == Int(found.messages), "\(what)")
                }
            }
        }

        /// - Returns: what the launcher said at the end; nil where it could not.
        private func bring(
            _ end: RunEnd, to pipeline: Pipeline, in terminal: TestTerminal?, at moment: RecordingMoment, _ what: String
        ) throws -> JSONNode? {
            let launcher = pipeline.launcher.process.processIdentifier
            func finish() throws -> JSONNode {
                let (summary, outcome) = try pipeline.finish(limit: 60)
                let isCut = end == .diskFull && (moment == .automatic || moment == .during)
                #expect(
                    isCut ? outcome.exitCode == 5 : [0, 5].contains(outcome.exitCode), "\(what): \(outcome.errors)")
                return summary
            }
            switch end {
            case .interrupt: kill(launcher, SIGINT)
            case .interruptTwice:
                kill(launcher, SIGINT)
                // What is meant as a second one comes after a second; most runs have ended by then.
                usleep(1_100_000)
                kill(launcher, SIGINT)
            case .powerCut: kill(launcher, SIGINT)
            case .diskFull, .diskSlow:
                try pipeline.letTick(100)
                kill(launcher, SIGINT)
            case .terminalClosed, .terminalStopped:
                if end == .terminalStopped {
                    terminal?.type("\u{13}")
                    try pipeline.letTick(50)
                } else {
                    terminal?.close()
                }
                kill(launcher, end == .terminalStopped ? SIGTERM : SIGHUP)
                let exitCode = pipeline.launcher.waitForEnd(limit: 60).exitCode
                #expect(exitCode == 0, "\(what): exit code \(exitCode)")
                // What it said at the end went to a terminal that nobody reads.
                return nil
            case .terminate: kill(launcher, SIGTERM)
            case .hangUp: kill(launcher, SIGHUP)
            case .timeIsOver: break
            case .launcherKilled:
                kill(launcher, SIGKILL)
                pipeline.launcher.process.waitUntilExit()
                return nil
            case .recorderKilled, .policyKilled, .cameraKilled, .goalKilled, .armKilled:
                let node = try #require(end.victim)
                let victim = try pipeline.processID(of: node)
                kill(victim, SIGKILL)
                try pipeline.wait(for: "another \(node)", limit: 60) {
                    $0.status[node].map { status in
                        let goesOn =
                            end != .recorderKilled || moment != .automatic || status.headline.hasPrefix("recording")
                        return status.processID != victim && status.state == .ready && goesOn
                    } ?? false
                }
                try pipeline.letTick(50)
                kill(launcher, SIGINT)
            }
            return try finish()
        }

        private func files(in folder: URL) -> [String] {
            let found = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
            return found.filter { $0.hasSuffix(".mcap") }.map { folder.appendingPathComponent($0).path }.sorted()
        }

        private func check(
            _ path: String, _ end: RunEnd, _ moment: RecordingMoment, in folder: URL, _ what: String
        ) throws {
            let file = try EpisodeFile(path: path)
            // Whoever is asked to end, ends its file, also when the launcher is gone; the next recorder mends a cut
            // one. A second Ctrl-C cuts what is not done yet.
            let mayBeCut = end == .interruptTwice || end == .diskFull && moment != .afterStop
            #expect((file.reader.isFinished && file.reader.problems.isEmpty) || mayBeCut, "\(what)")
            let facts = try file.facts()
            #expect(moment == .automatic || facts["name"] == "cup", "\(what): \(facts)")
            #expect(moment != .afterStop || facts["notes"] == "well done", "\(what): \(facts)")
            let info = try Program.run("octo-replay", ["info", path, "--json"])
            let told = try JSONNode(parsing: Array(info.output.utf8))
            #expect(
                info.exitCode == 0 && told["messages"]?.int == Int(file.reader.statistics.messageCount),
                "\(what): \(info)")

            // An episode is what it is from its beginning on; what led to it is in the file, and not in a dataset.
            let start = MonotonicTime(nanoseconds: try #require(facts["start_ns"].flatMap { Int64($0) }))
            let states = try file.messages(of: Topics.armState).map(\.message.measured.time)
            let policy = try file.messages(of: Topics.policyObservation).filter { $0.message.time >= start }.count
            #expect(states.count > 20, "\(what)")
            let exported = try Program.run(
                "octo-replay",
                ["export", path, "--rlds", folder.path + "/rlds-\(abs(path.hashValue))", "--allow-gaps", "--json"],
                limit: 60)
            guard policy >= 4 else { return }
            #expect(exported.exitCode == 0, "\(what): \(exported.errors)")
            let timesteps =
                try JSONNode(parsing: Array(exported.output.utf8))["episodes"]?.array?.first?["timesteps"]?.int ?? 0
            // The policy's own ticks, with those that it missed while it was away.
            let seconds = ((states.last ?? start) - start).inSeconds
            #expect(
                timesteps > 0 && Double(timesteps) <= seconds * 5 + 3, "\(what): \(timesteps) timesteps of \(seconds) s"
            )
        }

        /// A file of which any number of bytes got to the disk: as much as there is of it is told and used, and it
        /// never says more.
        private func checkCuts(of path: String, _ moment: RecordingMoment, in folder: URL, _ what: String) throws {
            let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            let all = try EpisodeAudit(path: path).messages
            let seed = UInt64(bitPattern: Int64(whole.count))
            var generator = SeededGenerator(seed: seed)
            let places =
                (0..<60).map { _ in Int.random(in: 0..<whole.count, using: &generator) } + [
                    0, 1, 8, 9, whole.count - 1, whole.count - 9,
                ]
            let cut = folder.appendingPathComponent("cut.mcap")
            var before: Int64 = 0
            for (index, place) in places.sorted().enumerated() {
                let what = "\(what), \(place) of \(whole.count) bytes"
                try Data(whole[..<place]).write(to: cut)
                guard let found = try? EpisodeAudit(path: cut.path) else {
                    #expect(place < 100, "\(what): it does not open")
                    continue
                }
                #expect(!found.isWhole && found.messages >= before && found.messages <= all, "\(what)")
                before = found.messages
                for topic in found.topics { #expect(topic.sent + topic.repeated >= topic.inFile, "\(what): \(topic)") }
                guard index % 16 == 15 else { continue }
                let info = try Program.run("octo-replay", ["info", cut.path, "--json"])
                let told = try JSONNode(parsing: Array(info.output.utf8))
                #expect(
                    info.exitCode == 0 && told["condition"] == "cut" && told["messages"]?.int == Int(found.messages),
                    "\(what): \(info)")
                let mended = folder.appendingPathComponent("mended-\(place).mcap").path
                let recovered = try Program.run("octo-replay", ["recover", cut.path, "--out", mended])
                #expect([0, 3].contains(recovered.exitCode), "\(what): \(recovered)")
                let file = try EpisodeFile(path: mended)
                #expect(
                    file.reader.isFinished && file.reader.statistics.messageCount == UInt64(found.messages), "\(what)")
                let exported = try Program.run(
                    "octo-replay", ["export", cut.path, "--rlds", "\(folder.path)/rlds-\(place)", "--allow-gaps"],
                    limit: 60)
                // Little of it may be too little for a dataset; that is said, and nothing is left behind.
                #expect([0, 1, 2].contains(exported.exitCode), "\(what): \(exported)")
                if exported.exitCode != 0 {
                    #expect(
                        !exported.errors.isEmpty
                            && !FileManager.default.fileExists(atPath: "\(folder.path)/rlds-\(place)"), "\(what)")
                }
            }
        }
    }
}
