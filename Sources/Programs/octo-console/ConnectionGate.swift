import CShims
import Console
import FlyingSocks
import Synchronization
import Threads
import Time

/// Stands between the web server and its sockets, and ends the connections that `ConnectionLedger` says have to end.
///
/// The server asks a pool to wait for its sockets; this is one, which lets another do the waiting. That is not all it
/// goes by: a connection by which data keeps coming is never waited for. So it also looks at the process's descriptors,
/// at least once in `ServerLimits.watchPeriod`.
///
/// The handlers tell it of each whole request and frame; without that every connection ends as one that sends none.
final class ConnectionGate: AsyncSocketPool, Sendable {
    private struct State {
        var ledger = ConnectionLedger()
        var sockets = ServerSockets()
        var endings: [ConnectionLedger.Ending: Int] = [:]
        /// Connections that were ended and are not closed yet.
        var ended: Set<ConnectionLedger.ID> = []
        var isRunning = false
    }

    private enum Arrival {
        case listener
        case connection(ConnectionLedger.ID)
        /// A connection that has to end, or that is gone.
        case ended
    }

    private let base: any AsyncSocketPool
    /// Held for a few system calls, none of which waits.
    private let state = Mutex(State())

    /// - Parameter base: the pool that does the waiting.
    init(_ base: some AsyncSocketPool) { self.base = base }

    func prepare() async throws { try await base.prepare() }

    func run() async throws {
        state.withLock { $0.isRunning = true }
        defer { state.withLock { $0.isRunning = false } }
        // On a thread of its own: a request that never ends keeps the server's threads busy for as long as it comes.
        try NamedThread("console-gate") { self.watch() }
        try await base.run()
    }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        switch arrival(socket, events) {
        case .listener:
            try await base.suspendSocket(socket, untilReadyFor: events)
            shedSurplus(socket)
        case .connection(let id):
            defer {
                if events.contains(.write) {
                    state.withLock { $0.ledger.waitsToWrite(id, false, at: .now()) }
                }
            }
            try await base.suspendSocket(socket, untilReadyFor: events)
        case .ended:
            throw SocketError.disconnected
        }
    }

    // MARK: - What the handlers tell

    /// The head of a request has come. To be told first of all, before the request is looked at.
    /// - Parameters:
    ///   - address: of the other end, as `HTTPRequest.remoteAddress` has it.
    ///   - port: of the other end.
    /// - Returns: whether it may be taken for a request. If not, it may be a part of another one's body, made to look
    ///   like one of ours: answer 400 and do nothing else.
    func headArrived(from address: String, port: UInt16) -> Bool {
        take(address, port) { $0.headArrived($1, received: $2, at: .now()) }
    }

    /// The request is there with its body, also where it has none, and is answered next.
    /// - Returns: whether it may be answered.
    func requestArrived(from address: String, port: UInt16) -> Bool {
        take(address, port) { $0.requestArrived($1, received: $2) }
    }

    /// The request is answered without its body having been read (`ServerLimits.refusal(ofBody:)`): nothing that comes
    /// after it is taken for a request, and once the answer is out the connection ends.
    func refuseRest(from address: String, port: UInt16) {
        _ = take(address, port) { ledger, id, _ in
            ledger.refuseRest(id, at: .now())
            return true
        }
    }

    /// The request is answered with the upgrade to a WebSocket.
    func upgraded(from address: String, port: UInt16) {
        _ = take(address, port) { ledger, id, _ in
            ledger.upgraded(id)
            return true
        }
    }

    /// A whole frame has come on a WebSocket, control frames too. How long a message of several frames may get is the
    /// handler's to bound.
    /// - Returns: whether it may be looked at.
    func frameArrived(from address: String, port: UInt16) -> Bool {
        take(address, port) { $0.messageArrived($1, received: $2) }
    }

    /// How many connections were ended, by the reason, since the start.
    var endings: [ConnectionLedger.Ending: Int] { state.withLock { $0.endings } }
    /// Connections that are open now.
    var count: Int { state.withLock { $0.ledger.count } }

    /// - Returns: false also where no such connection is open any more.
    private func take(
        _ address: String, _ port: UInt16, _ event: (inout ConnectionLedger, ConnectionLedger.ID, Int64) -> Bool
    ) -> Bool {
        let peer = ConnectionLedger.Peer(address: address, port: port)
        return state.withLock { state in
            var id = state.ledger.id(of: peer)
            if id.map({ !ServerSockets.isOpen($0) }) ?? true {
                Self.find(&state)
                id = state.ledger.id(of: peer)
            }
            guard let id, let traffic = ServerSockets.traffic(of: id) else { return false }
            guard event(&state.ledger, id, traffic.received) else {
                if state.ledger.isEnding(id) { ServerSockets.end(id, isAtOnce: false) }
                return false
            }
            return true
        }
    }

    // MARK: - What the server waits for

    private func arrival(_ socket: Socket, _ events: Socket.Events) -> Arrival {
        state.withLock { state in
            guard let id = ServerSockets.id(of: socket.file.rawValue) else { return .ended }
            if state.sockets.isListener(id) {
                // Those that were accepted since the last time are known before they have said much.
                Self.find(&state)
                return .listener
            }
            if !state.ledger.isOpen(id) { Self.find(&state) }
            guard state.ledger.isOpen(id) else { return .ended }
            guard !state.ledger.isEnding(id) else {
                ServerSockets.end(id, isAtOnce: false)
                return .ended
            }
            if events.contains(.write) {
                state.ledger.waitsToWrite(id, true, at: .now())
            } else {
                state.ledger.waitsToRead(id, at: .now())
            }
            return .connection(id)
        }
    }

    /// Refuses those that wait to be accepted while all places are taken: the server would take them.
    private func shedSurplus(_ listener: Socket) {
        state.withLock { state in
            guard state.ledger.isFull else { return }
            Self.find(&state)
            guard state.ledger.isFull else { return }
            let refused = ServerSockets.refuseWaiting(listener.file.rawValue)
            if refused > 0 { state.endings[.tooMany, default: 0] += refused }
        }
    }

    // MARK: - The look at all

    private func watch() {
        var next = MonotonicTime.now()
        while true {
            next = max(next + ServerLimits.watchPeriod, .now())
            octo_sleep_until_ns(next.nanoseconds)
            let isRunning = state.withLock { state in
                Self.find(&state)
                for id in Array(state.ledger.open) { Self.look(at: id, &state) }
                return state.isRunning
            }
            guard isRunning else { return }
        }
    }

    /// Brings the ledger up to what is open.
    private static func find(_ state: inout State) {
        guard let found = state.sockets.find(isKnown: state.ledger.isOpen) else { return }
        for id in Array(state.ledger.open) where !found.open.contains(id) { state.ledger.closed(id) }
        state.ended.formIntersection(found.open)
        for (id, peer) in found.new {
            if state.ledger.opened(id, from: peer, at: .now()) != nil { look(at: id, &state) }
        }
    }

    private static func look(at id: ConnectionLedger.ID, _ state: inout State) {
        guard let traffic = ServerSockets.traffic(of: id),
            let ending = state.ledger.look(at: id, traffic: traffic, at: .now())
        else { return }
        // It stays in the ledger until the server has closed it: until then it has its place, and is ended again.
        ServerSockets.end(id, isAtOnce: ending.isAtOnce)
        if state.ended.insert(id).inserted { state.endings[ending, default: 0] += 1 }
    }
}
