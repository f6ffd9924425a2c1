import Messages
import Time

/// What a goal node decides: which goal holds, when it is published, what the status says.
package struct GoalNodeCore: Sendable {
    package enum Action: Equatable, Sendable {
        /// Goes out on the latched topic: whoever joins later gets it too.
        case publish(Goal)
        /// The goal is the one already out.
        case nothing
    }

    private let node: String
    /// The goal that holds; `.none` until one was set.
    package private(set) var current = Goal.none
    private var isPublished = false
    private var failure: GoalError?
    private var isStopping = false
    private var setTime: MonotonicTime?
    private var changes: Int64 = 0
    private var failures: Int64 = 0

    package init(node: String) {
        self.node = node
    }

    /// A goal was loaded, or `.none` chosen. The first one always goes out: even "no goal" is news to a policy that
    /// waits for one.
    package mutating func set(_ goal: Goal, at now: MonotonicTime) -> Action {
        failure = nil
        guard !isPublished || goal != current else { return .nothing }
        current = goal
        isPublished = true
        setTime = now
        changes += 1
        return .publish(goal)
    }

    /// A goal could not be loaded: the present one stays.
    package mutating func failed(_ error: GoalError) {
        failure = error
        failures += 1
    }

    /// The node was asked to stop.
    package mutating func stop() { isStopping = true }

    package func status(at now: MonotonicTime) -> NodeStatus {
        let (state, headline) = summary(at: now)
        return NodeStatus(
            node: node, processID: 0, state: state, headline: headline,
            counters: [.init(name: "changes", value: changes), .init(name: "failures", value: failures)])
    }

    private func summary(at now: MonotonicTime) -> (NodeStatus.State, String) {
        if isStopping { return (.stopping, "stopping") }
        if let failure {
            return isPublished
                ? (.degraded, "the goal '\(current.name)' stays, for the new one failed: \(failure)")
                : (.fault, failure.description)
        }
        guard isPublished, let setTime else { return (.starting, "loading the goal") }
        if current.isNone {
            return (.ready, "no goal is set: the policy is unconditioned. Give one in the manifest to ask for it.")
        }
        let parts =
            current.views.map { "\($0.camera) \($0.image.width)x\($0.image.height)" }
            + (current.text.map { ["\"\(Goal.title($0))\""] } ?? [])
        let seconds = Int((now - setTime).inSeconds)
        return (.ready, "\(current.name) (\(current.id)): \(parts.joined(separator: ", ")); set \(seconds) s ago")
    }
}
