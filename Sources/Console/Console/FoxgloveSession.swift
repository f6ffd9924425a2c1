import Time

/// One viewer that is connected by Foxglove's WebSocket protocol: what it subscribed to, and what is still to be sent.
///
/// It only looks on: whatever else it asks for is refused in words. The shell hands over what came from the socket,
/// offers the messages of the bus, and sends what `next` gives as fast as the socket takes it. A viewer that is slower
/// than the run gets the newest pictures and loses the oldest of all other messages; it is told how many.
///
/// A message's time is that at which it was handed to the bus, as time of day (`FoxgloveRun.wallOffset`). The viewer's
/// clock is set by these times, and within a run never back.
package struct FoxgloveSession: Sendable {
    /// How much a viewer may ask, and leave waiting.
    package struct Limits: Equatable, Sendable {
        /// Messages that wait, besides one picture for each camera: some four seconds of a run.
        package var messages = 2048
        /// Bytes of these messages. The newest waits even if it has more.
        package var bytes = 8 << 20
        /// Bytes of one request.
        package var requestBytes = 1 << 16
        /// Refusals that wait to be sent; further ones are not said.
        package var refusals = 16

        package init() {}
    }

    /// What viewers are told of a catalogue.
    private struct Contents: Sendable {
        var revision: Int
        var console: String
        var run: FoxgloveRun?
        var channels: [FoxgloveChannel]

        init(_ catalogue: FoxgloveCatalogue) {
            revision = catalogue.revision
            console = catalogue.console
            run = catalogue.run
            channels = catalogue.channels
        }
    }

    /// Subprotocols that are spoken here; what is said in them is the same.
    package static let subprotocols = ["foxglove.sdk.v1", "foxglove.websocket.v1"]

    /// The subprotocol that the server chooses: the first that it knows of those that the client names.
    /// - Parameter offered: values of `Sec-WebSocket-Protocol`, each one name or several with commas between them.
    /// - Returns: nil when it knows none of them.
    package static func subprotocol(offered: [String]) -> String? {
        let names = offered.flatMap { $0.split { $0 == "," || $0 == " " || $0 == "\t" } }
        return names.lazy.compactMap { name in subprotocols.first { $0 == name } }.first
    }

    private let limits: Limits
    /// What the viewer knows; nil before it was told anything.
    private var announced: Contents?
    /// What it is to know.
    private var current: Contents
    /// Texts that tell it, in order.
    private var announcements: [String] = []
    private var refusals: [String] = []
    private var queue: FoxgloveQueue
    /// The viewer's number for each channel that it wants.
    private var subscriptions: [Int: UInt32] = [:]
    private var subscribedChannels: [UInt32: Int] = [:]
    private var clock = Clock()
    private var complaint = Complaint()

    /// Begins with a viewer that has just connected.
    package init(_ catalogue: FoxgloveCatalogue, limits: Limits = Limits()) {
        self.limits = limits
        current = Contents(catalogue)
        queue = FoxgloveQueue(limits: limits)
    }

    /// How many messages this viewer lost, pictures that newer ones overtook among them.
    package var droppedCount: Int { queue.dropped.pictures + queue.dropped.messages }
    /// How many channels it subscribed to.
    package var subscriptionCount: Int { subscriptions.count }
    /// Bytes of the messages that wait to be sent.
    package var waitingByteCount: Int { queue.byteCount }

    /// Whether the viewer subscribed to a channel.
    package func wants(_ channel: FoxgloveChannel) -> Bool { subscriptions[channel.id] != nil }

    /// Takes note of new and withdrawn channels, and of another run. Costs nothing when there are none.
    package mutating func follow(_ catalogue: FoxgloveCatalogue) {
        guard catalogue.revision != current.revision else { return }
        current = Contents(catalogue)
        let channels = Set(current.channels.map(\.id))
        for (channel, id) in subscriptions where !channels.contains(channel) { unsubscribe(id) }
    }

    /// Queues a message, if the viewer subscribed to its channel.
    package mutating func offer(_ message: FoxgloveMessage) {
        if wants(message.channel) { queue.append(message) }
    }

    /// Takes what the viewer sent. Nothing in it is fatal: what cannot be done is answered by a status.
    /// - Parameter catalogue: the present one; a new subscriber gets the last goal, fit, and status of each node.
    package mutating func receive(_ message: SocketMessage, in catalogue: FoxgloveCatalogue) {
        follow(catalogue)
        do {
            switch try FoxgloveRequest(message, maximumBytes: limits.requestBytes) {
            case .subscribe(let subscriptions): subscribe(subscriptions, in: catalogue)
            case .unsubscribe(let ids):
                // Unknown ones are those of channels that were withdrawn meanwhile.
                for id in ids { unsubscribe(id) }
            }
        } catch {
            refuse(error.words)
        }
    }

    /// What is to be sent next; nil when nothing is, for now.
    package mutating func next(at now: MonotonicTime) -> SocketMessage? {
        announce()
        if !announcements.isEmpty { return .text(announcements.removeFirst()) }
        if !refusals.isEmpty { return .text(FoxgloveWire.status(.error, refusals.removeFirst())) }
        if let text = complaint.next(queue.dropped, at: now) { return .text(text) }
        guard let message = queue.next else {
            return current.run.flatMap { clock.idle(at: $0.wallNanoseconds(at: now)) }.map { .binary($0) }
        }
        if let time = clock.advance(to: message.time) { return .binary(time) }
        queue.removeNext()
        // What waits is subscribed to.
        return subscriptions[message.channel.id].map {
            .binary(FoxgloveWire.messageData(message, subscription: $0))
        }
    }

    /// Finds what has changed since the viewer was told. However long it does not listen, it is told in one step.
    private mutating func announce() {
        guard announcements.isEmpty, announced?.revision != current.revision else { return }
        let known = Set(announced?.channels.map(\.id) ?? [])
        let channels = Set(current.channels.map(\.id))
        let withdrawn = known.subtracting(channels).sorted()
        let new = current.channels.filter { !known.contains($0.id) }
        if !withdrawn.isEmpty { announcements.append(FoxgloveWire.unadvertise(withdrawn)) }
        if announced.map({ $0.run != current.run }) ?? true {
            announcements.append(FoxgloveWire.serverInfo(current.run, console: current.console))
            clock = Clock()
        }
        // A new viewer waits for one, even without channels.
        if announced == nil || !new.isEmpty { announcements.append(FoxgloveWire.advertise(new)) }
        announced = current
    }

    private mutating func subscribe(_ wishes: [FoxgloveRequest.Subscription], in catalogue: FoxgloveCatalogue) {
        var problems: [String] = []
        for wish in wishes {
            guard let channel = catalogue.channel(wish.channel) else {
                // Asked for before the viewer heard that it was withdrawn.
                if !catalogue.isWithdrawn(wish.channel) { problems.append("there is no channel \(wish.channel)") }
                continue
            }
            guard subscriptions[channel.id] == nil, subscribedChannels[wish.id] == nil else {
                problems.append("subscription \(wish.id) to channel \(channel.id): the number or the channel is taken")
                continue
            }
            subscriptions[channel.id] = wish.id
            subscribedChannels[wish.id] = channel.id
            if let last = catalogue.lastMessage(on: channel) { queue.append(last) }
        }
        guard let first = problems.first else { return }
        refuse(first + (problems.count > 1 ? " (and \(problems.count - 1) more like it)" : ""))
    }

    private mutating func unsubscribe(_ id: UInt32) {
        guard let channel = subscribedChannels.removeValue(forKey: id) else { return }
        subscriptions[channel] = nil
        queue.removeAll(of: channel)
    }

    private mutating func refuse(_ words: String) {
        if refusals.count < limits.refusals { refusals.append(words) }
    }
}
