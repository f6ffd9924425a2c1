import Messages
import Policy
import Time

/// What the network said to a request.
struct InferenceAnswer: Sendable {
    var result: Result<[Float], any Error>
    var finished: MonotonicTime
}

/// What the policy node has to know of the checkpoint before it can observe.
struct PolicyOffer: Sendable {
    var configuration: PolicyConfiguration
    var texts: TaskTextReading
    /// Folder and step, for people.
    var modelName: String
}

/// Where the policy node's requests are computed: on a thread of this process, or on another machine.
protocol InferencePlace: Sendable {
    /// Becomes readable when an answer waits, or something else is new.
    var wakeDescriptor: Int32 { get }

    /// The checkpoint; nil until it is known.
    /// - Throws: why it can not be used, or not any more: the node ends.
    func offer() throws -> PolicyOffer?

    func submit(_ request: PolicyNodeCore.Request)

    /// The oldest answer that was not taken yet.
    func take() -> InferenceAnswer?

    /// Adds what there is to say of the place. It makes a status worse, never better.
    func report(in status: inout NodeStatus, at now: MonotonicTime)

    /// Asks for the end; called again until it has come.
    /// - Returns: whether it has.
    func stop() -> Bool
}
