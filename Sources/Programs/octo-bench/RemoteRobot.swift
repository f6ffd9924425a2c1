import Bus
import Files
import Foundation
import JSONTree
import Keys
import Manifests
import Messages
import Time
import Wire

enum RemoteBenchmarkError: Error, CustomStringConvertible {
    case setup(String)
    case ended(program: String, log: String)
    case silent(robot: Int, log: String)

    var description: String {
        switch self {
        case .setup(let what): "preparing the benchmark of remote policies: \(what)."
        case .ended(let program, let log):
            "measuring remote policies: \(program) ended, expected it to run on. It said:\n\(log)"
        case .silent(let robot, let log):
            "measuring remote policies: robot \(robot) had no chunk within \(RemoteRobot.patience), expected some. It "
                + "said:\n\(log)"
        }
    }
}

/// What all robots of the benchmark share: a folder with their pictures and the keys of their user.
final class RemoteStage {
    let folder: String
    let keys: KeyFolder

    init() throws {
        var template = Array("/tmp/octo-bench-XXXXXX".utf8CString)
        guard let folder = mkdtemp(&template).map({ String(cString: $0) }) else {
            throw RemoteBenchmarkError.setup("no folder could be made in /tmp: \(SystemError(errno))")
        }
        self.folder = folder
        keys = KeyFolder(path: folder + "/keys")
        do {
            _ = try keys.makeOwn()
            _ = try ConsolePictures.write(into: pictures)
            try RemoteRobotKind.writeSmallPictures(stage: folder)
        } catch {
            BenchChild.removeFolder(folder)
            throw error
        }
    }

    var pictures: String { folder + "/pictures" }

    func remove() { BenchChild.removeFolder(folder) }

    /// Starts a program with these keys.
    func start(_ program: String, _ arguments: [String], log: String, endsWith signal: Int32 = SIGTERM) throws -> pid_t
    {
        try BenchChild.start(program, arguments, log: log, endsWith: signal, environment: ["OCTO_KEYS": keys.path])
    }

    /// The last lines of a log.
    static func words(_ log: String) -> String {
        do {
            let lines = String(decoding: try FileSystem.read(log), as: UTF8.self).split(separator: "\n")
            return lines.suffix(12).map { "  \($0)" }.joined(separator: "\n")
        } catch {
            return "  \(error)"
        }
    }
}

/// `octo-policy serve`, as the big machine runs it.
final class RemoteServer {
    let port: UInt16
    let process: pid_t

    /// Starts it. Robots that come before it listens come again.
    init(_ stage: RemoteStage) throws {
        port = try BenchChild.freePort()
        process = try stage.start(
            BenchChild.ours("octo-policy"),
            ["serve", "--bind", "127.0.0.1", "--port", "\(port)", "--folder", RemoteRobot.policies],
            log: stage.folder + "/serve.log")
    }

    func end() { BenchChild.end(process, with: SIGTERM) }
}

/// What a network does to the bytes between a robot and the big machine.
struct RemoteNetwork {
    /// Each way, milliseconds.
    var delay: Double
    /// Per cent of segments.
    var loss: Double

    /// Starts a relay that is like this.
    /// - Returns: its process and port.
    func start(to server: RemoteServer, _ stage: RemoteStage) throws -> (process: pid_t, port: UInt16) {
        let port = try BenchChild.freePort()
        let process = try stage.start(
            "/proc/self/exe",
            [
                "relay", "--listen", "127.0.0.1:\(port)", "--to", "127.0.0.1:\(server.port)", "--delay", "\(delay)",
                "--loss", "\(loss)",
            ], log: stage.folder + "/relay.log", endsWith: SIGKILL)
        return (process, port)
    }
}

/// What was measured of some robots for some seconds.
struct RemotePhase {
    var seconds = 0.0
    /// Time from the newest picture's capture to the chunk's publication, milliseconds, of all robots together.
    var frameToChunk: [Double] = []
    /// Time from when the policy's tick was due to the chunk's publication, milliseconds.
    var tickToChunk: [Double] = []
    /// Memory of all processes that have the network, bytes: resident, and by their shares of what is common.
    var (resident, proportional) = (0, 0)
    /// CPU time of the robots' policy processes, and of the server, seconds.
    var (robotSeconds, serverSeconds) = (0.0, 0.0)

    var chunksPerSecond: Double { Double(frameToChunk.count) / max(seconds, 1e-9) }
    /// CPU time for a chunk of a robot's policy process, and of the server, milliseconds.
    var robotMilliseconds: Double { robotSeconds / Double(max(frameToChunk.count, 1)) * 1e3 }
    var serverMilliseconds: Double { serverSeconds / Double(max(frameToChunk.count, 1)) * 1e3 }

    mutating func add(_ other: RemotePhase) {
        seconds += other.seconds
        frameToChunk += other.frameToChunk
        tickToChunk += other.tickToChunk
        robotSeconds += other.robotSeconds
        serverSeconds += other.serverSeconds
        (resident, proportional) = (max(resident, other.resident), max(proportional, other.proportional))
    }
}

