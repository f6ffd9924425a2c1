import Foundation
import Glibc
import Launch
import Manifests
import Messages
import NodeShell
import Time

/// Finds what the processes of a robot would say at their start of the files that they are given, found by starting
/// them: each opens its checkpoint, statistics, tokenizer, goal, pictures or scene as ever, in a run folder of its own,
/// then ends. One code path for the check and for the start, so that both say the same.
struct Rehearsal {
    struct Refusal {
        var node: String
        /// The process's own error message.
        var message: String
    }

    /// A checkpoint of hundreds of megabytes from a slow disk.
    private static let patience = Duration.seconds(120)

    let refusals: [Refusal]

    /// Starts the processes that read files, and gathers what they say.
    /// - Throws: `ManifestError`, `RunFolderError`, `SpawnError`.
    init(of path: String, overrides: [ManifestOverride], environment: [String: String]) throws {
        // Neither ports nor a recorder have anything to do with what is looked at.
        let apart = try [#"bus={"transport": "ipc"}"#, "record.enabled=false"].map { try ManifestOverride(parsing: $0) }
        let manifest = try Manifest.load(path, overrides: overrides + apart)
        // Not among the runs that are alive: whoever looks for the one robot there is must not find two.
        let folder = try RunFolder.claim(RunFolder.base(environment) + "-check-\(getpid())")
        defer {
            folder.removeRemains()
            try? FileManager.default.removeItem(atPath: folder.path)
        }
        var generator = SystemRandomNumberGenerator()
        let run = try RunDescription.beginning(manifest, manifestPath: path, folder: folder.path, using: &generator)
        try folder.publish(run)
        let finder = ProgramFinder(environment: environment)
        var refusals: [Refusal] = []
        for node in Self.readers(in: manifest) {
            guard manifest.host(ofNode: node) == nil else { continue }
            let program = NodeProgram.of(node)
            let process = try ChildProcess(
                path: try finder.find(program.name),
                arguments: program.arguments(node: node, runFolder: run.folder) + ["--check"],
                environment: NodeProgram.environment(of: node, in: manifest, from: environment))
            if let message = Self.refusal(of: process) { refusals.append(Refusal(node: node, message: message)) }
        }
        self.refusals = refusals
    }

    /// The nodes whose start needs files alone: no device is opened, and a simulated camera needs a world that runs.
    private static func readers(in manifest: Manifest) -> [String] {
        let folders = manifest.cameras.filter { if case .images = $0.source { true } else { false } }
        // A policy elsewhere has its files there.
        return folders.map(\.node) + [Manifest.goalNode]
            + (manifest.policyHost == nil ? [Manifest.policyNode] : [])
            + (manifest.simulation == nil ? [] : [Manifest.simulationNode])
            + (manifest.console == nil ? [] : [Manifest.consoleNode])
    }

    /// Waits for its end. Nil when it found everything that it needs.
    private static func refusal(of process: ChildProcess) -> String? {
        let deadline = MonotonicTime.now() + patience
        var lines: [String] = []
        while true {
            lines += process.readLines()
            if let ending = process.reapIfEnded() {
                lines += process.readLastLines()
                if case .exited(0) = ending { return nil }
                return message(in: lines) ?? "it ended without a word: \(Supervisor.Ending(ending))"
            }
            guard MonotonicTime.now() < deadline else {
                process.killGroup()
                return "it did not come to an end within \(patience.inSeconds) s"
            }
            usleep(10_000)
        }
    }

    private static func message(in lines: [String]) -> String? {
        guard let start = lines.lastIndex(where: { $0.hasPrefix("error: ") }) else { return lines.last }
        return lines[start...].joined(separator: "\n").dropFirst("error: ".count).description
    }
}
