import Bus
import CShims
import Glibc
import Launch
import Manifests
import Messages
import NodeShell
import Recording
import Time
import Wire

/// Carries out what the supervisor decides: processes, signals, bus and clock meet here.
struct Launcher {
    /// Period in which it looks after processes and deadlines when nothing happens.
    private static let period = Duration.milliseconds(50)

    private let run: RunDescription
    private let console: Console
    private let environment: [String: String]
    private let programs: [String: String]
    private let signals: Int32
    private let bus: BusNode
    private let statuses: Subscription<NodeStatus>
    private let chunks: Subscription<ActionChunk>
    private let chunkReports: Subscription<ChunkReport>
    private let loopReports: Subscription<LoopReport>
    private let episodes: Subscription<EpisodeState>
    private var supervisor: Supervisor
    private var record = RunRecord()
    private var hasBegun = false
    /// Processes that live, in the order of their starts, so that output and reaping have one too.
    private var children: [(node: String, process: ChildProcess)] = []
    private var outcome: Supervisor.Outcome?

    /// Prepares to launch a run's processes.
    /// - Parameter signals: descriptor of `octo_signal_fd`, made before any thread.
    /// - Throws: `SpawnError` when a program is missing, `BusError` when the bus cannot be had; nothing runs then.
    init(
        _ run: RunDescription, duration: Duration?, environment: [String: String], signals: Int32, console: Console
    ) throws {
        self.run = run
        self.console = console
        self.environment = environment
        self.signals = signals
        let finder = ProgramFinder(environment: environment)
        var programs: [String: String] = [:]
        for node in run.manifest.nodes { programs[node] = try finder.find(NodeProgram.of(node, in: run.manifest).name) }
        self.programs = programs
        let peers = run.manifest.nodes.compactMap { run.endpoints[$0] }
        bus = try BusNode(
            BusOptions(
                node: "octo-launch", runID: run.runID, endpoint: nil, peers: peers, security: run.busSecurity))
        statuses = try bus.subscribe(Topics.allNodeStatuses)
        chunks = try bus.subscribe(Topics.policyChunk)
        chunkReports = try bus.subscribe(Topics.armChunk)
        loopReports = try bus.subscribe(Topics.armLoop)
        episodes = try bus.subscribe(Topics.episodeState)
        supervisor = Supervisor(.init(run.manifest, duration: duration))
    }

    /// Runs until the supervisor says that nothing is alive any more. Call it from the main thread.
    mutating func runToTheEnd() throws -> RunSummary {
        while true {
            let now = MonotonicTime.now()
            readSignals(at: now)
            readOutput()
            takeMessages(at: now)
            reap(at: now)
            perform(supervisor.tick(at: now), at: now)
            if !hasBegun, supervisor.readySince != nil {
                hasBegun = true
                record.begin()
            }
            if let outcome {
                let lost = bus.statistics.total
                var summary = RunSummary(
                    record, of: run, supervisor: supervisor, outcome: outcome,
                    ownLost: lost.lost.addingSaturating(lost.queueDropped), at: now)
                for index in summary.episodes.indices {
                    summary.episodes[index].file = Self.read(summary.episodes[index].state.path)
                }
                return summary
            }
            try bus.wait(until: now + Self.period, alsoOn: [signals] + children.compactMap(\.process.output))
        }
    }

    /// Reads what is in an episode's file, now that nobody writes to it any more.
    private static func read(_ path: String) -> RunSummary.Episode.File {
        do throws(EpisodeFileError) {
            let found = try EpisodeAudit(path: path)
            return .read(messages: found.messages, isWhole: found.isWhole, topics: found.topics)
        } catch {
            return .unreadable(error.description)
        }
    }

    /// Ends everything at once, for the case that this loop itself fails.
    mutating func abandon() {
        for child in children { child.process.killGroup() }
        for child in children { while child.process.reapIfEnded() == nil { usleep(1000) } }
    }

    private mutating func perform(_ actions: [Supervisor.Action], at now: MonotonicTime) {
        for action in actions {
            switch action {
            case .start(let node): start(node, at: now)
            case .terminate(let node, _): child(node)?.terminate()
            case .kill(let node, _): child(node)?.killGroup()
            case .report(let level, let text): console.report(level, text)
            case .finish(let outcome): self.outcome = outcome
            }
        }
    }

    private func child(_ node: String) -> ChildProcess? { children.first { $0.node == node }?.process }

    private mutating func start(_ node: String, at now: MonotonicTime) {
        do throws(SpawnError) {
            let process = try ChildProcess(
                path: programs[node] ?? "",
                arguments: NodeProgram.of(node, in: run.manifest).arguments(node: node, runFolder: run.folder),
                environment: NodeProgram.environment(of: node, in: run.manifest, from: environment))
            children.append((node, process))
            perform(supervisor.started(node, processID: process.processID, at: now), at: now)
        } catch {
            perform(supervisor.couldNotStart(node, error.description, at: now), at: now)
        }
    }

    private mutating func readSignals(at now: MonotonicTime) {
        while true {
            switch octo_signal_read(signals) {
            case 0: return
            case SIGINT: perform(supervisor.stopRequested("Ctrl-C", at: now), at: now)
            case SIGHUP: perform(supervisor.stopRequested("the terminal was closed", at: now), at: now)
            default: perform(supervisor.stopRequested("SIGTERM", at: now), at: now)
            }
        }
    }

    private mutating func readOutput() {
        for child in children { forward(child.process.readLines(), of: child.node) }
    }

    private mutating func forward(_ lines: [String], of node: String) {
        for line in lines {
            if supervisor.wrote(line, by: node) { console.forward(line, of: node) }
        }
    }

    private mutating func reap(at now: MonotonicTime) {
        for child in children {
            guard let ending = child.process.reapIfEnded() else { continue }
            forward(child.process.readLastLines(), of: child.node)
            children.removeAll { $0.process === child.process }
            perform(
                supervisor.exited(
                    child.node, processID: child.process.processID, Supervisor.Ending(ending),
                    at: now), at: now)
        }
    }

    /// Takes a message, unless it is of an earlier run's process that has not ended yet.
    private func take<Message>(_ subscription: Subscription<Message>) -> Message? {
        while let received = subscription.take() {
            if received.envelope.runID == run.runID { return received.message }
        }
        return nil
    }

    private mutating func takeMessages(at now: MonotonicTime) {
        while let status = take(statuses) {
            record.received(status)
            perform(supervisor.received(status, at: now), at: now)
        }
        while let chunk = take(chunks) { record.received(chunk) }
        while let report = take(chunkReports) { record.received(report) }
        while let report = take(loopReports) { record.received(report) }
        while let state = take(episodes) { record.received(state) }
    }
}
