import CShims
import CZeroMQ
import Glibc
import Keys
import Time
import Wire

/// How a process takes part in the bus.
package struct BusOptions: Sendable {
    /// The process's name, in every envelope it sends.
    package var node: String
    package var runID: String
    /// Endpoint at which it publishes; nil for a process that only listens.
    package var endpoint: String?
    /// Endpoints at which those it listens to publish. They need not be there yet, and may go and come back.
    package var peers: [String]
    /// Endpoint to which programs that come and go, and so are nobody's peers, connect to be heard; nil hears none.
    package var commandEndpoint: String?
    /// Command endpoints of others. A process without an endpoint of its own publishes there.
    package var listeners: [String]
    /// A message that a reader's queue has no room for is not sent to anybody, and publishing it throws `readersFull`.
    /// Only for those who can wait: a reader that hangs holds all others up.
    package var waitsForReaders: Bool
    /// Who may come in, where endpoints are ports.
    package var security: BusSecurity

    package init(
        node: String, runID: String, endpoint: String?, peers: [String], commandEndpoint: String? = nil,
        listeners: [String] = [], waitsForReaders: Bool = false, security: BusSecurity = .userKeys
    ) {
        self.node = node
        self.runID = runID
        self.endpoint = endpoint
        self.peers = peers
        self.commandEndpoint = commandEndpoint
        self.listeners = listeners
        self.waitsForReaders = waitsForReaders
        self.security = security
    }
}

