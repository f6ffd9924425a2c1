import Maths
import Time

/// Watches a world that runs: whether its task is done, and how long that took. The world says so, not its pictures.
package struct TaskWatch: Equatable, Sendable {
    /// How far the task has got.
    package enum Progress: Equatable, Sendable {
        /// The arm has not moved yet.
        case notBegun
        case underWay
        /// The task was done, and stayed so for `confirmation`; counted from the arm's first motion.
        case reached(after: Duration)
    }

    /// How long a task has to stay done: two steps of a policy at 5 Hz, as octo-eval has it.
    package static let confirmation = Duration.milliseconds(400)
    /// Metres that the tool point goes before that counts as motion.
    private static let motion = 0.005

    package private(set) var progress = Progress.notBegun
    private var firstPlace: Vector3?
    /// Time at which the arm began to move; nil before.
    package private(set) var begin: MonotonicTime?
    private var doneSince: MonotonicTime?

    package init() {}

    /// Takes the state of the world at one moment.
    /// - Parameters:
    ///   - tool: place of the tool point, metres.
    ///   - isDone: whether the task is done at this moment.
    ///   - now: time of this moment, not before the last call's.
    package mutating func see(tool: Vector3, isDone: Bool, at now: MonotonicTime) {
        if case .reached = progress { return }
        let first = firstPlace ?? tool
        firstPlace = first
        if begin == nil, (tool - first).length > Self.motion { begin = now }
        guard let begin else { return }
        progress = .underWay
        guard isDone else { return doneSince = nil }
        let since = doneSince ?? now
        doneSince = since
        if now - since >= Self.confirmation { progress = .reached(after: since - begin) }
    }
}
