import JSONTree
import Messages

/// What the policy made of a goal that was set.
enum PolicyAnswer {
    /// The policy makes chunks for the goal.
    case pursues
    /// The policy knows the goal and makes no chunks for it; the text is its own status.
    case holds(String)
    /// Nothing was heard of it.
    case silent

    var words: String {
        switch self {
        case .pursues: "the policy makes its chunks for it"
        case .holds(let reason): "the policy does not go for it: \(reason)"
        case .silent:
            "the policy has not said yet what it makes of it; 'octo-bus echo node/policy/status' shows whether it is "
                + "alive"
        }
    }

    var node: JSONNode {
        switch self {
        case .pursues: .object(["goes_for_it": true])
        case .holds(let reason): .object(["goes_for_it": false, "reason": JSONNode(reason)])
        case .silent: nil
        }
    }
}

/// Listens to the policy from before a goal is set until it is known what becomes of it. Reads no clock and no socket.
struct PolicyAnswerWatch {
    /// How long a network may take for the first chunk while the policy says that something is wrong.
    static let chunkPatience = 3.0
    /// How long the policy may take to look at the goal at all, and to make a chunk of it while nothing is wrong.
    static let patience = 8.0

    private let goalID: String
    /// Seconds since the goal was set.
    private var seenAt: Double?
    private var complaint: String?

    init(goalID: String) { self.goalID = goalID }

    /// Takes a chunk of the policy's, which may be for the goal.
    /// - Returns: nil as long as nothing is known.
    mutating func receive(_ chunk: ActionChunk) -> PolicyAnswer? { chunk.goalID == goalID ? .pursues : nil }

    mutating func receive(_ observation: PolicyObservation, at seconds: Double) {
        if observation.goalID == goalID, seenAt == nil { seenAt = seconds }
    }

    /// Takes the policy's status; one from before it had the goal is about another goal, and is passed over.
    mutating func receive(_ status: NodeStatus) {
        guard seenAt != nil else { return }
        complaint = status.state == .degraded || status.state == .fault ? status.headline : nil
    }

    func answer(at seconds: Double) -> PolicyAnswer? {
        if let seenAt, let complaint, seconds - seenAt > Self.chunkPatience { return .holds(complaint) }
        return seconds > Self.patience ? complaint.map { .holds($0) } ?? .silent : nil
    }
}
