import Bus
import Foundation
import JSONTree
import Keys
import Manifests
import Messages
import TestSupport
import Time
import Wire

/// The programs under test lie beside the test executable.
enum Program {
    static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    static let names = [
        "octo-launch", "octo-camera", "octo-goal", "octo-policy", "octo-arm", "octo-teleop", "octo-record",
        "octo-replay",
        "octo-sim", "octo-eval", "octo-console", "octo-bus", "octo-bench",
    ]

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Where the programs of these tests say which arms they drive: apart from all others on this machine, which
    /// `octo-arm stop` would else stop too.
    static let registry: String = {
        let path = "/tmp/octo-test-registry-\(getpid())"
        mkdir(path, 0o700)
        return path
    }()
    /// The keys of the tests' user: apart from those of the person who runs them.
    static let keys: String = {
        let path = "/tmp/octo-test-keys-\(getpid())"
        mkdir(path, 0o700)
        return path
    }()
    static let environment = ProcessInfo.processInfo.environment.merging(
        [ArmRegistry.variable: registry, "OCTO_KEYS": keys]) { $1 }

    /// What a program that ended left behind.
    struct Outcome {
        var exitCode: Int32
        var output: String
        var errors: String
    }

    /// Runs a program to its end.
    /// - Parameter limit: seconds after which it is killed and the exit code is -9.
    static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], limit: Double = 60
    ) throws -> Outcome {
        let running = try RunningProgram(name, arguments, environment: environment)
        return running.waitForEnd(limit: limit)
    }
}

/// A program that runs while a test watches it.
final class RunningProgram {
    let process = Process()
    private let outputFile: URL
    private let errorFile: URL

    /// - Parameters:
    ///   - input: its standard input; /dev/null without one.
    ///   - terminal: where it runs in place of files that keep its words.
    convenience init(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], input: Pipe? = nil,
        terminal: TestTerminal? = nil
    ) throws {
        try self.init(
            executable: Program.path(name), arguments, environment: environment, input: input, terminal: terminal)
    }

    /// - Parameter executable: its path: a program that is not ours.
    init(
        executable: String, _ arguments: [String], environment: [String: String] = [:], input: Pipe? = nil,
        terminal: TestTerminal? = nil
    ) throws {
        let folder = try TemporaryFolder.make("program")
        outputFile = folder.appendingPathComponent("out")
        errorFile = folder.appendingPathComponent("err")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = Program.environment.merging(environment) { $1 }
        process.standardInput = input ?? FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        if let terminal {
            (process.standardInput, process.standardOutput, process.standardError) = (
                terminal.file, terminal.file, terminal.file
            )
        }
        try process.run()
    }

    var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }
    var errors: String { (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "" }

    func waitForEnd(limit: Double) -> Program.Outcome {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        while process.isRunning, MonotonicTime.now() < deadline { usleep(5_000) }
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            return .init(exitCode: -9, output: output, errors: errors + "\n(killed after \(limit) s)")
        }
        return .init(exitCode: process.terminationStatus, output: output, errors: errors)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: outputFile.deletingLastPathComponent())
    }
}

enum TemporaryFolder {
    /// A new folder with a short path: socket paths may have 107 bytes only.
    static func make(_ purpose: String) throws -> URL {
        let name = "octo-\(purpose)-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let url = URL(fileURLWithPath: "/tmp").appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return url
    }
}

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// A pipeline started by octo-launch, and a connection that watches what it says.
final class Pipeline {
    let folder: URL
    let launcher: RunningProgram
    let run: RunDescription
    private(set) var bus: BusNode
    private let statuses: Subscription<NodeStatus>
    private let states: Subscription<ArmState>
    let chunks: Subscription<ActionChunk>
    /// The newest status of each node.
    private(set) var status: [String: NodeStatus] = [:]
    private(set) var armState: ArmState?

    /// Settings that give the replay manifest a second camera.
    static let wristCamera = [
        #"cameras.wrist={"source": "images", "folder": "\#(Fixture.packageRoot.path)/launch/episode", "#
            + #""pattern": "image_0_*.png"}"#
    ]
    static let replayManifest = Fixture.packageRoot.appendingPathComponent("launch/replay.json").path

    /// Starts the replay manifest with overrides and waits until the launcher has written its run folder.
    init(
        _ settings: [String] = [], arguments: [String] = [], manifest: String = Pipeline.replayManifest,
        environment: [String: String] = [:], terminal: TestTerminal? = nil, on machine: TestMachine = .here
    ) throws {
        folder = try TemporaryFolder.make("run")
        // Where a test does not want episodes, the machine's two cores are for what it looks at.
        let overrides = (["record.enabled=false", "record.folder=\(folder.path)/episodes"] + settings).flatMap {
            ["--set", $0]
        }
        launcher = try machine.start(
            "octo-launch", [manifest, "--run-folder", folder.path, "--json"] + overrides + arguments,
            environment: environment, terminal: terminal)
        let description = folder.appendingPathComponent("run.json").path
        let deadline = MonotonicTime.now() + .seconds(20)
        while !FileManager.default.fileExists(atPath: description) {
            guard launcher.process.isRunning, MonotonicTime.now() < deadline else {
                throw TimedOut(description: "octo-launch made no run folder:\n\(launcher.errors)")
            }
            usleep(10_000)
        }
        run = try RunDescription.load(folder: folder.path)
        bus = try BusNode(
            BusOptions(
                node: "test", runID: run.runID, endpoint: nil, peers: run.endpoints.map(\.value).sorted(),
                security: run.manifest.bus.isInsecure
                    ? .insecure : .keys(KeyFolder(path: machine.environment["OCTO_KEYS"] ?? Program.keys))))
        statuses = try bus.subscribe(Topics.allNodeStatuses)
        states = try bus.subscribe(Topics.armState)
        chunks = try bus.subscribe(Topics.policyChunk)
    }