/// A process's place on the bus: publishes typed messages at one endpoint, and receives from those of its peers.
///
/// Belongs to the one thread that made it, and is filled only inside `wait`. A node whose work takes long does it on
/// another thread, which wakes `wait` through an eventfd: what arrives meanwhile is then drained at once, and the
/// newest frame is always the newest. libzmq itself runs one I/O thread behind it.
package final class BusNode {
    /// Messages that may pile up between two processes, on each side, before new ones are lost. It is not short, though
    /// only the newest frame counts: ZeroMQ drops the *newest* message of a full queue, so a reader that pauses would
    /// be left with old ones. 256 is five seconds of a 50 Hz topic.
    private static let highWaterMark: Int32 = 256
    /// Bytes of the longest message part that is taken in: above any image here, so that a foreign peer cannot make us
    /// allocate without end. libzmq reads the length first, and lets go of a peer that announces more, for good.
    /// ZMQ_MAXMSGSIZE in zmq_setsockopt(3).
    package static let largestPart: Int64 = 256 << 20
    /// How long unsent messages are kept at `close`. Milliseconds.
    private static let linger: Int32 = 200
    /// How long one who waits for readers keeps unsent messages at `close`. Milliseconds.
    private static let patientLinger: Int32 = 5_000
    /// How long until a port that is not free yet is tried again.
    private static let bindingPeriod = Duration.milliseconds(10)
    /// Messages taken up by one `wait`, so that a peer that floods us cannot hold the thread.
    private static let drainLimit = 1_024

    let options: BusOptions
    /// Endpoint at which others reach this node, with the port filled in where it was left open; nil for a mere
    /// listener.
    package let endpoint: String?
    /// Endpoint at which it takes commands.
    private let commandEndpoint: String?
    private let context: ZeroMQContext
    /// Judges who comes to our ports; nil where there are none, or everybody may come.
    private var gate: KeyGate?
    private let doorkeeper: ZAPHandler?
    private let output: ZeroMQSocket?
    private let input: ZeroMQSocket
    private let instanceID: UInt64
    private let hostID: String
    private var peers: Set<String> = []
    private var outputs: [String: TopicOutput] = [:]
    /// Prefixes that somebody subscribes to at our output.
    private var heardPrefixes: Set<[UInt8]> = []
    private var router = Router()
    private let parts = (topic: MessagePart(), envelope: MessagePart(), body: MessagePart())
    /// Descriptors to poll, refilled by each `wait`; kept to spare the allocation.
    private var polled: [pollfd] = []
    private var isOpen = true
    /// Messages that somebody had no right to say, by the name of the key.
    private var refusedMessages: [String: Int64] = [:]
    /// Endpoints that were let go of so that all who are connected there are judged again, and are not bound yet.
    private var unbound: [(socket: ZeroMQSocket, endpoint: String)] = []

    /// Binds the endpoint and starts connecting to the peers, which goes on in the background.
    package init(_ options: BusOptions) throws(BusError) {
        self.options = options
        var generator = SystemRandomNumberGenerator()
        instanceID = generator.next()
        hostID = Self.readHostID()
        // libzmq ends the process where it gets no descriptor.
        try OpenFileLimit.ensure(forConnections: options.peers.count + options.listeners.count)
        let addresses =
            [options.endpoint, options.commandEndpoint].compactMap(\.self) + options.peers + options.listeners
        gate = try KeyGate(options.security, for: addresses, admitting: [.listen, .operate])
        context = try ZeroMQContext()
        doorkeeper = try gate == nil ? nil : ZAPHandler(context)
        input = try ZeroMQSocket(ZMQ_SUB, named: "the receiving socket", in: context)
        try Self.configure(input, linger: 0)
        // Fast at first, so that a restarted node is found at once; slower when it stays away. Milliseconds.
        try input.set(ZMQ_RECONNECT_IVL, to: Int32(20))
        try input.set(ZMQ_RECONNECT_IVL_MAX, to: Int32(100))
        precondition(
            options.endpoint == nil || options.listeners.isEmpty,
            "who has an endpoint is listened to, and need not connect")
        if let text = options.endpoint {
            let address = try Endpoint(text)
            try address.clear()
            let output = try Self.makeOutput(in: context)
            if let gate { try output.serveCurve(gate.own) }
            if options.waitsForReaders {
                try output.set(ZMQ_XPUB_NODROP, to: Int32(1))
                try output.set(ZMQ_LINGER, to: Self.patientLinger)
            }
            endpoint = try output.bind(to: address)
            self.output = output
        } else {
            endpoint = nil
            output = options.listeners.isEmpty ? nil : try Self.makeOutput(in: context)
            // A listener that is gone is then no subscriber any more. ZMQ_IMMEDIATE in zmq_setsockopt(3).
            try output?.set(ZMQ_IMMEDIATE, to: Int32(1))
            if let gate { try output?.useCurve(gate.own, server: gate.own.publicKey) }
            for listener in options.listeners { try output?.connect(to: Endpoint(listener)) }
        }
        if let text = options.commandEndpoint {
            let address = try Endpoint(text)
            try address.clear()
            if let gate { try input.serveCurve(gate.own) }
            commandEndpoint = try input.bind(to: address)
        } else {
            commandEndpoint = nil
        }
        if let gate { try input.useCurve(gate.own, server: gate.own.publicKey) }
        for peer in options.peers { try connect(peer) }
    }

    deinit { close() }

    private static func makeOutput(in context: ZeroMQContext) throws(BusError) -> ZeroMQSocket {
        let output = try ZeroMQSocket(ZMQ_XPUB, named: "the publishing socket", in: context)
        try configure(output, linger: linger)
        // Every subscription is reported, not only the first to a topic: each newcomer gets the latched values.
        try output.set(ZMQ_XPUB_VERBOSE, to: Int32(1))
        return output
    }

    private static func configure(_ socket: ZeroMQSocket, linger: Int32) throws(BusError) {
        try socket.set(ZMQ_LINGER, to: linger)
        try socket.set(ZMQ_SNDHWM, to: highWaterMark)
        try socket.set(ZMQ_RCVHWM, to: highWaterMark)
        try socket.set(ZMQ_MAXMSGSIZE, to: largestPart)
    }

    /// Reads the boot id, which names the clock: CLOCK_MONOTONIC counts from the boot.
    package static func readHostID() -> String {
        if let followed = octo_clock_boot_id() { return String(cString: followed) }
        guard let file = fopen("/proc/sys/kernel/random/boot_id", "re") else { return "" }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
    }

    /// Starts listening to another endpoint; once is enough, more do nothing.
    package func connect(_ endpoint: String) throws(BusError) {
        try ensureOpen("connecting to '\(endpoint)'")
        let address = try Endpoint(endpoint)
        guard peers.insert(endpoint).inserted else { return }
        try input.connect(to: address)
    }

    /// Sends what is unsent, for at most 0.2 s, and lets go of the endpoint. Safe to call twice; deinit calls it too.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        input.close()
        output?.close()
        doorkeeper?.close()
        context.close()
    }

    private func ensureOpen(_ operation: @autoclosure () -> String) throws(BusError) {
        guard isOpen else { throw .closed(during: operation()) }
    }

    /// Counts of messages since the start.
    package var statistics: BusStatistics {
        var statistics = router.statistics
        statistics.admittedConnections = doorkeeper?.admitted.filter { $0.key != KeyGate.ownName } ?? [:]
        statistics.refusedConnections = doorkeeper?.refused ?? 0
        statistics.refusedMessages = refusedMessages
        for (name, output) in outputs { statistics.published[name] = Int64(clamping: output.sequence) }
        return statistics
    }
}

