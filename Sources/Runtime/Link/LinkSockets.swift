import Bus
import CZeroMQ
import Files
import JSONTree
import Keys
import Time

/// How the two ends of a link know each other.
package enum LinkSecurity: Sendable {
    /// By keys: one's own, and for the end that asks that of the other machine.
    case keys(KeyPair, server: PublicKey)
    /// Not at all, and nothing is encrypted.
    case insecure
}

/// What both ends' sockets have in common.
private enum LinkSocket {
    /// Messages that may wait in a queue: they are bounded where they are made; more would only get old.
    static let highWaterMark: Int32 = 64
    /// A handshake that takes longer has failed. Milliseconds.
    static let handshake: Int32 = 2_000

    static func make(_ type: Int32, _ name: StaticString, in context: ZeroMQContext) throws(BusError) -> ZeroMQSocket {
        let socket = try ZeroMQSocket(type, named: name, in: context)
        try socket.set(ZMQ_LINGER, to: Int32(0))
        try socket.set(ZMQ_SNDHWM, to: highWaterMark)
        try socket.set(ZMQ_RCVHWM, to: highWaterMark)
        try socket.set(ZMQ_MAXMSGSIZE, to: Int64(LinkMessage.largestPart))
        try socket.set(ZMQ_HANDSHAKE_IVL, to: handshake)
        return socket
    }

    /// The parts of the next message; nil: none has arrived. Of one that has too many there are fewer here, still too
    /// many for `LinkMessage`: it is not passed over here, since the next one at a server begins with who sent it.
    static func receive(from socket: ZeroMQSocket) throws(BusError) -> [SharedBytes]? {
        var parts: [SharedBytes] = []
        var hasMore = true
        while hasMore {
            let part = MessagePart()
            guard try socket.receive(into: part) else { return nil }
            hasMore = part.hasMore
            // The text and one part more than is allowed.
            if parts.count < LinkMessage.mostParts + 2 { parts.append(part.shared()) }
        }
        return parts
    }

    /// Sends a message, whole or not at all.
    /// - Returns: false where the queue is full, or nobody is there.
    static func send(_ first: [[UInt8]], _ message: LinkMessage, by socket: ZeroMQSocket) throws(BusError) -> Bool {
        let text = Array(message.header.text().utf8)
        let heads = first + [text]
        do {
            for (index, head) in heads.enumerated() {
                try socket.send(head, more: index < heads.count - 1 || !message.parts.isEmpty)
            }
            for (index, part) in message.parts.enumerated() {
                let isLast = index == message.parts.count - 1
                if isLast, part.count > 0 {
                    try socket.send(sharing: part)
                } else {
                    try socket.send(Array(part.bytes), more: !isLast)
                }
            }
        } catch .callFailed(_, _, let code) where code == EAGAIN || code == EHOSTUNREACH {
            // Also between two parts, where the connection ends there: libzmq takes back what it has of them.
            return false
        }
        return true
    }
}

/// The socket of the end that asks, a new one for each session. For the thread that made it.
package final class LinkClientSocket {
    private let context: ZeroMQContext
    private let endpoint: String
    private let security: LinkSecurity
    private var socket: ZeroMQSocket?

    /// Prepares to connect.
    /// - Parameter endpoint: `tcp://address:port`.
    package init(endpoint: String, security: LinkSecurity) throws(BusError) {
        self.endpoint = endpoint
        self.security = security
        context = try ZeroMQContext()
    }

    deinit {
        socket?.close()
        context.close()
    }

    /// Becomes readable when something arrives; -1 while there is no socket.
    package var descriptor: Int32 { socket?.descriptor ?? -1 }

    /// Lets the socket be looked at again: call it when the descriptor was readable.
    package func wake() { socket?.isIdle = false }

    /// Carries out what the client's end has decided.
    package func perform(_ actions: [LinkClient.Action]) throws(BusError) {
        for action in actions {
            switch action {
            case .open:
                socket?.close()
                let made = try LinkSocket.make(ZMQ_DEALER, "the link's socket", in: context)
                // A connection that breaks is not mended: the next session has its own.
                try made.set(ZMQ_RECONNECT_IVL, to: Int32(-1))
                if case .keys(let own, let server) = security { try made.useCurve(own, server: server) }
                try made.connect(toText: endpoint)
                socket = made
            case .close:
                socket?.close()
                socket = nil
            case .send(let message):
                // What the queue has no room for is lost, as on the way; beats tell when that is all of it.
                if let socket { _ = try LinkSocket.send([], message, by: socket) }
            }
        }
    }

    /// The next message; nil: none has arrived.
    package func receive() throws(BusError) -> LinkMessage? {
        guard let socket else { return nil }
        while let parts = try LinkSocket.receive(from: socket) {
            if let message = LinkMessage(received: parts) { return message }
        }
        return nil
    }
}