/// A robot in processes of its own, whose policy is here or behind a port, and this process as one who listens.
final class RemoteRobot {
    static let patience = Duration.seconds(90)
    /// How long it runs before it counts.
    private static let settling = Duration.milliseconds(1_500)
    /// Folder of the policies that come along; the one that is measured is in `table`.
    static let policies = FileSystem.folder(
        of: FileSystem.folder(
            of: FileSystem.absolute(
                ShippedFile.path("launch/policies/table/config.json"), from: FileSystem.workingFolder)))

    private let number: Int
    private let log: String
    private let launcher: pid_t
    private let bus: BusNode
    private let chunks: Subscription<ActionChunk>
    private let statuses: Subscription<NodeStatus>
    private(set) var policy: pid_t = 0
    private var hasChunk = false

    /// Starts it.
    /// - Parameters:
    ///   - port: where its policy is computed; nil: in a process of its own.
    ///   - kind: what it has for cameras.
    init(_ number: Int, port: UInt16?, _ kind: RemoteRobotKind, _ stage: RemoteStage) throws {
        self.number = number
        let folder = "\(stage.folder)/robot-\(number)"
        log = folder + ".log"
        let manifest = folder + ".json"
        try FileSystem.replace(
            manifest, with: kind.manifest(number, port: port, stage).text(indented: true))
        launcher = try stage.start(
            BenchChild.ours("octo-launch"), [manifest, "--run-folder", folder, "--quiet"], log: log)
        do {
            let run = try Self.description(in: folder, launcher: launcher, log: log, number)
            bus = try BusNode(
                BusOptions(node: "octo-bench", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted()))
            chunks = try bus.subscribe(Topics.policyChunk)
            statuses = try bus.subscribe(Topics.nodeStatus(Manifest.policyNode))
        } catch {
            BenchChild.end(launcher, with: SIGINT)
            throw error
        }
    }

    /// Ends the run, and waits for that.
    func end() {
        bus.close()
        BenchChild.end(launcher, with: SIGINT)
    }

    private static func description(
        in folder: String, launcher: pid_t, log: String, _ number: Int
    ) throws -> RunDescription {
        let limit = MonotonicTime.now() + patience
        while MonotonicTime.now() < limit {
            guard !BenchChild.hasEnded(launcher) else {
                throw RemoteBenchmarkError.ended(program: "octo-launch", log: RemoteStage.words(log))
            }
            do {
                return try RunDescription.load(folder: folder)
            } catch {
                guard case .noRun = error else { throw error }
                usleep(50_000)
            }
        }
        throw RemoteBenchmarkError.silent(robot: number, log: RemoteStage.words(log))
    }

    /// Takes up what has come.
    private func take(into phase: inout RemotePhase, counts: Bool) throws {
        try bus.wait(until: .now())
        while let status = statuses.take() { policy = status.message.processID }
        while let chunk = chunks.take() {
            hasChunk = true
            guard counts else { continue }
            let published = chunk.envelope.publishTime
            phase.frameToChunk.append((published - chunk.message.captureTime).inMilliseconds)
            phase.tickToChunk.append((published - chunk.message.observationTime).inMilliseconds)
        }
    }

    /// Waits until all robots have chunks, and listens for some seconds.
    /// - Parameter server: whose memory counts; nil: that of the robots' own policies.
    static func measure(_ robots: [RemoteRobot], seconds: Double, server: RemoteServer?) throws -> RemotePhase {
        var phase = RemotePhase()
        let limit = MonotonicTime.now() + patience
        while let silent = robots.first(where: { !$0.hasChunk || $0.policy == 0 }) {
            for robot in robots {
                try robot.take(into: &phase, counts: false)
                if BenchChild.hasEnded(robot.launcher) {
                    throw RemoteBenchmarkError.ended(program: "octo-launch", log: RemoteStage.words(robot.log))
                }
            }
            guard MonotonicTime.now() < limit else {
                throw RemoteBenchmarkError.silent(robot: silent.number, log: RemoteStage.words(silent.log))
            }
            usleep(20_000)
        }
        func listen(for duration: Duration, counts: Bool) throws -> Double {
            let begin = MonotonicTime.now()
            while MonotonicTime.now() < begin + duration {
                for robot in robots { try robot.take(into: &phase, counts: counts) }
                usleep(20_000)
            }
            return (MonotonicTime.now() - begin).inSeconds
        }
        _ = try listen(for: settling, counts: false)
        func spent() throws -> (robots: Double, server: Double) {
            (
                try robots.reduce(0) { $0 + (try ProcessTimes.exactProcessorSeconds(of: $1.policy)) },
                try server.map { try ProcessTimes.exactProcessorSeconds(of: $0.process) } ?? 0
            )
        }
        let before = try spent()
        phase.seconds = try listen(for: .fromSeconds(seconds), counts: true)
        let after = try spent()
        (phase.robotSeconds, phase.serverSeconds) = (after.robots - before.robots, after.server - before.server)
        for process in server.map({ [$0.process] }) ?? robots.map(\.policy) {
            let memory = try ProcessTimes.memory(of: process)
            phase.resident += memory.resident
            phase.proportional += memory.proportional
        }
        return phase
    }
}