// MARK: - Publishing

extension BusNode {
    /// The sending end of `topic`; calling again returns another handle to the same. The node needs an endpoint, or
    /// listeners.
    package func publisher<Message>(_ topic: Topic<Message>) -> Publisher<Message> {
        precondition(output != nil, "a bus node without endpoint or listeners cannot publish '\(topic.name)'")
        if let known = outputs[topic.name] {
            precondition(known.schema == Message.schemaName, "'\(topic.name)' is published as \(known.schema) already")
            return Publisher(node: self, output: known)
        }
        let made = TopicOutput(name: topic.name, schema: Message.schemaName, isLatched: topic.delivery == .latched)
        outputs[topic.name] = made
        return Publisher(node: self, output: made)
    }

    /// Whether somebody subscribed to `topic` here, as far as the last `wait` saw: what is published reaches them.
    package func isHeard<Message>(on topic: Topic<Message>) -> Bool {
        let name = Array(topic.name.utf8)
        return heardPrefixes.contains { name.starts(with: $0) }
    }

    /// Whether somebody has asked for every topic there is, as the recorder does.
    package var isHeardOnAllTopics: Bool { heardPrefixes.contains([]) }

    func publish(
        _ message: EncodedMessage, on topic: TopicOutput, captureTime: MonotonicTime?, traceID: UInt64,
        at now: MonotonicTime
    ) throws(BusError) {
        try ensureOpen("publishing on '\(topic.name)'")
        let envelope = Envelope(
            schema: topic.schema, sequence: topic.sequence, captureTime: captureTime, publishTime: now,
            sourceNode: options.node, instanceID: instanceID, runID: options.runID, traceID: traceID, hostID: hostID)
        let parts: TopicOutput.Parts
        do {
            parts = TopicOutput.Parts(envelope: try envelope.encoded(), body: message.body, bulk: message.bulk)
        } catch {
            throw .unsendable(topic: topic.name, error)
        }
        try send(parts, on: topic)
        topic.sequence += 1
        if topic.isLatched { topic.latched = parts }
    }

    private func send(_ parts: TopicOutput.Parts, on topic: TopicOutput) throws(BusError) {
        guard let output else { return }
        if options.waitsForReaders {
            // Room is asked for before the first part, and kept until the last. ZMQ_XPUB_NODROP in zmq_setsockopt(3).
            do {
                try output.send(topic.nameBytes, more: true)
            } catch .callFailed(_, _, EAGAIN) {
                throw .readersFull(topic: topic.name)
            }
        } else {
            try output.send(topic.nameBytes, more: true)
        }
        try output.send(parts.envelope, more: true)
        if let bulk = parts.bulk, bulk.count > 0 {
            try output.send(parts.body, more: true)
            try output.send(sharing: bulk)
        } else {
            try output.send(parts.body, more: false)
        }
    }

