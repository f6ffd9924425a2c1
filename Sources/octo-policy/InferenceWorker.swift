import CShims
import Dispatch
import Policy
import Synchronization
import Time

/// Runs the network on a thread of its own, so that the node goes on receiving frames meanwhile.
///
/// One request at a time: the core submits the next only when it has taken the answer.
final class InferenceWorker: Sendable {
    struct Answer: Sendable {
        var result: Result<[Float], any Error>
        var finished: MonotonicTime
    }

    /// Becomes readable when an answer waits.
    let wakeDescriptor: Int32
    private let queue = DispatchQueue(label: "inference", qos: .userInitiated)
    private let engine: Mutex<PolicyEngine>
    private let answers = Mutex<[Answer]>([])

    init(_ engine: sending PolicyEngine) {
        self.engine = Mutex(engine)
        wakeDescriptor = octo_event_fd()
    }

    func submit(_ request: PolicyNodeCore.Request) {
        queue.async { [self] in
            let result = Result { try engine.withLock { engine in try engine.run(request) } }
            let answer = Answer(result: result, finished: .now())
            answers.withLock { $0.append(answer) }
            octo_event_signal(wakeDescriptor)
        }
    }

    /// The oldest answer that was not taken yet.
    func take() -> Answer? {
        octo_event_consume(wakeDescriptor)
        return answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}
