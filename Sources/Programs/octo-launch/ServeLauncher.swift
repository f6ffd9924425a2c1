import CShims
import Glibc
import Launch
import Manifests
import NodeShell
import Time

/// Carries out what `ServeRun` decides: process, signals and clock meet here.
struct ServeLauncher {
    /// Period in which it looks after the process when nothing happens. ms
    private static let period: Int32 = 50

    /// A program, and how it is called.
    struct Program {
        let node: String
        let path: String
        let arguments: [String]
        let environment: [String: String]
    }

    private let programs: [Program]
    private let signals: Int32
    private let console: Console
    private var run: ServeRun
    private var children: [(node: String, process: ChildProcess)] = []
    private var outcome: Supervisor.Outcome?

    /// Prepares to run programs.
    /// - Parameter signals: descriptor of `octo_signal_fd`, made before any thread.
    init(
        _ programs: [Program], supervision: Manifest.Supervision, signals: Int32, console: Console
    ) {
        self.programs = programs
        self.signals = signals
        self.console = console
        run = ServeRun(supervision, runsNodes: programs.contains { $0.node == ServeRun.nodesHost })
    }

    /// Runs until nothing is alive any more. Call it from the main thread: when that ends, the kernel ends the process.
    mutating func runToTheEnd() -> ServeSummary {
        while true {
            let now = MonotonicTime.now()
            readSignals(at: now)
            for child in children { forward(child.process.readLines(), of: child.node) }
            reap(at: now)
            perform(run.tick(at: now), at: now)
            if let outcome { return ServeSummary(run, outcome: outcome, at: now) }
            wait()
        }
    }

    /// Waits for a signal, for words of the process, or a little. poll(2).
    private func wait() {
        var descriptors = ([signals] + children.compactMap(\.process.output)).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        // Interrupted or not, the loop looks at everything again.
        _ = poll(&descriptors, nfds_t(descriptors.count), Self.period)
    }

    private mutating func perform(_ actions: [Supervisor.Action], at now: MonotonicTime) {
        for action in actions {
            switch action {
            case .start(let node): start(node, at: now)
            case .terminate(let node, _): children.first { $0.node == node }?.process.terminate()
            case .kill(let node, _): children.first { $0.node == node }?.process.killGroup()
            case .report(let level, let text): console.report(level, text)
            case .finish(let outcome): self.outcome = outcome
            }
        }
    }

    private mutating func start(_ node: String, at now: MonotonicTime) {
        guard let program = programs.first(where: { $0.node == node }) else { return }
        do throws(SpawnError) {
            let process = try ChildProcess(
                path: program.path, arguments: program.arguments, environment: program.environment)
            children.append((node, process))
            perform(run.started(node, processID: process.processID, at: now), at: now)
        } catch {
            perform(run.couldNotStart(node, error.description, at: now), at: now)
        }
    }

    private mutating func readSignals(at now: MonotonicTime) {
        while true {
            switch octo_signal_read(signals) {
            case 0: return
            case SIGINT: perform(run.stopRequested("Ctrl-C", at: now), at: now)
            case SIGHUP: perform(run.stopRequested("the terminal was closed", at: now), at: now)
            default: perform(run.stopRequested("SIGTERM", at: now), at: now)
            }
        }
    }

    private mutating func forward(_ lines: [String], of node: String) {
        for line in lines where run.wrote(line, by: node) { console.forward(line, of: node) }
    }

    private mutating func reap(at now: MonotonicTime) {
        for child in children {
            guard let ending = child.process.reapIfEnded() else { continue }
            forward(child.process.readLastLines(), of: child.node)
            children.removeAll { $0.process === child.process }
            let processID = child.process.processID
            perform(run.exited(child.node, processID: processID, Supervisor.Ending(ending), at: now), at: now)
        }
    }
}
