import CZeroMQ
import Files

/// A place on the bus for one who speaks for others: whole messages, as they are, in both directions, and who listens
/// to what. For the thread that made it.
package final class BusTap {
    /// As for every node: a reader that pauses must not make us keep more.
    private static let highWaterMark: Int32 = 256
    /// Messages or subscriptions taken up at a time, so that one socket cannot hold the thread.
    private static let drainLimit = 256
    /// Parts that a message of the bus can have.
    private static let mostParts = 4
    /// How long unsent messages are kept at the end. Milliseconds.
    private static let linger: Int32 = 200

    private let context: ZeroMQContext
    private let gate: KeyGate?
    private let doorkeeper: ZAPHandler?
    private let output: ZeroMQSocket
    private let input: ZeroMQSocket
    private let commandOutput: ZeroMQSocket?
    private let commandInput: ZeroMQSocket?
    private var wanted: Set<String> = []
    private var heardPrefixes: Set<String> = []
    private let isLatched: (String) -> Bool
    /// The newest message of each topic whose newcomers get it.
    private var latched: [String: [SharedBytes]] = [:]

    /// Takes its place.
    /// - Parameters:
    ///   - publishes: endpoint at which it publishes.
    ///   - commandsAt: endpoint at which it takes commands; nil: it takes none.
    ///   - peers: endpoints at which those publish whom it hears.
    ///   - listeners: endpoints of those to whom it passes commands.
    ///   - security: of ports; only this user's own key is let in at them.
    ///   - isLatched: whether who subscribes to this topic gets its newest message at once.
    package init(
        publishes: String, commandsAt: String?, peers: [String], listeners: [String],
        security: BusSecurity = .userKeys, isLatched: @escaping (String) -> Bool
    ) throws(BusError) {
        self.isLatched = isLatched
        try OpenFileLimit.ensure(forConnections: peers.count + listeners.count)
        let endpoints = [publishes] + (commandsAt.map { [$0] } ?? []) + peers + listeners
        gate = try KeyGate(security, for: endpoints, admitting: [])
        context = try ZeroMQContext()
        doorkeeper = try gate == nil ? nil : ZAPHandler(context)
        output = try Self.makeSocket(ZMQ_XPUB, "the relay's publishing socket", context)
        // Every subscription is reported, not only the first to a topic: each newcomer gets the latched values.
        try output.set(ZMQ_XPUB_VERBOSE, to: Int32(1))
        input = try Self.makeSocket(ZMQ_SUB, "the relay's receiving socket", context)
        commandOutput =
            listeners.isEmpty ? nil : try Self.makeSocket(ZMQ_XPUB, "the relay's socket for commands", context)
        commandInput =
            commandsAt == nil ? nil : try Self.makeSocket(ZMQ_SUB, "the relay's socket of commands", context)
        let address = try Endpoint(publishes)
        try address.clear()
        if let gate { try output.serveCurve(gate.own) }
        _ = try output.bind(to: address)
        if let commandsAt {
            let address = try Endpoint(commandsAt)
            try address.clear()
            if let gate { try commandInput?.serveCurve(gate.own) }
            try commandInput?.subscribe(toPrefix: "")
            _ = try commandInput?.bind(to: address)
        }
        if let gate {
            for socket in [input, commandOutput] { try socket?.useCurve(gate.own, server: gate.own.publicKey) }
        }
        for peer in Set(peers).sorted() { try input.connect(to: Endpoint(peer)) }
        for listener in Set(listeners).sorted() { try commandOutput?.connect(to: Endpoint(listener)) }
    }

    private static func makeSocket(
        _ type: Int32, _ name: StaticString, _ context: ZeroMQContext
    ) throws(BusError) -> ZeroMQSocket {
        let socket = try ZeroMQSocket(type, named: name, in: context)
        try socket.set(ZMQ_LINGER, to: linger)
        try socket.set(ZMQ_SNDHWM, to: highWaterMark)
        try socket.set(ZMQ_RCVHWM, to: highWaterMark)
        try socket.set(ZMQ_MAXMSGSIZE, to: BusNode.largestPart)
        if type == ZMQ_SUB {
            try socket.set(ZMQ_RECONNECT_IVL, to: Int32(20))
            try socket.set(ZMQ_RECONNECT_IVL_MAX, to: Int32(100))
        }
        return socket
    }

    /// Sends what is unsent, for a short while, and lets go of the endpoints.
    package func close() {
        for socket in [output, input, commandOutput, commandInput] { socket?.close() }
        doorkeeper?.close()
        context.close()
    }

    /// Descriptors that become readable when something happens. Whatever it was, all of `takeMessage`, `takeCommand`
    /// and `takeInterests` have to be asked until they have nothing, before these are waited for again.
    package var descriptors: [Int32] {
        [output, input, commandOutput, commandInput].compactMap { $0?.descriptor }
            + (doorkeeper.map { [$0.descriptor] } ?? [])
    }

    /// Lets the sockets be looked at again, and in who waits outside: call it when the descriptors were waited for.
    package func wake() throws(BusError) {
        for socket in [output, input, commandOutput, commandInput] { socket?.isIdle = false }
        guard let doorkeeper, let gate else { return }
        doorkeeper.wake()
        try doorkeeper.serve(gate.admits)
    }

    /// The next message of those whom it hears, with all its parts; nil: none has arrived.
    package func takeMessage() throws(BusError) -> [SharedBytes]? { try take(input) }

    /// The next command; nil: none has arrived.
    package func takeCommand() throws(BusError) -> [SharedBytes]? {
        // Who subscribes there needs no answer, but has to be taken up.
        if let commandOutput {
            for _ in 0..<Self.drainLimit where try !commandOutput.receive(into: MessagePart()) { break }
        }
        return try commandInput.map { socket throws(BusError) in try take(socket) } ?? nil
    }

    private func take(_ socket: ZeroMQSocket) throws(BusError) -> [SharedBytes]? {
        while true {
            var parts: [SharedBytes] = []
            var count = 0
            var hasMore = true
            while hasMore {
                let part = MessagePart()
                guard try socket.receive(into: part) else { return nil }
                count += 1
                hasMore = part.hasMore
                if count <= Self.mostParts { parts.append(part.shared()) }
            }
            // A foreign message may have any number of them.
            if count <= Self.mostParts { return parts }
        }
    }

    /// All the prefixes that are listened to at its publishing endpoint, if these are others than before; else nil. Who
    /// comes new gets what is latched.
    package func takeInterests() throws(BusError) -> [String]? {
        let before = heardPrefixes
        let part = MessagePart()
        for _ in 0..<Self.drainLimit {
            guard try output.receive(into: part) else { break }
            guard let kind = part.bytes.first,
                let prefix = String(wellFormed: UnsafeRawBufferPointer(rebasing: part.bytes.dropFirst()))
            else { continue }
            guard kind == 1 else {
                heardPrefixes.remove(prefix)
                continue
            }
            heardPrefixes.insert(prefix)
            for (topic, parts) in latched where topic.hasPrefix(prefix) { try send(parts, by: output) }
        }
        return heardPrefixes == before ? nil : heardPrefixes.sorted()
    }

    /// Listens to these prefixes and no others.
    package func listen(to prefixes: [String]) throws(BusError) {
        for prefix in wanted.subtracting(prefixes).sorted() { try input.unsubscribe(fromPrefix: prefix) }
        for prefix in Set(prefixes).subtracting(wanted).sorted() { try input.subscribe(toPrefix: prefix) }
        wanted = Set(prefixes)
    }

    /// Publishes a message as it is. Never waits: a reader whose queue is full loses it.
    package func publish(_ parts: [SharedBytes]) throws(BusError) {
        try send(parts, by: output)
        guard let name = parts.first else { return }
        let topic = String(decoding: name.bytes, as: UTF8.self)
        if isLatched(topic) { latched[topic] = parts }
    }

    /// Passes a command on to whoever takes it.
    package func command(_ parts: [SharedBytes]) throws(BusError) {
        guard let commandOutput else { return }
        try send(parts, by: commandOutput)
    }

    private func send(_ parts: [SharedBytes], by socket: ZeroMQSocket) throws(BusError) {
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            // Small parts are copied: sharing costs more.
            if isLast, part.count > 4_096 {
                try socket.send(sharing: part)
            } else {
                try socket.send(Array(part.bytes), more: !isLast)
            }
        }
    }
}
