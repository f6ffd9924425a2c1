import ArgumentParser
import Away
import Bus
import CShims
import Files
import Glibc
import JSONTree
import Keys
import Link
import Manifests
import Messages
import NodeShell
import Time
import Wire

/// Stands for a node that runs on another machine; octo-launch starts it in the node's place.
struct AwayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "away",
        abstract: "Stand for a node that runs on another machine; octo-launch starts this.",
        shouldDisplay: false)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        umask(0o077)
        let signals = octo_signal_fd()
        guard signals >= 0 else { throw ExitCode.failure }
        // A launcher that was killed leaves our lines without a reader.
        signal(SIGPIPE, SIG_IGN)
        do {
            // What a node would look at is on the other machine.
            guard !arguments.check else { return }
            var desk = try AwayDesk(arguments, signals: signals)
            let code = try desk.runToTheEnd()
            LineWriter.standardError.flush(limit: .milliseconds(500))
            guard code == 0 else { throw ExitCode(code) }
        } catch let code as ExitCode {
            throw code
        } catch {
            LineWriter.standardError.write("error: \(error)")
            LineWriter.standardError.flush(limit: .milliseconds(500))
            throw ExitCode.badInput
        }
    }
}

/// Carries between the robot's bus and the link what stands for a node.
struct AwayDesk {
    private struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    private static let statusPeriod = Duration.milliseconds(500)
    private static let farewell = Duration.milliseconds(50)

    private let node: String
    private let run: RunDescription
    private let signals: Int32
    private let tap: BusTap
    private let socket: LinkClientSocket
    private var client: LinkClient
    private var away: AwayNode
    private var statusSequence: UInt64 = 0
    private let instance: UInt64
    private var nextStatus = MonotonicTime.zero
    private var end: Int32?

    init(_ arguments: NodeArguments, signals: Int32) throws {
        self.signals = signals
        node = arguments.node
        let run = try RunDescription.load(folder: arguments.run)
        self.run = run
        guard let host = run.manifest.host(ofNode: node) else {
            throw Refusal(description: "the manifest has '\(arguments.node)' on this machine")
        }
        let others = run.endpoints.filter { $0.key != arguments.node }
        tap = try BusTap(
            publishes: run.endpoint(of: node), commandsAt: run.commandEndpoints[node],
            peers: others.values.sorted(),
            listeners: run.commandEndpoints.filter { $0.key != arguments.node }.values.sorted(),
            security: run.busSecurity, isLatched: RelayTopics.isLatched)
        var generator = SystemRandomNumberGenerator()
        instance = generator.next()
        away = AwayNode(node: node, host: "\(host.forNodes)", isNewestOnly: RelayTopics.isNewestOnly)
        client = LinkClient(
            service: HostDesk.service, robot: run.manifest.name, run: run.runID,
            body: AwayNode.question(node: node, run: run.json, bootID: BusNode.readHostID(), process: getpid()))
        socket = try LinkClientSocket(endpoint: host.forNodes.endpoint, security: Self.security(for: host))
    }

    private static func security(for host: Manifest.Host) throws(KeyError) -> LinkSecurity {
        switch host.key {
        case nil: return .insecure
        case .own:
            let own = try KeyFolder.ofUser().ownOrMade()
            return .keys(own, server: own.publicKey)
        case .known(let server): return .keys(try KeyFolder.ofUser().ownOrMade(), server: server)
        }
    }

    /// Runs until the node has ended.
    /// - Returns: its exit code.
    mutating func runToTheEnd() throws -> Int32 {
        while true {
            let now = MonotonicTime.now()
            while octo_signal_read(signals) != 0 { try perform(away.stop(), at: now) }
            try carry(at: now)
            if let end {
                try socket.perform(client.leave(reason: "the node has ended"))
                return end
            }
            if now >= nextStatus, let status = away.status {
                nextStatus = now + Self.statusPeriod
                try publish(status, at: now)
            }
            wait(until: min(client.nextTime ?? nextStatus, now + .milliseconds(100)))
        }
    }

    /// Carries to and fro until nothing is left.
    private mutating func carry(at now: MonotonicTime) throws {
        try tap.wake()
        socket.wake()
        var isBusy = true
        while isBusy {
            isBusy = false
            try socket.perform(client.tick(at: now))
            while let message = try socket.receive() {
                isBusy = true
                try socket.perform(client.received(message, at: now))
            }
            for event in client.takeEvents() { try take(event, at: now) }
            if let clock = client.clock(at: now) {
                try perform(away.clock(.zero - clock.offset, uncertainty: clock.uncertainty), at: now)
            }
            if let interests = try tap.takeInterests() { try perform(away.listen(to: interests), at: now) }
            while let parts = try tap.takeMessage() {
                isBusy = true
                if let message = RelayedMessage(.bus, parts: parts) { try perform(away.take(message), at: now) }
            }
            while let parts = try tap.takeCommand() {
                isBusy = true
                if let message = RelayedMessage(.commands, parts: parts) { try perform(away.take(message), at: now) }
            }
            try perform(away.tick(at: now), at: now)
        }
    }

    private mutating func take(_ event: LinkClient.Event, at now: MonotonicTime) throws {
        switch event {
        case .opened: try perform(away.opened(at: now), at: now)
        case .waiting: break
        case .refused(let reason, _): try perform(away.refused(reason), at: now)
        case .lost(let reason, _): try perform(away.lost(reason), at: now)
        case .data(let body, let parts): try perform(away.received(body, parts), at: now)
        }
    }

    private mutating func perform(_ actions: [AwayNode.Action], at now: MonotonicTime) throws {
        for action in actions {
            switch action {
            case .say(let body, let parts): try socket.perform(client.send(body: body, parts: parts))
            case .arrival(.interests(let prefixes)): try tap.listen(to: prefixes)
            case .arrival(.message(let message)):
                switch message.lane {
                case .bus: try tap.publish(message.parts)
                case .commands: try tap.command(message.parts)
                }
            case .line(let text): LineWriter.standardError.write(text)
            case .end(let code): end = end ?? code
            }
        }
    }

    /// Says of the node what it cannot say itself.
    private mutating func publish(_ status: NodeStatus, at now: MonotonicTime) throws {
        let topic = Topics.nodeStatus(node).name
        let message = try status.completed(by: node, processID: getpid(), BusStatistics()).encoded()
        let envelope = try Envelope(
            schema: NodeStatus.schemaName, sequence: statusSequence, captureTime: nil, publishTime: now,
            sourceNode: node, instanceID: instance, runID: run.runID, traceID: 0, hostID: BusNode.readHostID()
        ).encoded()
        statusSequence += 1
        try tap.publish([Array(topic.utf8), envelope, message.body].map { SharedBytes(copying: $0) })
    }

    private func wait(until deadline: MonotonicTime) {
        var polled = ([signals, socket.descriptor] + tap.descriptors).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        // Interrupted or not, everything is looked at again.
        _ = octo_poll_until_ns(&polled, UInt32(polled.count), max(deadline.nanoseconds, 0))
    }
}
