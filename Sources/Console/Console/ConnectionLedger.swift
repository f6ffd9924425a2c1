import Time

/// Keeps count of the connections to the console, and says which have to end: too many, too slow, too much at once.
///
/// It exists because the web server reads heads, bodies and frames of any length, and waits for them for ever. What it
/// cannot bound is bounded from outside, by what the system says came by each connection. Knows no socket: it is handed
/// events, what has passed, and the time.
package struct ConnectionLedger: Sendable {
    /// One connection. Descriptors' numbers are used again as soon as one is closed; together with the inode it is
    /// always the same.
    package struct ID: Hashable, Sendable {
        package let descriptor: Int32
        package let inode: UInt64

        package init(descriptor: Int32, inode: UInt64) { (self.descriptor, self.inode) = (descriptor, inode) }
    }

    /// The other end of a connection.
    package struct Peer: Hashable, Sendable {
        /// Without brackets and zone: "127.0.0.1", "::1".
        package let address: String
        package let port: UInt16

        package init(address: String, port: UInt16) { (self.address, self.port) = (address, port) }
    }

    /// What has passed by a connection since it was opened, bytes.
    package struct Traffic: Equatable, Sendable {
        /// Bytes that came, read or not.
        package var received: Int64
        /// Bytes that the other end has taken.
        package var taken: Int64

        package init(received: Int64 = 0, taken: Int64 = 0) { (self.received, self.taken) = (received, taken) }
    }

    /// Why a connection has to end.
    package enum Ending: Hashable, Sendable, CaseIterable {
        case tooMany
        case tooManyOfAddress
        case noWholeRequest
        case idle
        case tooLongHead
        case tooLongBody
        case tooLongMessage
        case nothingTaken
        /// What comes next on it cannot be told from the rest of a refused request.
        case restUnread
    }

    /// What a connection is waited for.
    private enum Phase {
        /// The first request, of which nothing has come.
        case firstRequest(since: MonotonicTime)
        /// A further request, of which nothing has come.
        case nextRequest(since: MonotonicTime)
        /// The rest of a head; `since` is when the request's time began.
        case head(since: MonotonicTime)
        case body(since: MonotonicTime)
        case answering
        case webSocket
    }

    private struct Connection {
        let peer: Peer
        var phase: Phase
        /// Bytes that had come when the last head, body or message was whole.
        var counted: Int64 = 0
        var seen = Traffic()
        /// Since when there is something to send and nothing is taken; nil while nothing waits to be sent.
        var stalledSince: MonotonicTime?
        /// Why it has to end; then nothing it says counts.
        var ending: Ending?
        /// Until when it may stay nevertheless.
        var graceUntil: MonotonicTime?
    }

    private var connections: [ID: Connection] = [:]
    private var ids: [Peer: ID] = [:]

    package init() {}

    /// Connections that are open, those that have to end too.
    package var count: Int { connections.count }
    package var open: some Collection<ID> { connections.keys }
    package func isOpen(_ id: ID) -> Bool { connections[id] != nil }
    /// Whether it is open, but nothing that comes by it counts any more.
    package func isEnding(_ id: ID) -> Bool { connections[id]?.ending != nil }
    /// Whether one more would be refused, whoever it is.
    package var isFull: Bool {
        living(of: nil) >= ServerLimits.connections && oldestSilent(of: nil) == nil
            || count >= 2 * ServerLimits.connections
    }

    /// Connections, of one address or of all, that may stay.
    private func living(of address: String?) -> Int {
        connections.values.count { $0.ending == nil && (address == nil || $0.peer.address == address) }
    }

    /// The connection that has been open longest without a whole request; nil where all have had one.
    private func oldestSilent(of address: String?) -> ID? {
        let silent = connections.compactMap { id, connection -> (id: ID, since: MonotonicTime)? in
            guard connection.ending == nil, address == nil || connection.peer.address == address else { return nil }
            switch connection.phase {
            case .firstRequest(let since): return (id, since)
            case .head(let since) where connection.counted == 0: return (id, since)
            case .nextRequest, .head, .body, .answering, .webSocket: return nil
            }
        }
        return silent.min { ($0.since, $0.id.inode) < ($1.since, $1.id.inode) }?.id
    }

    /// The connection from there, where one is open.
    package func id(of peer: Peer) -> ID? { ids[peer] }

    /// A connection was found that was not known. Where there are as many as may be, the place of the one that has been
    /// silent longest is its: whoever opens connections and says nothing keeps nobody else away.
    /// - Returns: why it has to end at once; nil where it may stay.
    package mutating func opened(_ id: ID, from peer: Peer, at now: MonotonicTime) -> Ending? {
        if let former = ids[peer] { closed(former) }
        closed(id)
        var ending: Ending?
        if living(of: peer.address) >= ServerLimits.connectionsPerAddress {
            ending = makeRoom(of: peer.address, .tooManyOfAddress)
        }
        if ending == nil, living(of: nil) >= ServerLimits.connections { ending = makeRoom(of: nil, .tooMany) }
        connections[id] = Connection(peer: peer, phase: .firstRequest(since: now), ending: ending)
        ids[peer] = id
        return ending
    }

    /// Ends the connection that has been silent longest.
    /// - Returns: nil, or why there is no room.
    private mutating func makeRoom(of address: String?, _ ending: Ending) -> Ending? {
        guard let oldest = oldestSilent(of: address) else { return ending }
        connections[oldest]?.ending = ending
        return nil
    }

    /// A connection is gone. One that is not known is none.
    package mutating func closed(_ id: ID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        if ids[connection.peer] == id { ids[connection.peer] = nil }
    }

    /// The head of a request has come; its body, where there is one, is read next.
    /// - Parameter received: bytes that have come by the connection since its opening.
    /// - Returns: whether it is one; what comes on a connection that has to end may be part of a body.
    package mutating func headArrived(_ id: ID, received: Int64, at now: MonotonicTime) -> Bool {
        update(id) { connection in
            connection.phase = .body(since: now)
            connection.counted = received
        }
    }

    /// The request is there with its body, and is answered next.
    /// - Parameter received: bytes that have come by the connection since its opening.
    /// - Returns: whether it may be answered.
    package mutating func requestArrived(_ id: ID, received: Int64) -> Bool {
        update(id) { connection in
            connection.phase = .answering
            connection.counted = received
        }
    }

    /// The connection has become a WebSocket.
    package mutating func upgraded(_ id: ID) { _ = update(id) { $0.phase = .webSocket } }

    /// A whole frame has come on a WebSocket, control frames too.
    /// - Parameter received: bytes that have come by the connection since its opening.
    /// - Returns: whether it may be looked at.
    package mutating func messageArrived(_ id: ID, received: Int64) -> Bool {
        update(id) { $0.counted = received }
    }

    /// Nothing more is to be taken from the connection: of the request that is being answered a part is unread, and
    /// what comes next is that part. The answer may still go out; for it there is `ServerLimits.refusalTime`.
    package mutating func refuseRest(_ id: ID, at now: MonotonicTime) {
        _ = update(id) { connection in
            connection.ending = .restUnread
            connection.graceUntil = now + ServerLimits.refusalTime
        }
    }

    /// The server wants to read and nothing has come: an answer that was being written is out.
    package mutating func waitsToRead(_ id: ID, at now: MonotonicTime) {
        _ = update(id) { connection in
            guard case .answering = connection.phase else { return }
            connection.phase = .nextRequest(since: now)
        }
    }

    /// The server has something to send and the system takes no more; false: it does again.
    package mutating func waitsToWrite(_ id: ID, _ waits: Bool, at now: MonotonicTime) {
        guard var connection = connections[id] else { return }
        connection.stalledSince = waits ? connection.stalledSince ?? now : nil
        connections[id] = connection
    }

    /// Looks at one connection.
    /// - Parameter traffic: what has passed by it until now.
    /// - Returns: why it has to end, each time it is asked; nil where it may stay.
    package mutating func look(at id: ID, traffic: Traffic, at now: MonotonicTime) -> Ending? {
        guard var connection = connections[id] else { return nil }
        if connection.ending == nil {
            connection.ending = Self.observe(&connection, traffic: traffic, at: now)
            connections[id] = connection
        }
        if let grace = connection.graceUntil, now < grace,
            traffic.received - connection.counted <= Int64(ServerLimits.bodyBytes)
        {
            return nil
        }
        return connection.ending
    }

    private static func observe(
        _ connection: inout Connection, traffic: Traffic, at now: MonotonicTime
    ) -> Ending? {
        let uncounted = traffic.received - connection.counted
        if isStalled(&connection, traffic: traffic, at: now) { return .nothingTaken }
        switch connection.phase {
        case .firstRequest(let since):
            // Its time counts from the opening: the first byte is no second start.
            if uncounted > 0 { connection.phase = .head(since: since) }
            return headEnding(uncounted: uncounted, since: since, at: now)
        case .nextRequest(let since):
            guard uncounted > 0 else { return now - since >= ServerLimits.idleTime ? .idle : nil }
            connection.phase = .head(since: now)
            return headEnding(uncounted: uncounted, since: now, at: now)
        case .head(let since):
            return headEnding(uncounted: uncounted, since: since, at: now)
        case .body(let since):
            if uncounted > Int64(ServerLimits.bodyBytes) { return .tooLongBody }
            return now - since >= ServerLimits.requestTime ? .noWholeRequest : nil
        case .answering:
            // What comes meanwhile is not read, so the system's buffer bounds it.
            return nil
        case .webSocket:
            return uncounted > Int64(ServerLimits.messageBytes) ? .tooLongMessage : nil
        }
    }

    private static func headEnding(uncounted: Int64, since: MonotonicTime, at now: MonotonicTime) -> Ending? {
        if uncounted > Int64(ServerLimits.headBytes) { return .tooLongHead }
        return now - since >= ServerLimits.requestTime ? .noWholeRequest : nil
    }

    /// Whether nothing was taken for too long while something waited to be sent.
    private static func isStalled(
        _ connection: inout Connection, traffic: Traffic, at now: MonotonicTime
    ) -> Bool {
        let isTaken = traffic.taken > connection.seen.taken
        connection.seen = traffic
        guard let since = connection.stalledSince else { return false }
        if isTaken { connection.stalledSince = now }
        return !isTaken && now - since >= ServerLimits.stallTime
    }

    /// Changes a connection that may still say something.
    /// - Returns: whether there is such a one.
    private mutating func update(_ id: ID, _ change: (inout Connection) -> Void) -> Bool {
        guard var connection = connections[id], connection.ending == nil else { return false }
        change(&connection)
        connections[id] = connection
        return true
    }
}

