import Away
import Bus
import CShims
import Files
import Foundation
import Glibc
import JSONTree
import Launch
import Link
import Manifests
import NodeShell
import Time

/// Carries out what `HostedNode` decides, for all robots that have nodes here: sockets, processes and clocks meet here.
struct HostDesk {
    static let service = "node"
    private static let period = Duration.milliseconds(50)
    /// How long nodes have to end when this program does.
    private static let patience = Duration.seconds(6)

    /// A node that runs here.
    private final class Guest {
        let name: String
        let mirrored: MirroredRun
        let bootID: String
        let process: Int32
        let tap: BusTap
        var core: HostedNode
        var child: ChildProcess?
        var clock: OpaquePointer?

        init(_ name: String, _ mirrored: MirroredRun, bootID: String, process: Int32) throws {
            self.name = name
            self.mirrored = mirrored
            self.bootID = bootID
            self.process = process
            // What a killed predecessor left.
            FileSystem.remove(mirrored.folder)
            try FileSystem.makeFolders(mirrored.folder)
            try FileSystem.replace(
                mirrored.folder + "/" + RunDescription.fileName, with: mirrored.description.text(), mode: 0o600)
            let place = mirrored.place
            tap = try BusTap(
                publishes: place.publishes, commandsAt: place.commandsAt, peers: place.peers,
                listeners: place.listeners, isLatched: RelayTopics.isLatched)
            core = HostedNode(isNewestOnly: RelayTopics.isNewestOnly)
        }

        func close() {
            tap.close()
            if let clock { octo_clock_close(clock) }
            clock = nil
            FileSystem.remove(mirrored.folder)
        }
    }

    private let socket: LinkServerSocket
    private let home: String
    private let base: String
    private let environment: [String: String]
    private let finder: ProgramFinder
    private let signals: Int32
    private let lines: LineWriter
    private var server = LinkServer()
    /// By session.
    private var guests: [String: Guest] = [:]
    private var ending: MonotonicTime?

    init(
        _ socket: LinkServerSocket, home: String, environment: [String: String], signals: Int32, lines: LineWriter
    ) throws {
        self.socket = socket
        self.home = home
        self.environment = environment
        self.signals = signals
        self.lines = lines
        base = RunFolder.base(environment)
        finder = ProgramFinder(environment: environment)
        try FileSystem.makeFolders(home)
        try FileSystem.makeFolders(base)
    }

    /// Runs until it is told to stop and all nodes have ended.
    mutating func runToTheEnd() throws {
        while true {
            let now = MonotonicTime.now()
            while octo_signal_read(signals) != 0 { try stop(at: now) }
            socket.wake()
            if try socket.judge(at: now) { try socket.send(server.judge(socket.admits)) }
            while let (peer, message) = try socket.receive() {
                try socket.send(server.received(message, from: peer, at: now))
                try takeEvents(at: now)
            }
            try socket.send(server.tick(at: now))
            try takeEvents(at: now)
            for session in guests.keys.sorted() { try look(after: session, at: now) }
            if let ending {
                if guests.isEmpty { return }
                if now >= ending {
                    for guest in guests.values { guest.child?.killGroup() }
                }
            }
            wait(until: now + Self.period)
        }
    }

    private mutating func stop(at now: MonotonicTime) throws {
        guard ending == nil else { return }
        ending = now + Self.patience
        for session in server.openSessions {
            try socket.send(server.dismiss(session, reason: "the machine stops running nodes"))
        }
        try takeEvents(at: now)
    }

    private mutating func takeEvents(at now: MonotonicTime) throws {
        for event in server.takeEvents() {
            switch event {
            case .asked(let peer, let question): try answer(peer, question, at: now)
            case .gaveUp: break
            case .left(let session, _, let reason):
                guard let guest = guests[session] else { continue }
                lines.write("\(guest.name): \(reason)")
                try perform(guest.core.robotLeft(at: now), session, at: now)
            case .data(let session, let body, let parts):
                guard let guest = guests[session] else { continue }
                try perform(guest.core.received(body, parts, at: now), session, at: now)
            }
        }
    }