    /// A run whose policy has nothing to go by: its camera shows one picture.
    static func quiet(_ settings: [String] = []) throws -> Pipeline {
        let pipeline = try Pipeline(
            ["cameras.primary.loop=false", "cameras.primary.pattern=image_0_000.png"] + settings)
        try pipeline.wait(for: "an arm at rest", limit: 60) {
            $0.isAtRest && $0.status["arm"]?.state == .ready && $0.status["policy"]?.state != .starting
                && $0.status["policy"] != nil
        }
        return pipeline
    }

    /// What a camera publishes.
    func frames(of camera: String) throws -> Subscription<CameraFrame> { try bus.subscribe(Topics.cameraImage(camera)) }

    /// Listens until `condition` holds.
    func wait(for what: String, limit: Double = 30, until condition: (Pipeline) throws -> Bool) throws {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        repeat {
            if try condition(self) { return }
            try bus.wait(until: .now() + .milliseconds(20))
            while let received = statuses.take() { status[received.message.node] = received.message }
            if let received = states.take() { armState = received.message }
        } while MonotonicTime.now() < deadline
        throw TimedOut(
            description: "waited \(limit) s for \(what). Statuses: "
                + status.values.map { "\($0.node) \($0.state): \($0.headline)" }.sorted().joined(separator: "; ")
                + "\nLauncher said:\n\(launcher.errors)")
    }

    /// Until all four nodes are ready and the arm follows a chunk.
    /// A person says that the arm may go on, once the cause is mended; again where the mend needed its time.
    func resetArm() throws {
        try wait(for: "the arm to take the reset", limit: 60) { pipeline in
            guard case .holding(.driverFault) = pipeline.armState?.mode else { return pipeline.armState != nil }
            _ = try Program.run("octo-arm", ["reset", "--run", pipeline.folder.path])
            return false
        }
    }

    func waitUntilMoving(limit: Double = 60) throws {
        try wait(for: "the arm to execute a chunk", limit: limit) { pipeline in
            if case .executing = pipeline.armState?.mode { pipeline.isReady } else { false }
        }
    }

    var isReady: Bool {
        ["camera-primary", "goal", "policy", "arm"].allSatisfy { status[$0]?.state == .ready }
    }

    /// Whether the arm follows a chunk at present, and says that all is well.
    var isExecuting: Bool {
        if case .executing = armState?.mode { status["arm"]?.state == .ready } else { false }
    }

    /// Waits for motion in a process that took over from one that was killed: what that one said last does not count.
    func waitForMotion(in what: String) throws {
        let begin = MonotonicTime.now()
        try wait(for: "motion in \(what)") { $0.isExecuting && ($0.armState?.measured.time ?? .zero) > begin }
    }

    /// Whether the arm holds and its setpoint stands still.
    var isAtRest: Bool {
        if case .holding = armState?.mode { armState?.setpoint.velocities.magnitude == 0 } else { false }
    }

    /// A number that a node counts, as it said last; 0 if it has not said.
    func count(_ counter: String, of node: String) -> Int64 {
        status[node]?.counters.first { $0.name == counter }?.value ?? 0
    }

    /// Waits for so many ticks of the control loop, of one process.
    func letTick(_ ticks: UInt64, limit: Double = 60) throws {
        guard let begin = armState?.tick else { throw TimedOut(description: "no state of the arm") }
        try wait(for: "\(ticks) more ticks", limit: limit) { $0.armState.map { $0.tick > begin + ticks } ?? false }
    }

    func processID(of node: String) throws -> Int32 {
        guard let known = status[node] else { throw TimedOut(description: "no status of \(node)") }
        return known.processID
    }

    /// Asks the launcher to stop and reads the summary it prints.
    func stop(limit: Double = 20) throws -> (summary: JSONNode, outcome: Program.Outcome) {
        kill(launcher.process.processIdentifier, SIGINT)
        return try finish(limit: limit)
    }

    /// Waits for the launcher's own end and reads the summary.
    func finish(limit: Double) throws -> (summary: JSONNode, outcome: Program.Outcome) {
        let outcome = launcher.waitForEnd(limit: limit)
        do {
            return (try JSONNode(parsing: Array(outcome.output.utf8)), outcome)
        } catch {
            throw TimedOut(
                description:
                    "the summary is not JSON (\(error)): exit code "
                    + "\(outcome.exitCode)\n\(outcome.output)\n\(outcome.errors)"
            )
        }
    }

    deinit {
        bus.close()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// A process of this machine that still runs (a zombie does not).
func isAlive(_ processID: Int32) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8),
        let close = stat.lastIndex(of: ")")
    else { return false }
    return !stat[close...].dropFirst(2).hasPrefix("Z")
}

/// Waits until none of the processes runs.
func waitUntilGone(_ processIDs: [Int32], limit: Double = 15) -> [Int32] {
    let deadline = MonotonicTime.now() + .fromSeconds(limit)
    var left = processIDs
    while !left.isEmpty, MonotonicTime.now() < deadline {
        left = left.filter(isAlive)
        if !left.isEmpty { usleep(10_000) }
    }
    return left
}

/// Restarts of all processes together, as the summary of octo-launch has them.
func restarts(in summary: JSONNode) -> Int? {
    summary["restarts"]?.object?.reduce(0) { $0 + ($1.value.int ?? 0) }
}