extension ConnectionLedger.Ending {
    /// Whether what was written and not taken is thrown away. Otherwise the system keeps it for minutes, for somebody
    /// who does not read.
    package var isAtOnce: Bool { self != .idle && self != .restUnread }
}

extension ConnectionLedger.Ending: CustomStringConvertible {
    /// Words for logs; whoever connects is not told.
    package var description: String {
        switch self {
        case .tooMany: "there are \(ServerLimits.connections) connections already"
        case .tooManyOfAddress: "its address has \(ServerLimits.connectionsPerAddress) connections already"
        case .noWholeRequest: "no whole request came in \(Self.seconds(ServerLimits.requestTime))"
        case .idle: "nothing was asked for \(Self.seconds(ServerLimits.idleTime))"
        case .tooLongHead: "a head of more than \(ServerLimits.headBytes) bytes"
        case .tooLongBody: "a body of more than \(ServerLimits.bodyBytes) bytes"
        case .tooLongMessage: "a message of more than \(ServerLimits.messageBytes) bytes"
        case .nothingTaken: "nothing was taken for \(Self.seconds(ServerLimits.stallTime))"
        case .restUnread: "the rest of a refused request was not read"
        }
    }

    private static func seconds(_ time: Duration) -> String { "\(time.inSeconds.decimals(0)) s" }
}
