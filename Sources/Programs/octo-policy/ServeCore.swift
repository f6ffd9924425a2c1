import Bus
import Files
import JSONTree
import Link
import Manifests
import Messages
import Policy
import Time

/// Decides, on a machine that computes for robots, who gets a session, what is loaded for them, and which requests run
/// next. Touches no socket and reads no clock.
struct ServeCore: Sendable {
    /// What the shell does, in order.
    enum Action: Sendable {
        case say([LinkServer.Saying])
        case work(ServeBench.Job)
        /// A line for people.
        case tell(String)
    }

    /// A policy that alone is computed.
    struct Only: Sendable {
        /// The section `policy` of this machine's manifest, with every default filled in.
        var section: JSONNode
    }

    private struct Robot: Sendable {
        let ticket: ServeBench.Ticket
        let name: String
        let model: String
        var chunks = 0
        var inference = LatencyHistogram()
    }

    private struct Asking: Sendable {
        let ticket: ServeBench.Ticket
        let name: String
        let checkpoint: String
        var nextWord: MonotonicTime
    }

    /// Robots at once.
    static let mostRobots = 16
    /// Requests of one pass.
    static let largestBatch = 8
    /// How often somebody who waits is told what for.
    private static let wordPeriod = Duration.milliseconds(500)
    private static let service = "policy"

    private var server: LinkServer
    private var answering: any RemoteAnswering
    private let folder: ServedFolder
    private let only: Only?
    private var asking: [LinkPeer: Asking] = [:]
    private var robots: [String: Robot] = [:]
    private var nextTicket = 0
    /// Sessions whose requests are in the network, by ticket.
    private var running: [ServeBench.Ticket: String] = [:]
    private var isRunning = false
    private(set) var summary = ServeSummary()

    init(_ server: LinkServer, answering: any RemoteAnswering, folder: ServedFolder, only: Only?) {
        self.server = server
        self.answering = answering
        self.folder = folder
        self.only = only
    }

    /// When `tick` is due; nil: nobody is there.
    var nextTime: MonotonicTime? {
        let words: [MonotonicTime] = asking.values.map(\.nextWord)
        return (words + (server.nextTime.map { [$0] } ?? [])).min()
    }

    /// Time has passed.
    mutating func tick(at now: MonotonicTime) -> [Action] {
        var actions: [Action] = [.say(server.tick(at: now))]
        for (peer, robot) in asking.sorted(by: { $0.value.ticket < $1.value.ticket }) where now >= robot.nextWord {
            asking[peer]?.nextWord = now + Self.wordPeriod
            actions.append(.say(server.wait(peer, reason: "it loads \(robot.checkpoint)", at: now)))
        }
        return actions + digest(at: now)
    }

    /// Something came.
    mutating func received(_ message: LinkMessage, from peer: LinkPeer, at now: MonotonicTime) -> [Action] {
        [.say(server.received(message, from: peer, at: now))] + digest(at: now)
    }

    /// Somebody's key may have been revoked.
    mutating func judge(at now: MonotonicTime, _ admits: (LinkPeer) -> Bool) -> [Action] {
        [.say(server.judge(admits))] + digest(at: now)
    }

    /// Ends all sessions.
    mutating func leave(at now: MonotonicTime) -> [Action] {
        let goodbyes = server.openSessions.flatMap { server.dismiss($0, reason: "the machine stops serving") }
        return [.say(goodbyes)] + digest(at: now)
    }

    /// Takes what the network's thread has done.
    mutating func receive(_ outcome: ServeBench.Outcome, at now: MonotonicTime) -> [Action] {
        switch outcome {
        case .loaded(let ticket, let result): return loaded(ticket, result, at: now)
        case .ran(let results, let begun, let finished):
            isRunning = false
            summary.countBatch(of: results.count)
            var actions: [Action] = []
            for (ticket, result) in results {
                guard let session = running[ticket], robots[session] != nil else { continue }
                if case .success = result {
                    robots[session]?.chunks += 1
                    robots[session]?.inference.record(finished - begun)
                }
                let sayings = answering.finished(
                    session, result, begun: begun, finished: finished, batch: results.count)
                actions += say(sayings, in: session)
            }
            running = [:]
            return actions + digest(at: now)
        }
    }