/// The socket of the end that answers, with those who judge keys at it. For the thread that made it.
package final class LinkServerSocket {
    private let context: ZeroMQContext
    private let doorkeeper: ZAPHandler?
    private var gate: KeyGate?
    private let socket: ZeroMQSocket
    /// The endpoint with the port that was chosen, where it was `*`.
    package let endpoint: String

    /// Binds a port.
    /// - Parameters:
    ///   - bind: `tcp://address:port`.
    ///   - keys: where the keys are; nil: nobody is asked for one.
    ///   - roles: of those who may come in besides the user.
    package init(bind: String, keys: KeyFolder?, admitting roles: Set<KeyRole>) throws(BusError) {
        do throws(KeyError) {
            gate = try keys.map { folder throws(KeyError) in try KeyGate(folder, admitting: roles) }
        } catch {
            throw .unsecured(error)
        }
        context = try ZeroMQContext()
        doorkeeper = try gate == nil ? nil : ZAPHandler(context)
        socket = try LinkSocket.make(ZMQ_ROUTER, "the socket of links", in: context)
        try socket.set(ZMQ_ROUTER_MANDATORY, to: Int32(1))
        if let gate { try socket.serveCurve(gate.own) }
        endpoint = try socket.bind(toPort: bind)
    }

    deinit { close() }

    package func close() {
        socket.close()
        doorkeeper?.close()
        context.close()
    }

    /// This machine's own key; nil: nobody is asked for one.
    package var ownKey: PublicKey? { gate?.own.publicKey }
    /// How many connections were not let in, and whose was the last.
    package var refused: (count: Int64, last: PublicKey?) { (doorkeeper?.refused ?? 0, doorkeeper?.lastRefused) }

    /// Become readable when something arrives.
    package var descriptors: [Int32] { [socket.descriptor] + (doorkeeper.map { [$0.descriptor] } ?? []) }

    /// Lets the sockets be looked at again: call it when the descriptors were waited for.
    package func wake() {
        socket.isIdle = false
        doorkeeper?.wake()
    }

    /// Lets in who waits outside. Call it several times a second, whatever the descriptors say.
    /// - Returns: whether somebody may not stay who came in before: ask `admits` of each.
    package func judge(at now: MonotonicTime) throws(BusError) -> Bool {
        guard let doorkeeper, var gate else { return false }
        let isStricter = gate.look(at: now)
        try doorkeeper.serve { key in gate.admitsNow(key) }
        self.gate = gate
        return isStricter
    }

    /// Whether somebody who came in still may.
    package func admits(_ peer: LinkPeer) -> Bool { gate?.admits(identity: peer.identity) ?? true }

    /// The next message, with who sent it; nil: none has arrived.
    package func receive() throws(BusError) -> (peer: LinkPeer, message: LinkMessage)? {
        while true {
            let identity = MessagePart()
            guard try socket.receive(into: identity) else { return nil }
            guard identity.hasMore, let parts = try LinkSocket.receive(from: socket) else { continue }
            let peer = LinkPeer(routingID: Array(identity.bytes), identity: identity.userID ?? "")
            if let message = LinkMessage(received: parts) { return (peer, message) }
        }
    }

    /// Sends what the server's end has to say. What a queue has no room for is lost, and so is what is for somebody who
    /// has gone.
    package func send(_ sayings: [LinkServer.Saying]) throws(BusError) {
        for saying in sayings { _ = try LinkSocket.send([saying.peer.routingID], saying.message, by: socket) }
    }
}
