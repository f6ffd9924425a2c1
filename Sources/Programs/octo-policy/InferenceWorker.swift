import CShims
import DequeModule
import Foundation
import Policy
import Synchronization
import Threads
import Time

/// Runs the network on a thread of its own, so that the node goes on receiving frames meanwhile.
///
/// One request at a time: the core submits the next only when it has taken the answer. Behind each answer the thread
/// computes what is known of the next request already.
final class InferenceWorker: Sendable {
    struct Answer: Sendable {
        var result: Result<[Float], any Error>
        var finished: MonotonicTime
    }

    /// The system has no more descriptors to give.
    struct NoDescriptor: Error, CustomStringConvertible {
        var description: String {
            "starting the network's thread: the system refused a descriptor for its answers. Raise the limit on open "
                + "files (ulimit -n)."
        }
    }

    /// Becomes readable when an answer waits, and when the thread has nothing more to do.
    let wakeDescriptor: Int32
    private let engine: Mutex<PolicyEngine>
    private let requests = Mutex<Deque<PolicyNodeCore.Request>>([])
    private let arrivals = DispatchSemaphore(value: 0)
    private let answers = Mutex<Deque<Answer>>([])
    /// Requests that were submitted and are not wholly done.
    private let pending = Atomic<Int>(0)

    /// Makes a worker for an engine.
    /// - Parameter cpu: number of the CPU on which the thread runs; nil leaves that to the system.
    init(_ engine: sending PolicyEngine, cpu: Int?) throws {
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

    /// The oldest answer that was not taken yet.
    func take() -> Answer? {
        octo_event_consume(wakeDescriptor)
        return answers.withLock { $0.popFirst() }
    }

    /// Whether the thread is in the network.
    var isWorking: Bool { pending.load(ordering: .sequentiallyConsistent) > 0 }

    private func run(_ request: PolicyNodeCore.Request) {
        engine.withLock { engine in
            let result = Result { try engine.run(request) }
            let answer = Answer(result: result, finished: .now())
            answers.withLock { $0.append(answer) }
            octo_event_signal(wakeDescriptor)
            engine.anticipate()
        }
        pending.subtract(1, ordering: .sequentiallyConsistent)
        octo_event_signal(wakeDescriptor)
    }
}