    private mutating func loaded(
        _ ticket: ServeBench.Ticket, _ result: Result<ServedCheckpoint, any Error>, at now: MonotonicTime
    ) -> [Action] {
        guard let (peer, robot) = asking.first(where: { $0.value.ticket == ticket }) else {
            // Who asked is gone.
            return [.work(.drop(ticket))]
        }
        asking[peer] = nil
        switch result {
        case .failure(let error):
            return [.say(server.refuse(peer, reason: "\(error)")), .tell("\(robot.name) is refused: \(error)")]
                + digest(at: now)
        case .success(let checkpoint):
            let body: JSONNode
            let parts: [SharedBytes]
            do {
                (body, parts) = try answering.welcome(checkpoint)
            } catch {
                return [.work(.drop(ticket)), .say(server.refuse(peer, reason: "\(error)"))] + digest(at: now)
            }
            guard let (session, sayings) = server.accept(peer, body: body, parts: parts, at: now) else {
                return [.work(.drop(ticket))] + digest(at: now)
            }
            let model = checkpoint.offer.modelName
            robots[session] = Robot(ticket: ticket, name: robot.name, model: model)
            answering.opened(session, with: checkpoint)
            return [.say(sayings), .tell("\(robot.name) came: \(model), \(checkpoint.precision)")] + digest(at: now)
        }
    }

    private mutating func digest(at now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for event in server.takeEvents() {
            switch event {
            case .asked(let peer, let question): actions += asked(peer, question, at: now)
            case .gaveUp(let peer):
                guard let robot = asking.removeValue(forKey: peer) else { continue }
                actions += [.work(.drop(robot.ticket)), .tell("\(robot.name) does not wait any more")]
            case .left(let session, _, let reason): actions += left(session, reason)
            case .data(let session, let body, let parts):
                guard robots[session] != nil else { continue }
                actions += say(answering.received(body: body, parts: parts, in: session, at: now), in: session)
            }
        }
        return actions + runNext()
    }

    /// Reads what somebody wants, and has it loaded.
    private mutating func asked(_ peer: LinkPeer, _ question: LinkQuestion, at now: MonotonicTime) -> [Action] {
        let isOwn = peer.name.isEmpty || peer.name == KeyGate.ownName
        let key = isOwn ? "" : " with the key of \(Self.printable(peer.name))"
        let name = "robot \(Self.printable(question.robot))\(key) (run \(Self.printable(question.run)))"
        func refuse(_ reason: String) -> [Action] {
            [.say(server.refuse(peer, reason: reason)), .tell("\(name) is refused: \(reason)")]
        }
        guard question.service == Self.service, let hello = RemoteHello(question.body) else {
            return refuse("it asks for something that is not computed here")
        }
        guard robots.count + asking.count < Self.mostRobots else {
            return refuse("this machine computes for \(Self.mostRobots) robots already")
        }
        do {
            let asked = try folder.policy(hello.policy)
            if let only {
                let difference = AskedPolicy.difference(here: only.section, there: asked.section)
                guard difference.isEmpty else { return refuse("its policy is another: \(difference)") }
            }
            nextTicket += 1
            asking[peer] = Asking(
                ticket: nextTicket, name: name, checkpoint: asked.policy.checkpoint, nextWord: now)
            return [.work(.load(nextTicket, asked.policy, hello))]
        } catch {
            return refuse("\(error)")
        }
    }

    private mutating func left(_ session: String, _ reason: String) -> [Action] {
        guard let robot = robots.removeValue(forKey: session) else { return [] }
        answering.closed(session)
        summary.add(
            .init(name: robot.name, model: robot.model, chunks: robot.chunks, inference: robot.inference))
        return [
            .work(.drop(robot.ticket)),
            .tell("\(robot.name) left after \(robot.chunks) chunks: \(Self.printable(reason))"),
        ]
    }

    /// Gives the network what waits, once it is free.
    private mutating func runNext() -> [Action] {
        guard !isRunning else { return [] }
        let runs = answering.takeRuns(atMost: Self.largestBatch).compactMap { run in
            robots[run.session].map { (ticket: $0.ticket, session: run.session, request: run.request) }
        }
        guard !runs.isEmpty else { return [] }
        isRunning = true
        running = Dictionary(runs.map { ($0.ticket, $0.session) }, uniquingKeysWith: { $1 })
        return [.work(.run(runs.map { ($0.ticket, $0.request) }))]
    }

    private func say(_ sayings: [RemoteSaying], in session: String) -> [Action] {
        sayings.map { .say(server.send(body: $0.body, parts: $0.parts, in: session)) }
    }

    /// What another machine wrote, fit for a terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(300).map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
    }
}
