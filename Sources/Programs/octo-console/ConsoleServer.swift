import CShims
import Console
import FlyingFox
import FlyingSocks
import Foundation
import Glibc
import JSONTree
import Manifests
import NodeShell
import Synchronization
import Time

/// Pages, Foxglove and requests on one side, what is decided about them in the middle, the thread of the bus on the
/// other. All of it is behind one lock, which nobody holds while waiting.
final class ConsoleServer: Sendable {
    struct State {
        var hub: ConsoleHub
        var foxglove: FoxgloveHub
        var access: Access
        var sockets: [ObjectIdentifier: ViewerSocket] = [:]
        var requests: [UInt64: CheckedContinuation<WebResponse, Never>] = [:]
        var requestCount: UInt64 = 0
        var nextPing = MonotonicTime.zero
        var failure: String?
    }
    private static let pingPeriod = Duration.seconds(10)
    /// Longer than the longest command takes to be answered.
    private static let handlerSeconds = 60.0
    /// Bytes of a body that are read together with the head: none that matters, so that the handler decides first.
    private static let headAlone = 1

    let settings: Manifest.Console
    let files: PageFiles
    let shelves: Shelves
    let gate: ConnectionGate
    private let state: Mutex<State>
    private let tokens: AccessTokens?
    /// Wakes the thread of the bus.
    let wakeDescriptor: Int32

    /// Prepares to serve; nothing listens yet.
    /// - Throws: what is wrong with the token file or the page's files.
    init(_ settings: Manifest.Console, shelves: Shelves) throws {
        self.settings = settings
        self.shelves = shelves
        files = try PageFiles()
        tokens = try settings.tokenFile.map { (path) throws(TokenFileError) in try TokenFile.read(path) }
        gate = ConnectionGate(SocketPool(queue: SocketWatch()))
        wakeDescriptor = octo_event_fd()
        guard wakeDescriptor >= 0 else {
            throw WorkFailure("making an eventfd: errno \(-wakeDescriptor). Raise the limit of open files (ulimit -n).")
        }
        let name = OperatorName("octo-console")
        state = Mutex(
            State(
                hub: ConsoleHub(operatorName: name, hasEpisodes: shelves.episodes != nil),
                foxglove: FoxgloveHub(console: "\(name) \(MonotonicTime.now().nanoseconds)"),
                access: Access(
                    bind: settings.bind, port: settings.port, tokens: tokens,
                    hostnames: [ProcessInfo.processInfo.hostName])))
        shelves.jobs.onChange { [weak self] job in self?.tell(job) }
    }

    /// Tells all pages how a job gets on.
    private func tell(_ job: JSONNode) {
        let text = JSONNode.object(["type": "job", "job": job]).text()
        state.withLock { $0.hub.tell(text) }
        ring(at: .now())
    }

    deinit { close(wakeDescriptor) }

    // MARK: Listening

    /// Begins to listen.
    /// - Returns: the address for browsers.
    /// - Throws: `WorkFailure` when the port cannot be had.
    func start() throws -> String {
        try Self.probe(settings)
        let configuration: HTTPServer.Configuration
        let port = UInt16(settings.port)
        if settings.bind.contains(":") {
            configuration = .init(
                address: try sockaddr_in6.inet6(ip6: settings.bind, port: port), timeout: Self.handlerSeconds,
                sharedRequestBufferSize: Self.headAlone, sharedRequestReplaySize: ServerLimits.bodyBytes, pool: gate,
                logger: .disabled)
        } else {
            configuration = .init(
                address: try sockaddr_in.inet(ip4: settings.bind, port: port), timeout: Self.handlerSeconds,
                sharedRequestBufferSize: Self.headAlone, sharedRequestReplaySize: ServerLimits.bodyBytes, pool: gate,
                logger: .disabled)
        }
        let http = HTTPServer(config: configuration, handler: RequestHandler(server: self))
        let began = DispatchSemaphore(value: 0)
        let found = Mutex<Result<UInt16, any Error>?>(nil)
        Task.detached { [self] in
            do {
                try await http.run()
            } catch {
                fail("\(error)")
            }
        }
        Task.detached {
            do {
                try await http.waitUntilListening(timeout: 5)
                let address = await http.listeningAddress
                found.withLock { $0 = .success(address?.port ?? port) }
            } catch {
                found.withLock { $0 = .failure(error) }
            }
            began.signal()
        }
        began.wait()
        switch found.withLock({ $0 }) {
        case .success(let actual)?:
            let access = Access(
                bind: settings.bind, port: Int(actual), tokens: tokens,
                hostnames: [ProcessInfo.processInfo.hostName])
            withState { $0.access = access }
            return Self.url(settings.bind, Int(actual))
        case .failure(let error)?: throw WorkFailure("listening at \(settings.bind) port \(port): \(error)")
        case nil: throw WorkFailure("listening at \(settings.bind) port \(port): nothing came of it")
        }
    }

    /// The address that a browser takes.
    private static func url(_ bind: String, _ port: Int) -> String {
        let isAnywhere = bind == "0.0.0.0" || bind == "::"
        let host = isAnywhere ? ProcessInfo.processInfo.hostName : bind.contains(":") ? "[\(bind)]" : bind
        return "http://\(host):\(port)/"
    }

