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

    private let path: String
    private let arguments: [String]
    private let environment: [String: String]
    private let signals: Int32
    private let console: Console
    private var run: ServeRun
    private var child: ChildProcess?
    private var outcome: Supervisor.Outcome?

    /// Prepares to run a program.
    /// - Parameter signals: descriptor of `octo_signal_fd`, made before any thread.
    init(
        path: String, arguments: [String], environment: [String: String], supervision: Manifest.Supervision,
        signals: Int32, console: Console
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.signals = signals
        self.console = console
        run = ServeRun(supervision)
    }

    /// Runs until nothing is alive any more. Call it from the main thread: when that ends, the kernel ends the process.
    mutating func runToTheEnd() -> ServeSummary {
        while true {
            let now = MonotonicTime.now()
            readSignals(at: now)
            if let child { forward(child.readLines()) }
            reap(at: now)
            perform(run.tick(at: now), at: now)
            if let outcome { return ServeSummary(run, outcome: outcome, at: now) }
            wait()
        }
    }

    /// Waits for a signal, for words of the process, or a little. poll(2).
    private func wait() {
        var descriptors = [signals, child?.output].compactMap(\.self).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        // Interrupted or not, the loop looks at everything again.
        _ = poll(&descriptors, nfds_t(descriptors.count), Self.period)
    }

    private mutating func perform(_ actions: [Supervisor.Action], at now: MonotonicTime) {
        for action in actions {
            switch action {
            case .start: start(at: now)
            case .terminate: child?.terminate()
            case .kill: child?.killGroup()
            case .report(let level, let text): console.report(level, text)
            case .finish(let outcome): self.outcome = outcome
            }
        }
    }

    private mutating func start(at now: MonotonicTime) {
        do throws(SpawnError) {
            let process = try ChildProcess(path: path, arguments: arguments, environment: environment)
            child = process
            perform(run.started(processID: process.processID, at: now), at: now)
        } catch {
            perform(run.couldNotStart(error.description, at: now), at: now)
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

    private mutating func forward(_ lines: [String]) {
        for line in lines where run.wrote(line) { console.forward(line, of: ServeRun.node) }
    }

    private mutating func reap(at now: MonotonicTime) {
        guard let process = child, let ending = process.reapIfEnded() else { return }
        forward(process.readLastLines())
        child = nil
        perform(run.exited(processID: process.processID, ending, at: now), at: now)
    }
}
