import Bus
import Foundation
import JSONTree
import Launch
import Manifests
import Messages
import TestSupport
import Testing
import Time
import Wire

/// A robot whose programs are shell scripts, run by the octo-launch that was built with these tests. The scripts say
/// nothing on the bus; the test speaks for them.
final class StandInRobot {
    static let nodes = ["camera-primary", "goal", "policy", "arm"]
    /// Runs until it is asked to stop. `wait` instead of a plain `sleep` lets the shell act on the signal at once; when
    /// the launcher is dead, `echo` ends the shell, so it comes last.
    static let obedient =
        "case \" $* \" in *' --check '*) exit 0;; esac\ntrap 'kill $!; echo bye; exit 0' TERM\nsleep 60 & wait"

    let folder: URL
    let process = Process()
    private let output: URL
    private let errors: URL

    static var launcher: URL? {
        let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let places = [beside, Fixture.packageRoot.appendingPathComponent(".build/release")]
        return places.map { $0.appendingPathComponent("octo-launch") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    /// - Parameter scripts: what differs from `obedient`, by the program's name.
    init(scripts: [String: String] = [:], set: [String] = [], arguments: [String] = []) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("octo-\(UUID().uuidString.prefix(8))")
        output = folder.appendingPathComponent("stdout")
        errors = folder.appendingPathComponent("stderr")
        for part in ["bin", "frames", "checkpoint", "pids"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(part), withIntermediateDirectories: true)
        }
        for file in ["frames/a.png", "arm.json", "stdout", "stderr"] {
            try Data().write(to: folder.appendingPathComponent(file))
        }
        try Data(
            """
            {
              "cameras": { "primary": { "source": "images", "folder": "frames" } },
              "goal": { "source": "episode", "folder": "frames" },
              "policy": { "checkpoint": "checkpoint" },
              "arm": { "driver": "simulated", "calibration": "arm.json" },
              "record": { "enabled": false },
              "supervision": { "stop_timeout_s": 0.5, "backoff_s": 0.05 }
            }
            """.utf8
        ).write(to: folder.appendingPathComponent("robot.json"))
        for name in ["octo-camera", "octo-goal", "octo-policy", "octo-arm"] {
            let script = folder.appendingPathComponent("bin/\(name)")
            let text =
                "#!/bin/sh\necho $$ > \(folder.path)/pids/\(name).new\n"
                + "mv \(folder.path)/pids/\(name).new \(folder.path)/pids/\(name)\n"
                + "echo started $*\n\(scripts[name] ?? Self.obedient)\n"
            try Data(text.utf8).write(to: script)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
        }
        let launcher: URL = try #require(Self.launcher, "octo-launch was not built")
        process.executableURL = launcher
        process.arguments =
            [folder.appendingPathComponent("robot.json").path, "--run-folder", runFolder]
            + set.flatMap { ["--set", $0] } + arguments
        var environment = Program.environment
        environment["OCTO_BIN_DIR"] = folder.appendingPathComponent("bin").path
        environment["OPENBLAS_CORETYPE"] = "Haswell"
        process.environment = environment
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        for id in processIDs.values { kill(-id, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
    }

    var runFolder: String { folder.appendingPathComponent("run").path }
    var standardOutput: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
    var standardError: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// The newest process of each program.
    var processIDs: [String: Int32] {
        var ids: [String: Int32] = [:]
        for name in ["octo-camera", "octo-goal", "octo-policy", "octo-arm"] {
            let text = try? String(contentsOf: folder.appendingPathComponent("pids/\(name)"), encoding: .utf8)
            if let id = text.flatMap({ Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) { ids[name] = id }
        }
        return ids
    }

    /// Whether any process of the groups that the programs led still runs. What has ended and waits to be reaped by
    /// init does not run.
    var hasSurvivors: Bool {
        let groups = Set(processIDs.values)
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.contains { name in
            guard Int32(name) != nil, let text = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return false }
            // After the name in parentheses: state, parent, process group. proc_pid_stat(5).
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 2, let group = Int32(fields[2]) else { return false }
            return groups.contains(group) && fields[0] != "Z" && fields[0] != "X"
        }
    }

    /// Looks every 20 ms, for at most 20 s.
    func eventually(_ what: String, _ condition: () throws -> Bool) throws {
        for _ in 0..<1000 {
            if try condition() { return }
            usleep(20_000)
        }
        Issue.record("\(what) did not happen within 20 s.\n\(standardError)")
        throw CancellationError()
    }

    /// Waits for the launcher's end.
    func exitCode() throws -> Int32 {
        try eventually("the launcher's end") { !process.isRunning }
        return process.terminationStatus
    }
}

/// Speaks on the bus for the scripts: binds each node's endpoint and publishes its status.
final class StandInVoices {
    private var buses: [String: BusNode] = [:]
    private var publishers: [String: Publisher<NodeStatus>] = [:]
    let run: RunDescription

    init(_ robot: StandInRobot) throws {
        try robot.eventually("the description of the run") {
            FileManager.default.fileExists(atPath: robot.runFolder + "/run.json")
        }
        run = try RunDescription.load(folder: robot.runFolder)
        for node in run.manifest.nodes {
            let bus = try BusNode(
                BusOptions(node: node, runID: run.runID, endpoint: run.endpoint(of: node), peers: []))
            buses[node] = bus
            publishers[node] = bus.publisher(Topics.nodeStatus(node))
        }
    }

    deinit { for bus in buses.values { bus.close() } }

    /// Says of each program's newest process that it is ready; true when all four were there to speak for.
    func sayReady(_ robot: StandInRobot, counters: [NodeStatus.Counter] = []) throws -> Bool {
        let ids = robot.processIDs
        for (node, publisher) in publishers {
            guard let id = ids[NodeProgram.of(node).name] else { continue }
            try publisher.publish(
                NodeStatus(node: node, processID: id, state: .ready, headline: "works", counters: counters), at: .now())
            try buses[node]?.wait(until: .now())
        }
        return ids.count == publishers.count
    }

    /// Speaks until the launcher has said that all are ready.
    func bringUp(_ robot: StandInRobot, counters: [NodeStatus.Counter] = []) throws {
        try robot.eventually("readiness") {
            _ = try sayReady(robot, counters: counters)
            return robot.standardError.contains("all processes are ready")
        }
    }
}