    /// Says in plain words why a port cannot be had. bind(2).
    static func probe(_ settings: Manifest.Console) throws {
        let isSix = settings.bind.contains(":")
        let descriptor = socket(isSix ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw WorkFailure("making a socket: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let result: Int32
        if isSix {
            let address = try sockaddr_in6.inet6(ip6: settings.bind, port: UInt16(settings.port))
            result = address.withSockAddr { bind(descriptor, $0, $1) }
        } else {
            let address = try sockaddr_in.inet(ip4: settings.bind, port: UInt16(settings.port))
            result = address.withSockAddr { bind(descriptor, $0, $1) }
        }
        let number = result == 0 ? 0 : errno
        // Another socket may be bound there and listen: then only listening is refused.
        let isRefused = result != 0 || listen(descriptor, 1) != 0
        guard isRefused else { return }
        let place = "\(settings.bind) port \(settings.port)"
        switch number == 0 ? errno : number {
        case EADDRINUSE:
            throw WorkFailure(
                "listening at \(place): another program has it, perhaps another console. End that one, or take another "
                    + "port: --set console.port=8081, or 0 for one that is free.")
        case EACCES:
            throw WorkFailure(
                "listening at \(place): ports below 1024 need rights. Take another: --set console.port=8080.")
        case EADDRNOTAVAIL:
            throw WorkFailure("listening at \(place): this machine has no such address. Mend console.bind.")
        case let code: throw WorkFailure("listening at \(place): \(String(cString: strerror(code)))")
        }
    }

    private func fail(_ words: String) {
        withState { $0.failure = words }
        octo_event_signal(wakeDescriptor)
    }

    // MARK: State

    func withState<Result>(_ body: (inout State) -> sending Result) -> sending Result {
        state.withLock { body(&$0) }
    }

    /// Wakes the viewers for whom something waits, and all now and then to see whether they are there.
    func ring(at now: MonotonicTime) {
        let (sockets, isPing) = state.withLock { state -> ([ViewerSocket], Bool) in
            let isPing = now >= state.nextPing
            if isPing { state.nextPing = now + Self.pingPeriod }
            let sockets = state.sockets.values.filter { socket in
                // A viewer's task is not woken in vain: messages come more often than there is something for it.
                guard !isPing, case .page(let id) = socket.viewer else { return true }
                return state.hub.hasMessages(for: id)
            }
            return (sockets, isPing)
        }
        for socket in sockets {
            if isPing { socket.ping(at: now) }
            socket.ring()
        }
    }

    // MARK: Viewers

    /// Connects a viewer, unless there are too many.
    func join(_ kind: ViewerKind, role: Role, peer: ConnectionLedger.Peer) -> ViewerSocket? {
        let now = MonotonicTime.now()
        let socket = state.withLock { state -> ViewerSocket? in
            guard state.sockets.count < settings.viewers else { return nil }
            let viewer: ViewerSocket.Viewer =
                switch kind {
                case .page:
                    .page(state.hub.join(mayOperate: role == .operate, address: peer.address, at: now))
                case .foxglove: .foxglove(state.foxglove.join())
                }
            let socket = ViewerSocket(viewer, peer: peer, server: self)
            state.sockets[ObjectIdentifier(socket)] = socket
            return socket
        }
        octo_event_signal(wakeDescriptor)
        return socket
    }

    func leave(_ socket: ViewerSocket) {
        let now = MonotonicTime.now()
        state.withLock { state in
            state.sockets[ObjectIdentifier(socket)] = nil
            switch socket.viewer {
            case .page(let id): state.hub.leave(id, at: now)
            case .foxglove(let id): state.foxglove.leave(id)
            }
        }
        octo_event_signal(wakeDescriptor)
    }

    func next(for viewer: ViewerSocket.Viewer) -> SocketMessage? {
        state.withLock { state in
            switch viewer {
            case .page(let id): state.hub.next(for: id)
            case .foxglove(let id): state.foxglove.next(for: id, at: .now())
            }
        }
    }

    /// - Returns: false for what no page says.
    func receive(_ message: SocketMessage, from viewer: ViewerSocket.Viewer) -> Bool {
        let isUnderstood = state.withLock { state in
            switch viewer {
            case .page(let id):
                guard case .text(let text) = message else { return false }
                return state.hub.receive(text, from: id, at: .now())
            case .foxglove(let id):
                state.foxglove.receive(message, from: id)
                return true
            }
        }
        // What it moves, or lets go, goes to the arm at once.
        octo_event_signal(wakeDescriptor)
        return isUnderstood
    }

    enum ViewerKind: Sendable {
        case page
        case foxglove
    }

    // MARK: Commands

    /// Has a command carried out.
    /// - Returns: what its owner said, or that nobody said anything.
    func perform(_ command: ConsoleCommand, by person: String) async -> WebResponse {
        await withCheckedContinuation { waiter in
            let answer = state.withLock { state -> WebResponse? in
                state.requestCount += 1
                let request = state.requestCount
                if let answer = state.hub.begin(command, request: request, by: person, at: .now()) { return answer }
                state.requests[request] = waiter
                return nil
            }
            if let answer { waiter.resume(returning: answer) }
            octo_event_signal(wakeDescriptor)
        }
    }

    /// Gives the answer to whoever waits for it.
    func answer(_ request: UInt64, _ response: WebResponse) {
        state.withLock { $0.requests.removeValue(forKey: request) }?.resume(returning: response)
    }
}

extension Socket.Address {
    /// The port; nil for a socket that has none.
    fileprivate var port: UInt16? {
        switch self {
        case .ip4(_, let port), .ip6(_, let port): port
        case .unix: nil
        }
    }
}
