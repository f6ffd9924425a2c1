import ArgumentParser
import Bus
import CShims
import Glibc
import Logging
import Manifests
import Messages
import Time

/// What a node has when it starts: its name and run, its connection, its log.
package struct NodeContext {
    package let name: String
    package let run: RunDescription
    package let bus: BusNode
    package let log: Logger
}

/// The life of a node's process: connect, say how it is twice a second, wake the body, end in order.
package enum NodeProcess {
    private static let recorderPatience = Duration.seconds(1)
    /// How long the end of a node waits for its last lines to be taken.
    private static let lastWait = Duration.milliseconds(500)
    /// A node that is asked to stop and hangs is ended by the kernel after this many seconds.
    private static let stopDeadlineSeconds: UInt32 = 5

    /// Runs a node until it is told to stop (SIGTERM, SIGINT, SIGHUP, or the death of its launcher).
    ///
    /// Call it from the main thread before any other thread exists, so that all threads leave the signals to it.
    /// - Parameter makeBody: opens devices and files; what it throws is published, printed, and ends the process.
    /// - Throws: `ExitCode`; everything else has been reported on standard error.
    package static func run<Body: NodeBody>(
        _ arguments: NodeArguments, makeBody: (NodeContext) throws -> Body
    ) throws {
        // What a node writes is about somebody's rooms, and its sockets command an arm: for this user alone.
        umask(0o077)
        let signals = octo_signal_fd()
        guard signals >= 0 else { throw fail("cannot receive signals: errno \(-signals)", .failure) }
        octo_exit_deadline_after_signal(stopDeadlineSeconds)
        // A launcher that was killed leaves our standard error without a reader: a log line must not end an arm that
        // has yet to brake.
        signal(SIGPIPE, SIG_IGN)
        var log = Logger(label: arguments.node, factory: { _ in LineLog() })
        log.logLevel = .info

        let run: RunDescription
        let bus: BusNode
        do {
            run = try RunDescription.load(folder: arguments.run)
            bus = try BusNode(options(for: arguments.node, in: run))
            if !arguments.check { try awaitRecorder(on: bus, for: arguments.node, in: run) }
        } catch {
            throw fail("\(error)", .badInput)
        }
        let status = StatusPublisher(name: arguments.node, bus: bus)
        try status.publish(.starting, "starting")

        var body: Body
        do {
            body = try makeBody(NodeContext(name: arguments.node, run: run, bus: bus, log: log))
        } catch {
            // The launcher prints this line; the status is for everybody else who watches. That it may not get out
            // must not hide the error itself.
            try? status.publish(.fault, "\(error)")
            try? bus.wait(until: .now() + .milliseconds(200))
            bus.close()
            throw fail("\(error)", .badInput)
        }
        if arguments.check {
            _ = body.stop(at: .now())
            return bus.close()
        }
        do {
            try loop(
                &body, bus: bus, status: status, signals: signals, log: log, isLaunched: run.launcherPID == getppid())
        } catch {
            // Whatever broke, what moves is brought to rest first.
            octo_exit_deadline(stopDeadlineSeconds)
            while !body.stop(at: .now()) { octo_sleep_until_ns((MonotonicTime.now() + .milliseconds(10)).nanoseconds) }
            try? status.publish(.fault, "\(error)")
            bus.close()
            throw fail("\(error)", .failure)
        }
        bus.close()
        LineWriter.standardError.flush(limit: lastWait)
    }

    /// Waits until the recorder listens: what is said before is in no episode. One that does not come is not waited for
    /// long: it is no reason for a robot to stand still.
    private static func awaitRecorder(on bus: BusNode, for node: String, in run: RunDescription) throws(BusError) {
        guard run.manifest.record.isEnabled, node != Manifest.recorderNode else { return }
        let deadline = MonotonicTime.now() + recorderPatience
        while !bus.isHeardOnAllTopics, MonotonicTime.now() < deadline {
            try bus.wait(until: min(deadline, .now() + .milliseconds(20)))
        }
    }

    private static func loop<Body: NodeBody>(
        _ body: inout Body, bus: BusNode, status: StatusPublisher, signals: Int32, log: Logger, isLaunched: Bool
    ) throws {
        var stopping = false
        var progress = StopProgress()
        var pace = StatusPace(body.status(at: .now()).state, at: .now())
        var visitors = VisitorLog()
        while true {
            let now = MonotonicTime.now()
            // Drained even when it stops already: a byte left in the pipe would keep the loop from sleeping.
            while octo_signal_read(signals) != 0 {
                if !stopping { log.info("stopping") }
                stopping = true
            }
            var wake: MonotonicTime?
            if stopping {
                if body.stop(at: now) { break }
                wake = now + .milliseconds(10)
                // It gets on: not to be ended by the kernel yet.
                if progress.getsOn(with: body.bytesLeft) { octo_exit_deadline(stopDeadlineSeconds) }
            } else {
                wake = try body.turn(at: now)
            }
            var current = body.status(at: now)
            if stopping, let left = body.bytesLeft {
                current.counters.append(.init(name: NodeStatus.bytesLeft, value: Int64(left)))
            }
            let (isDue, isNew) = pace.take(current.state, at: now)
            // What is wrong the launcher says, from the status.
            let isTold = isLaunched && level(of: current.state) >= .warning
            if isNew, !isTold { log.log(level: level(of: current.state), "\(current.headline)") }
            if isDue {
                for line in visitors.take(bus.statistics) { log.warning("\(line)") }
                try status.publish(current, at: now)
            }
            try bus.wait(
                until: min(wake ?? pace.nextTime, pace.nextTime), alsoOn: [signals] + body.wakeDescriptors)
        }
        var last = body.status(at: .now())
        last.state = .stopping
        try status.publish(last, at: .now())
    }

    private static func level(of state: NodeStatus.State) -> Logger.Level {
        switch state {
        case .starting, .ready, .stopping: .info
        case .degraded: .warning
        case .fault: .error
        }
    }

    private static func options(for node: String, in run: RunDescription) throws -> BusOptions {
        let endpoint = try run.endpoint(of: node)
        let peers = run.endpoints.filter { $0.key != node }.sorted { $0.key < $1.key }.map(\.value)
        return BusOptions(
            node: node, runID: run.runID, endpoint: endpoint, peers: peers, commandEndpoint: run.commandEndpoints[node],
            security: run.busSecurity)
    }

    private static func fail(_ message: String, _ code: ExitCode) -> ExitCode {
        LineWriter.standardError.write("error: \(message)")
        LineWriter.standardError.flush(limit: lastWait)
        return code
    }
}
