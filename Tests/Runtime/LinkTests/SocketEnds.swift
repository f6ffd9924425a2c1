import Files
import Glibc
import JSONTree
import Keys
import Link
import Testing
import Time

/// A folder of keys for a test, removed with it.
final class TestKeys {
    let folder: KeyFolder
    let own: KeyPair

    init() throws {
        var template = Array("/tmp/octo-keys-XXXXXX".utf8CString)
        folder = KeyFolder(path: try #require(mkdtemp(&template).map { String(cString: $0) }))
        own = try folder.makeOwn()
    }

    deinit {
        unlink(folder.ownPath)
        unlink(folder.allowedPath)
        rmdir(folder.path)
    }

    /// Lets somebody in, with a new key.
    func allow(_ name: String, _ role: KeyRole = .robot) throws -> KeyPair {
        let pair = try KeyPair.make()
        var list = try folder.allowed()
        try list.add(AllowedKey(name: name, key: pair.publicKey, role: role))
        try folder.save(list)
        return pair
    }

    func revoke(_ name: String) throws {
        var list = try folder.allowed()
        try list.revoke(name)
        try folder.save(list)
    }
}

/// What arrived in a session: its number, and how many bytes each part has.
struct Arrival: Equatable {
    var number: Int
    var partSizes: [Int]

    init(_ body: JSONNode, _ parts: [SharedBytes]) {
        number = body["n"]?.int ?? -1
        partSizes = parts.map(\.count)
    }
}

/// One end of a link at a real socket, worked by `letWork`.
protocol LinkEnd {
    var descriptors: [Int32] { get }
    func work(at now: MonotonicTime) throws
}

/// A server that gives a session to all who may come in.
final class ServerEnd: LinkEnd {
    /// Messages that are taken before others have their turn.
    private static let drainLimit = 64

    let socket: LinkServerSocket
    private(set) var core: LinkServer
    private(set) var askers: [LinkPeer] = []
    /// Names of those whose sessions ended, and why.
    private(set) var left: [(name: String, reason: String)] = []
    private(set) var arrivals: [(session: String, what: Arrival)] = []
    /// Whether what arrives goes back.
    var echoes = false

    init(_ keys: TestKeys?, timing: LinkTiming) throws {
        socket = try LinkServerSocket(bind: "tcp://127.0.0.1:*", keys: keys?.folder, admitting: [.robot])
        core = LinkServer(timing: timing)
    }

    var descriptors: [Int32] { socket.descriptors }

    func work(at now: MonotonicTime) throws {
        socket.wake()
        if try socket.judge(at: now) { try socket.send(core.judge(socket.admits)) }
        for _ in 0..<Self.drainLimit {
            guard let (peer, message) = try socket.receive() else { break }
            try socket.send(core.received(message, from: peer, at: now))
        }
        try socket.send(core.tick(at: now))
        for event in core.takeEvents() {
            switch event {
            case .asked(let peer, _):
                askers.append(peer)
                if let answer = core.accept(peer, body: .object([:]), at: now) { try socket.send(answer.sayings) }
            case .left(_, let peer, let reason): left.append((peer.name, reason))
            case .gaveUp: break
            case .data(let session, let body, let parts):
                arrivals.append((session, Arrival(body, parts)))
                if echoes { try socket.send(core.send(body: body, parts: parts, in: session)) }
            }
        }
    }

    func say(_ number: Int, parts: [SharedBytes] = [], in session: String) throws {
        try socket.send(core.send(body: .object(["n": JSONNode(number)]), parts: parts, in: session))
    }
}

/// A robot that wants a session.
final class ClientEnd: LinkEnd {
    let socket: LinkClientSocket
    private(set) var core: LinkClient
    private(set) var lost: [(reason: String, wasOpen: Bool)] = []
    private(set) var arrivals: [Arrival] = []

    init(_ server: ServerEnd, _ security: LinkSecurity, timing: LinkTiming) throws {
        socket = try LinkClientSocket(endpoint: server.socket.endpoint, security: security)
        core = LinkClient(service: "test", robot: "r", run: "0", body: .object([:]), timing: timing)
    }

    var descriptors: [Int32] { [socket.descriptor] }

    func work(at now: MonotonicTime) throws {
        socket.wake()
        try socket.perform(core.tick(at: now))
        while let message = try socket.receive() { try socket.perform(core.received(message, at: now)) }
        for event in core.takeEvents() {
            switch event {
            case .lost(let reason, let wasOpen): lost.append((reason, wasOpen))
            case .data(let body, let parts): arrivals.append(Arrival(body, parts))
            case .opened, .waiting, .refused: break
            }
        }
    }

    func say(_ number: Int, parts: [SharedBytes] = []) throws {
        try socket.perform(core.send(body: .object(["n": JSONNode(number)]), parts: parts))
    }
}

/// Lets the ends work until `condition` holds; real sockets are awaited, for five seconds at most.
func letWork(
    _ ends: any LinkEnd..., until what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    condition: () throws -> Bool
) throws {
    struct NothingCame: Error {}
    let end = MonotonicTime.now() + .seconds(5)
    while try !condition() {
        guard MonotonicTime.now() < end else {
            Issue.record(what, sourceLocation: sourceLocation)
            throw NothingCame()
        }
        for end in ends { try end.work(at: .now()) }
        var awaited = ends.flatMap(\.descriptors).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        poll(&awaited, nfds_t(awaited.count), 2)
    }
}
