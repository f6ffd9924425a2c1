import Maths
import Time

/// One step of the policy under way: where it leads, and the cubic on which the reference goes there.
struct PolicyStep: Sendable, BitwiseCopyable {
    /// The way of the reference.
    let segment: HermiteSegment
    /// The commanded configuration and pose: what the next step accumulates on.
    let target: StepTarget
    /// The target of the step after it, as the chunks say now; nil beyond what they say.
    let following: StepTarget?
}

extension StepPlanner {
    /// Lays the cubic from `start` to the target of `action`, with the velocity there that suits the step after it.
    ///
    /// - Parameters:
    ///   - following: the action after it; nil when the reference is to come to rest.
    ///   - start: the end of the step before, or where the arm holds.
    ///   - commanded: the target of the step before.
    ///   - planned: the target of `action` where it is known already; nil to compute it.
    ///   - time: beginning of the step.
    func step(
        _ action: Action, then following: Action?, from start: JointMotion, after commanded: StepTarget,
        planned: StepTarget?, at time: MonotonicTime, lasting duration: Duration
    ) -> PolicyStep {
        let seconds = duration.inSeconds
        let target = planned ?? self.target(of: action, lasting: seconds, after: commanded)
        var end = JointMotion(at: target.positions)
        var next: StepTarget?
        if let following {
            let afterwards = self.target(of: following, lasting: seconds, after: target)
            let perSecond = 1 / seconds
            end.velocities = HermiteSegment.velocity(
                between: (target.positions - start.positions) * perSecond,
                and: (afterwards.positions - target.positions) * perSecond)
            next = afterwards
        }
        return PolicyStep(
            segment: HermiteSegment(start: time, duration: duration, from: start, to: end), target: target,
            following: next)
    }
}
