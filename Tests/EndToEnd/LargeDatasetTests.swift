import Foundation
import JSONTree
import Recording
import Simulation
import TestSupport
import Testing
import Time

private let canSimulate = (try? World.libraryVersion()) != nil

extension EndToEnd {
    @Suite(.enabled(if: canSimulate, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
    struct LargeDatasetTests {
        /// A program's greatest resident size so far, proc_pid_status(5). Bytes; 0 once it is gone.
        private static func peakMemory(of process: Int32) -> Int {
            let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
        }

        /// An afternoon's thousand episodes become a dataset in little memory: what is written is not held.
        @Test(arguments: ["--lerobot", "--rlds"]) func aThousandEpisodesFitIntoLittleMemory(form: String) throws {
            let folder = try TemporaryFolder.make("thousand")
            defer { try? FileManager.default.removeItem(at: folder) }
            let recorded = folder.appendingPathComponent("recorded").path
            let evaluation = try Program.run(
                "octo-eval", ["--expert", "--task", "reach", "--episodes", "1", "--record", recorded, "--record-all"],
                limit: 120)
            #expect(evaluation.exitCode == 0, "\(evaluation.errors)")
            let name = try #require(
                try FileManager.default.subpathsOfDirectory(atPath: recorded).first { $0.hasSuffix(".mcap") })
            var episode = try Data(contentsOf: URL(fileURLWithPath: "\(recorded)/\(name)"))
            // Each is another episode: it began a nanosecond later.
            let facts = try EpisodeFile(path: "\(recorded)/\(name)").facts()
            let start = try #require(facts["start_ns"])
            var places: [Range<Data.Index>] = []
            while let place = episode.range(of: Data(start.utf8), in: (places.last?.upperBound ?? 0)..<episode.count) {
                places.append(place)
            }
            #expect(!places.isEmpty)
            let episodes = folder.appendingPathComponent("episodes")
            try FileManager.default.createDirectory(at: episodes, withIntermediateDirectories: true)
            for number in 0..<1000 {
                let text = String((Int(start) ?? 0) + number)
                #expect(text.utf8.count == start.utf8.count)
                for place in places { episode.replaceSubrange(place, with: Data(text.utf8)) }
                try episode.write(to: episodes.appendingPathComponent("\(number).mcap"))
            }

            let export = try RunningProgram(
                "octo-replay",
                ["export", episodes.path, form, folder.appendingPathComponent("data").path, "--allow-gaps", "--json"])
            var peak = 0
            while export.process.isRunning {
                peak = max(peak, Self.peakMemory(of: export.process.processIdentifier))
                usleep(10_000)
            }
            let outcome = export.waitForEnd(limit: 1)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let report = try JSONNode(parsing: Array(outcome.output.utf8))
            #expect(report["episodes"]?.array?.count == 1000, "\(report["skipped"]?.array?.first?.text() ?? "")")
            #expect(peak > 10 << 20 && peak < 150 << 20, "\(peak >> 20) MB")
        }
    }
}
