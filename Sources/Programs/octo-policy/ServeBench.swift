import CShims
import DequeModule
import Foundation
import Manifests
import Messages
import OctoModel
import Policy
import Synchronization
import Threads
import Time

/// A checkpoint that was loaded for a robot.
struct ServedCheckpoint: Sendable {
    var offer: PolicyOffer
    var parameterCount: Int
    var precision: String
    var step: Int
    /// Cameras of the checkpoint that the robot lacks.
    var leftOut: [String]
}

/// Where checkpoints are loaded and networks run: a thread of its own, so that the links go on meanwhile.
final class ServeBench: Sendable {
    /// Who has a checkpoint loaded, from the question on.
    typealias Ticket = Int

    enum Job: Sendable {
        case load(Ticket, Manifest.Policy, RemoteHello)
        case run([(ticket: Ticket, request: PolicyNodeCore.Request)])
        case drop(Ticket)
        case end
    }

    enum Outcome: Sendable {
        case loaded(Ticket, Result<ServedCheckpoint, any Error>)
        case ran([(ticket: Ticket, result: Result<[Float], any Error>)], begun: MonotonicTime, finished: MonotonicTime)
    }

    /// The system has no more descriptors to give.
    struct NoDescriptor: Error, CustomStringConvertible {
        var description: String {
            "starting the network's thread: the system refused a descriptor. Raise the limit on open files (ulimit -n)."
        }
    }

    /// How often what nobody uses is looked at.
    private static let tidying = DispatchTimeInterval.seconds(30)

    /// Becomes readable when there is an outcome.
    let wakeDescriptor: Int32
    private let jobs = Mutex<Deque<Job>>([])
    private let arrivals = DispatchSemaphore(value: 0)
    private let outcomes = Mutex<Deque<Outcome>>([])
    private let ended = Atomic<Bool>(false)

    init() throws {
        wakeDescriptor = octo_event_fd()
        guard wakeDescriptor >= 0 else { throw NoDescriptor() }
        try NamedThread("inference") { [self] in
            run()
            ended.store(true, ordering: .releasing)
            octo_event_signal(wakeDescriptor)
        }
    }

    /// Whether the thread has left the network for good.
    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    func submit(_ job: Job) {
        jobs.withLock { $0.append(job) }
        arrivals.signal()
    }

    /// The oldest outcome that was not taken yet.
    func take() -> Outcome? {
        octo_event_consume(wakeDescriptor)
        return outcomes.withLock { $0.popFirst() }
    }

    private func run() {
        var engines = ServedEngines()
        while true {
            _ = arrivals.wait(timeout: .now() + Self.tidying)
            engines.tidy(at: .now())
            switch jobs.withLock({ $0.popFirst() }) {
            case nil: continue
            case .end: return
            case .drop(let ticket): engines.drop(ticket, at: .now())
            case .load(let ticket, let policy, let hello):
                tell(.loaded(ticket, Result { try engines.load(policy, hello, for: ticket) }))
            case .run(let runs):
                let begun = MonotonicTime.now()
                let results = engines.run(runs)
                tell(.ran(results, begun: begun, finished: .now()))
                engines.anticipate(for: runs.map(\.ticket))
            }
        }
    }

    private func tell(_ outcome: Outcome) {
        outcomes.withLock { $0.append(outcome) }
        octo_event_signal(wakeDescriptor)
    }
}