    private mutating func answer(_ peer: LinkPeer, _ question: LinkQuestion, at now: MonotonicTime) throws {
        do {
            guard question.service == Self.service, ending == nil else {
                throw MirroredRun.Refusal(description: "nodes of robots alone run here")
            }
            let mirrored = try MirroredRun(question.body, base: base, home: home, process: getpid())
            guard !guests.values.contains(where: { $0.mirrored.folder == mirrored.folder }) else {
                throw MirroredRun.Refusal(description: "the node of an earlier session has not ended yet")
            }
            let isOwn = peer.name.isEmpty || peer.name == KeyGate.ownName
            let name = "\(mirrored.node) of \(question.robot)" + (isOwn ? "" : " (key of \(peer.name))")
            let guest = try Guest(
                name, mirrored, bootID: question.body["boot_id"]?.string ?? "",
                process: question.body["process"]?.int.flatMap(Int32.init(exactly:)) ?? 0)
            guard let (session, sayings) = server.accept(peer, body: .object([:]), at: now) else {
                return guest.close()
            }
            guests[session] = guest
            try socket.send(sayings)
            lines.write("\(name): it came")
        } catch {
            try socket.send(server.refuse(peer, reason: "\(error)"))
        }
    }

    /// Looks after a node: its words, its end, what it has for the robot.
    private mutating func look(after session: String, at now: MonotonicTime) throws {
        guard let guest = guests[session] else { return }
        try guest.tap.wake()
        if let interests = try guest.tap.takeInterests() {
            try perform(guest.core.listen(to: interests), session, at: now)
        }
        while let parts = try guest.tap.takeMessage() {
            if let message = RelayedMessage(.bus, parts: parts) {
                try perform(guest.core.take(message), session, at: now)
            }
        }
        while let parts = try guest.tap.takeCommand() {
            if let message = RelayedMessage(.commands, parts: parts) {
                try perform(guest.core.take(message), session, at: now)
            }
        }
        try perform(guest.core.tick(at: now), session, at: now)
        guard let child = guest.child else { return }
        for line in child.readLines() { try perform(guest.core.wrote(line), session, at: now) }
        guard let ending = child.reapIfEnded() else { return }
        for line in child.readLastLines() { try perform(guest.core.wrote(line), session, at: now) }
        guest.child = nil
        switch ending {
        case .exited(let code): try perform(guest.core.exited(code: code), session, at: now)
        case .signalled(let signal): try perform(guest.core.exited(signal: signal), session, at: now)
        }
    }

    private mutating func perform(_ actions: [HostedNode.Action], _ session: String, at now: MonotonicTime) throws {
        guard let guest = guests[session] else { return }
        for action in actions {
            switch action {
            case .start(let offset): try start(guest, session, offset, at: now)
            case .terminate: guest.child?.terminate()
            case .kill: guest.child?.killGroup()
            case .clock(let offset): guest.clock.map { octo_clock_set($0, offset.nanoseconds) }
            case .say(let body, let parts): try socket.send(server.send(body: body, parts: parts, in: session))
            case .arrival(.interests(let prefixes)): try guest.tap.listen(to: prefixes)
            case .arrival(.message(let message)):
                switch message.lane {
                case .bus: try guest.tap.publish(message.parts)
                case .commands: try guest.tap.command(message.parts)
                }
            case .forget:
                try socket.send(server.dismiss(session, reason: "the node has ended"))
                guests[session] = nil
                guest.close()
                lines.write("\(guest.name): it has ended")
            }
        }
    }

    private mutating func start(_ guest: Guest, _ session: String, _ offset: Duration, at now: MonotonicTime) throws {
        let clockPath = guest.mirrored.folder + "/clock"
        let node = guest.mirrored.node
        do {
            guard let clock = octo_clock_make(clockPath, offset.nanoseconds, guest.bootID, guest.process) else {
                throw FileError.notWritten(path: clockPath, errno: errno)
            }
            guest.clock = clock
            let program = NodeProgram.of(node)
            guest.child = try ChildProcess(
                path: try finder.find(program.name),
                arguments: program.arguments(node: node, runFolder: guest.mirrored.folder),
                environment: environment.merging(["OCTO_CLOCK": clockPath]) { $1 })
            try perform(guest.core.started(at: now), session, at: now)
        } catch {
            try perform(guest.core.notStarted("\(error)"), session, at: now)
        }
    }

    private func wait(until deadline: MonotonicTime) {
        let all =
            [signals] + socket.descriptors
            + guests.values.flatMap { guest in
                guest.tap.descriptors + (guest.child?.output.map { [$0] } ?? [])
            }
        var polled = all.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        // Interrupted or not, everything is looked at again.
        _ = octo_poll_until_ns(&polled, UInt32(polled.count), max(deadline.nanoseconds, 0))
    }
}