    /// Sends latched values again for those who have just subscribed. A subscription arrives at the XPUB socket as one
    /// byte, 1, and the prefix; unsubscriptions begin with 0.
    private func answerSubscribers() throws(BusError) {
        guard let output else { return }
        for _ in 0..<Self.drainLimit {
            guard try output.receive(into: parts.topic) else { return }
            let event = parts.topic.bytes
            if event.first == 0 { heardPrefixes.remove(Array(event.dropFirst())) }
            guard event.first == 1 else { continue }
            heardPrefixes.insert(Array(event.dropFirst()))
            for topic in outputs.values where topic.nameBytes.starts(with: event.dropFirst()) {
                guard let latched = topic.latched else { continue }
                do {
                    try send(latched, on: topic)
                } catch .readersFull {
                    // Who subscribes with a full queue takes other topics from it, and gets the next value.
                }
            }
        }
    }
}

// MARK: - Receiving

extension BusNode {
    /// Asks for a topic. Subscribe before the first `wait`; it takes effect at a peer once that is connected.
    package func subscribe<Message>(_ topic: Topic<Message>) throws(BusError) -> Subscription<Message> {
        let subscription = Subscription(topic)
        try add(subscription)
        return subscription
    }

    /// Asks for all topics that match.
    package func subscribe<Message>(_ pattern: TopicPattern<Message>) throws(BusError) -> Subscription<Message> {
        let subscription = Subscription(pattern)
        try add(subscription)
        return subscription
    }

    /// Hands every message whose topic begins with `prefix` ("" for all) to `handler`, from inside `wait`.
    package func observeAll(prefix: String, _ handler: @escaping (RawMessage) -> Void) throws(BusError) {
        try add(Observation(prefix: prefix, handler: handler))
    }

    private func add(_ sink: any ArrivalSink) throws(BusError) {
        try ensureOpen("subscribing to '\(sink.prefix)'")
        router.add(sink)
        try input.subscribe(toPrefix: sink.prefix)
    }

