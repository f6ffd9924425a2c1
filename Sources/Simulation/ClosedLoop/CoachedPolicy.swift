import Kinematics
import Messages
import Simulation
import Time

/// A learner drives, the expert says at every step what it would do; from some step on the expert drives, and ends the
/// task.
///
/// What is recorded so shows the way back from where this learner gets to by itself. Source: Ross, Gordon, Bagnell: A
/// reduction of imitation learning and structured prediction to no-regret online learning (DAgger), 2011.
package struct CoachedPolicy<Learner: EpisodePolicy>: EpisodePolicy {
    /// How far from the expert's a step of the learner's may be so that the next one is still what could be foreseen:
    /// metres and radians, along each axis.
    private static var tolerance: (metres: Double, radians: Double) { (0.006, 0.08) }

    private var expert: ExpertPolicy
    private var learner: Learner
    private let handover: Int
    private var isLearning = true
    private var isAstray = false
    /// Whether the arm carried out something else in the step before the last than the expert wanted.
    package private(set) var wentAstray = false

    /// Makes a policy in which `learner` drives first.
    /// - Parameters:
    ///   - learner: the policy that drives at first.
    ///   - handover: the policy step from which the expert drives.
    package init(_ expert: ExpertPolicy, learner: Learner, handover: Int) {
        self.expert = expert
        self.learner = learner
        self.handover = handover
    }

    package var isFinished: Bool { expert.isFinished }
    package var endsAtSuccess: Bool { false }
    /// What the expert asked for at the last policy step: an action of Bridge's kind.
    package var lastAction: [Double] { expert.lastAction }

    package mutating func see(_ moment: EpisodeMoment) {
        wentAstray = isAstray
        isAstray = false
        isLearning = moment.timestep < handover
        expert.see(moment)
        if isLearning { learner.see(moment) }
    }

    package mutating func feel(_ arm: ArmState) { learner.feel(arm) }

    /// The next chunk: the learner's while it drives, then the expert's.
    /// - Throws: what the learner throws.
    package mutating func decide(at now: MonotonicTime) throws -> ActionChunk? {
        // What the expert has ready is said, if not done.
        let wanted = expert.decide(at: now)
        guard isLearning else { return wanted }
        guard let driven = try learner.decide(at: now) else { return nil }
        let off = zip(driven.actions.prefix(7), expert.lastAction).map { abs(Double($0) - $1) }
        isAstray =
            off[..<3].contains { $0 > Self.tolerance.metres } || off[3..<6].contains { $0 > Self.tolerance.radians }
            || off[6] > 0.5
        return driven
    }
}
