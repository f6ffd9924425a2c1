import Messages
import Time

/// What the fit of the goal decides.
package struct GoalFitRules: Equatable, Sendable {
    /// The worst verdict with which the arm may begin; nil: any, and none at all.
    package var required: GoalFit.Verdict?
    /// Whether a fit that turns red while the arm moves makes it hold.
    package var pausesOnDrift: Bool

    package init(required: GoalFit.Verdict?, pausesOnDrift: Bool) {
        self.required = required
        self.pausesOnDrift = pausesOnDrift
    }

    package static let none = GoalFitRules(required: nil, pausesOnDrift: false)
}

/// Decides whether the fit of the goal lets the policy move the arm.
///
/// A goal begins when the first request is made for it. Until then the fit has to be as good as required; from then on
/// only red counts, and it counts until it is no longer red.
struct GoalFitGate: Sendable {
    /// A verdict that is older says nothing about the scene.
    static let oldestFit = Duration.seconds(3)

    private let rules: GoalFitRules
    private var goalID = ""
    private var hasPictures = false
    private var hasBegun = false
    private var fit: GoalFit?
    private var fitTime = MonotonicTime.zero

    init(_ rules: GoalFitRules) { self.rules = rules }

    /// A goal is set, perhaps the same.
    mutating func receive(_ goal: Goal) {
        if goal.id != goalID {
            hasBegun = false
            // A verdict on this goal may have come before the goal.
            if fit?.goalID != goal.id { fit = nil }
        }
        goalID = goal.id
        hasPictures = !goal.views.isEmpty
    }

    mutating func receive(_ fit: GoalFit, at now: MonotonicTime) {
        self.fit = fit
        fitTime = now
    }

    /// A request is made for the goal.
    mutating func begin() { hasBegun = true }

    /// Why the policy has to hold; nil when it may go on.
    func hindrance(at now: MonotonicTime) -> String? {
        // A sentence cannot be laid over a picture.
        guard hasPictures else { return nil }
        let known = fit.flatMap { $0.goalID == goalID && now - fitTime <= Self.oldestFit ? $0 : nil }
        if hasBegun {
            guard rules.pausesOnDrift else { return nil }
            guard let known else { return "paused: the goal's fit is not known any more. Does the goal node run?" }
            guard known.verdict >= .red else { return nil }
            return "paused: the goal does not fit the scene any more: \(Self.words(known))"
        }
        guard let required = rules.required else { return nil }
        guard let known else { return "waiting for the goal's fit" }
        guard known.verdict > required else { return nil }
        return "the goal's fit is \(known.verdict), policy.require_goal_fit is \(required): \(Self.words(known))"
    }

    /// What a person should know although the policy goes on.
    func warning(at now: MonotonicTime) -> String? {
        guard hasPictures, let fit, fit.goalID == goalID, now - fitTime <= Self.oldestFit, fit.verdict == .red else {
            return nil
        }
        return "the goal does not fit the scene: \(Self.words(fit))"
    }

    private static func words(_ fit: GoalFit) -> String {
        fit.reasons.isEmpty ? "no reason is known" : fit.reasons.joined(separator: "; ")
    }
}
