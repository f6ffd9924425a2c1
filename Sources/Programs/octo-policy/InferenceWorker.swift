import CShims
import DequeModule
import Foundation
import Messages
import Policy
import Synchronization
import Threads
import Time

/// Runs the network on a thread of its own, so that the node goes on receiving frames meanwhile.
///
/// One request at a time: the core submits the next only when it has taken the answer. Behind each answer the thread
/// computes what is known of the next request already.
final class InferenceWorker: InferencePlace {
    /// The system has no more descriptors to give.
    struct NoDescriptor: Error, CustomStringConvertible {
        var description: String {
            "starting the network's thread: the system refused a descriptor for its answers. Raise the limit on open "
                + "files (ulimit -n)."
        }
    }

    /// Becomes readable when an answer waits, and when the thread has nothing more to do.
    let wakeDescriptor: Int32
    private let checkpoint: PolicyOffer
    private let engine: Mutex<PolicyEngine>
    private let requests = Mutex<Deque<PolicyNodeCore.Request>>([])
    private let arrivals = DispatchSemaphore(value: 0)
    private let answers = Mutex<Deque<InferenceAnswer>>([])
    /// Requests that were submitted and are not wholly done.
    private let pending = Atomic<Int>(0)

    /// Makes a worker for an engine.
    /// - Parameters:
    ///   - checkpoint: what the engine runs.
    ///   - cpu: number of the CPU on which the thread runs; nil leaves that to the system.
    init(_ engine: sending PolicyEngine, of checkpoint: PolicyOffer, cpu: Int?) throws {
        self.checkpoint = checkpoint
        self.engine = Mutex(engine)
        wakeDescriptor = octo_event_fd()
        if wakeDescriptor < 0 { throw NoDescriptor() }
        try NamedThread("inference") { [self] in
            if let cpu { octo_thread_set_cpu(Int32(clamping: cpu)) }
            while true {
                arrivals.wait()
                if let request = requests.withLock({ $0.popFirst() }) { run(request) }
            }
        }
    }

    func submit(_ request: PolicyNodeCore.Request) {
        pending.add(1, ordering: .sequentiallyConsistent)
        requests.withLock { $0.append(request) }
        arrivals.signal()
    }

    func offer() -> PolicyOffer? { checkpoint }

    func report(in status: inout NodeStatus, at now: MonotonicTime) {}

    func take() -> InferenceAnswer? {
        octo_event_consume(wakeDescriptor)
        return answers.withLock { $0.popFirst() }
    }

    /// Whether the thread has left the network: a process that exits in the middle of a matrix product can hang in its
    /// libraries.
    func stop() -> Bool { pending.load(ordering: .sequentiallyConsistent) == 0 }

    private func run(_ request: PolicyNodeCore.Request) {
        engine.withLock { engine in
            let result = Result { try engine.run(request) }
            let answer = InferenceAnswer(result: result, finished: .now())
            answers.withLock { $0.append(answer) }
            octo_event_signal(wakeDescriptor)
            engine.anticipate()
        }
        pending.subtract(1, ordering: .sequentiallyConsistent)
        octo_event_signal(wakeDescriptor)
    }
}
