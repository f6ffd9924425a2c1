import Bus
import CShims
import Glibc
import JSONTree
import Keys
import Link
import Manifests
import Messages
import Policy
import Synchronization
import Threads
import Time

/// Has requests computed by another machine: one thread carries messages between the link's socket and the
/// conversation. What the node asks of it never waits for the network.
final class RemoteEngine: InferencePlace {
    /// The system has no more descriptors to give.
    struct NoDescriptor: Error, CustomStringConvertible {
        var description: String {
            "starting the link's thread: the system refused a descriptor. Raise the limit on open files (ulimit -n)."
        }
    }

    /// How long the last word needs to be on its way.
    private static let farewell = Duration.milliseconds(50)

    let wakeDescriptor: Int32
    /// Becomes readable when the thread has something to do.
    private let work: Int32
    private let conversation: Mutex<RemoteConversation>
    private let requests = Mutex<[PolicyNodeCore.Request]>([])
    private let answers = Mutex<[InferenceAnswer]>([])
    private let isEnding = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)

    /// Begins to ask.
    /// - Throws: `NoDescriptor`, `ThreadStartError`.
    init(_ conversation: RemoteConversation, endpoint: String, security: LinkSecurity) throws {
        self.conversation = Mutex(conversation)
        wakeDescriptor = octo_event_fd()
        work = octo_event_fd()
        guard wakeDescriptor >= 0, work >= 0 else { throw NoDescriptor() }
        try NamedThread("link") { [self] in
            do throws(BusError) {
                try run(LinkClientSocket(endpoint: endpoint, security: security))
            } catch {
                self.conversation.withLock { $0.fail("\(error)") }
            }
            hasEnded.store(true, ordering: .releasing)
            octo_event_signal(wakeDescriptor)
        }
    }

    /// Begins to ask the machine that a run's manifest names.
    /// - Parameters:
    ///   - asking: how requests become messages.
    ///   - hello: what the other machine has to know of the robot.
    /// - Throws: `KeyError`, and as `init`.
    static func asking(
        _ host: Manifest.Host, for run: RunDescription, hello: JSONNode, by asking: any RemoteAsking
    ) throws -> RemoteEngine {
        let security: LinkSecurity
        switch host.key {
        case nil: security = .insecure
        case .own:
            let own = try KeyFolder.ofUser().ownOrMade()
            security = .keys(own, server: own.publicKey)
        case .known(let server): security = .keys(try KeyFolder.ofUser().ownOrMade(), server: server)
        }
        let client = LinkClient(service: "policy", robot: run.manifest.name, run: run.runID, body: hello)
        return try RemoteEngine(
            RemoteConversation(host: host.description, client: client, asking: asking), endpoint: host.endpoint,
            security: security)
    }

    func offer() throws -> PolicyOffer? {
        let (offer, problem) = conversation.withLock { ($0.offer, $0.problem) }
        if let problem { throw problem }
        return offer
    }

    func submit(_ request: PolicyNodeCore.Request) {
        requests.withLock { $0.append(request) }
        octo_event_signal(work)
    }

    func take() -> InferenceAnswer? {
        octo_event_consume(wakeDescriptor)
        return answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    func report(in status: inout NodeStatus, at now: MonotonicTime) {
        // A copy of what `inout` names: the lock's body may not change the outer one.
        status = conversation.withLock { conversation in
            var reported = status
            conversation.report(in: &reported, at: now)
            return reported
        }
    }

    func stop() -> Bool {
        isEnding.store(true, ordering: .releasing)
        octo_event_signal(work)
        return hasEnded.load(ordering: .acquiring)
    }

    private func run(_ socket: LinkClientSocket) throws(BusError) {
        var hasOffered = false
        while !isEnding.load(ordering: .acquiring) {
            try drain(socket, &hasOffered)
            let deadline = conversation.withLock { $0.nextTime }
            var polled = [
                pollfd(fd: work, events: Int16(POLLIN), revents: 0),
                // A negative descriptor is passed over. ppoll(2).
                pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let ready = octo_poll_until_ns(&polled, 2, deadline.map { max($0.nanoseconds, 0) } ?? -1)
            guard ready >= 0 else { throw .callFailed("ppoll", about: "the link", code: -ready) }
            octo_event_consume(work)
            socket.wake()
        }
        for action in conversation.withLock({ $0.leave() }) {
            // A closed socket drops what it was given last.
            if case .close = action { octo_sleep_until_ns((MonotonicTime.now() + Self.farewell).nanoseconds) }
            try socket.perform([action])
        }
    }

    /// Carries to and fro until neither the socket nor the node has more. What is sent can take the socket's sign of
    /// something new away, so that it is looked at again after that.
    private func drain(_ socket: LinkClientSocket, _ hasOffered: inout Bool) throws(BusError) {
        var isBusy = true
        while isBusy, !isEnding.load(ordering: .acquiring) {
            isBusy = false
            var actions = conversation.withLock { $0.tick(at: .now()) }
            if let message = try socket.receive() {
                isBusy = true
                actions += conversation.withLock { $0.received(message, at: .now()) }
            }
            let asked = requests.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for request in asked { actions += conversation.withLock { $0.ask(request, at: .now()) } }
            if !actions.isEmpty {
                isBusy = true
                try socket.perform(actions)
            }
            deliver(&hasOffered)
        }
    }

    /// Gives the node what is new for it.
    private func deliver(_ hasOffered: inout Bool) {
        let new = conversation.withLock { $0.takeAnswers() }
        answers.withLock { $0 += new }
        let isNews = conversation.withLock { $0.problem != nil || $0.offer != nil } && !hasOffered
        hasOffered = hasOffered || isNews
        if !new.isEmpty || isNews { octo_event_signal(wakeDescriptor) }
    }
}