    /// Waits until a message has arrived, one of `descriptors` is readable, or `deadline` has passed, whichever is
    /// first; hands all that arrived to the subscriptions, and serves new subscribers meanwhile.
    ///
    /// zmq_poll counts in milliseconds, and asks each socket several times; so the sockets' own descriptors are polled,
    /// to the nanosecond. Such a descriptor becomes readable when something happens to a socket that had nothing to do,
    /// which is why each socket is emptied before it is waited for. ppoll(2), ZMQ_FD in zmq_getsockopt(3).
    /// - Parameters:
    ///   - deadline: nil waits without end; one in the past only drains.
    ///   - descriptors: read or drained by the caller afterwards.
    package func wait(until deadline: MonotonicTime?, alsoOn descriptors: [Int32] = []) throws(BusError) {
        try ensureOpen("waiting for messages")
        polled.removeAll(keepingCapacity: true)
        polled.append(pollfd(fd: input.descriptor, events: Int16(POLLIN), revents: 0))
        // A negative descriptor is passed over.
        polled.append(pollfd(fd: output?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
        polled.append(pollfd(fd: doorkeeper?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
        for descriptor in descriptors { polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
        while true {
            try judge()
            try answerSubscribers()
            if try drain() { return }
            let isLast = try poll(until: deadline)
            if polled[0].revents != 0 { input.isIdle = false }
            if polled[1].revents != 0 { output?.isIdle = false }
            if polled[2].revents != 0 { doorkeeper?.wake() }
            var isCalled = isLast
            for index in 3..<polled.count where polled[index].revents != 0 { isCalled = true }
            if isCalled {
                // The list may have changed during a long wait.
                try judge()
                try answerSubscribers()
                _ = try drain()
                return
            }
        }
    }

    /// Waits until a descriptor is ready, the deadline passes, or a port is to be tried again.
    /// - Returns: whether the deadline has passed.
    private func poll(until end: MonotonicTime?) throws(BusError) -> Bool {
        var deadline = end
        if !unbound.isEmpty {
            let next = MonotonicTime.now() + Self.bindingPeriod
            deadline = end.map { min($0, next) } ?? next
        }
        // Times before the clock's start have passed; a negative number would mean no deadline at all.
        let nanoseconds = deadline.map { max($0.nanoseconds, 0) } ?? -1
        let ready = octo_poll_until_ns(&polled, UInt32(polled.count), nanoseconds)
        guard ready >= 0 else { throw .callFailed("ppoll", about: "the bus", code: -ready) }
        if let wrong = polled.first(where: { $0.revents & Int16(POLLNVAL) != 0 }) {
            throw .callFailed("ppoll", about: "descriptor \(wrong.fd)", code: EBADF)
        }
        return ready == 0 && deadline == end
    }

    /// Receives the messages that have arrived, up to a limit.
    /// - Returns: whether anything had arrived.
    private func drain() throws(BusError) -> Bool {
        var arrived = false
        for _ in 0..<Self.drainLimit {
            guard try input.receive(into: parts.topic) else { break }
            arrived = true
            try receiveRest()
        }
        return arrived
    }

    /// Lets in who waits at our ports, and looks whether somebody may do so no longer.
    ///
    /// libzmq asks once for each connection. Where the list says less than before, the ports are let go of and bound
    /// again: that cuts off all who are connected there, and who still may come in is back at once.
    private func judge() throws(BusError) {
        guard let doorkeeper, var gate else { return }
        let now = MonotonicTime.now()
        if gate.look(at: now) {
            if let output, let endpoint {
                try output.unbind(endpoint)
                unbound.append((output, endpoint))
            }
            if let commandEndpoint {
                try input.unbind(commandEndpoint)
                unbound.append((input, commandEndpoint))
            }
        }
        try doorkeeper.serve { key in gate.admitsNow(key) }
        self.gate = gate
        try bindAgain(gate)
    }

    /// Binds what was let go of; libzmq does that in the background, so that it may take several looks.
    private func bindAgain(_ gate: KeyGate) throws(BusError) {
        let missing = unbound
        unbound = []
        for (socket, endpoint) in missing {
            try socket.serveCurve(gate.own)
            do {
                _ = try socket.bind(to: Endpoint(endpoint))
            } catch .endpointInUse {
                unbound.append((socket, endpoint))
            }
            if socket === input { try socket.useCurve(gate.own, server: gate.own.publicKey) }
        }
    }

    /// Whether the sender of what was just received may say it; else it is counted. Who publishes at an endpoint that
    /// we connected to has the user's own key.
    private func mayComeIn() -> Bool {
        guard let gate, let identity = parts.topic.userID, !gate.allows(identity, toPublish: parts.topic.bytes) else {
            return true
        }
        refusedMessages[KeyGate.name(in: identity), default: 0] += 1
        return false
    }

    /// Receives what follows the topic, all of which has arrived by then: ZeroMQ delivers multipart messages whole.
    private func receiveRest() throws(BusError) {
        var partCount = 1
        var last = parts.topic
        var bulk: MessagePart?
        while last.hasMore {
            partCount += 1
            switch partCount {
            case 2: last = parts.envelope
            case 3: last = parts.body
            case 4:
                // Memory of its own: what lies in it may be kept by whoever takes the message.
                last = MessagePart()
                bulk = last
            default: last = MessagePart()
            }
            guard try input.receive(into: last) else { break }
        }
        guard mayComeIn() else { return }
        router.route(
            topic: parts.topic.bytes,
            rest: (3...4).contains(partCount) ? (parts.envelope.bytes, parts.body.bytes, bulk?.shared()) : nil)
    }
}
