/// What becomes of the gripper's number in an action.
package enum GripperRule: Equatable, Sendable, BitwiseCopyable {
    /// The number is the opening, cut to 0...1.
    case absolute
    /// Below `threshold` the gripper closes, else it opens fully.
    case binary(threshold: Double)
    /// Opens and closes as `binary`, but only after `steps` actions in a row that ask for the other state: one stray
    /// action drops nothing. The official evaluation's rule, with threshold 0.5 and 1 step (the official code, commit
    /// 241fb35, and the Bridge robot environment it drives).
    case sticky(threshold: Double, steps: Int)

    /// Whether the parameters make sense.
    package var isValid: Bool {
        switch self {
        case .absolute: true
        case .binary(let threshold): threshold.isFinite
        case .sticky(let threshold, let steps): threshold.isFinite && steps >= 1
        }
    }
}

/// Applies a `GripperRule` action by action. Pure; real-time safe.
///
/// The official environment opens the gripper at the start of each episode. Here there may be something in it, so the
/// latch starts as the gripper was found.
package struct GripperLatch: Equatable, Sendable, BitwiseCopyable {
    package let rule: GripperRule
    private var isOpen: Bool
    /// Actions in a row that asked for the other state.
    private var contrary = 0

    /// Begins open or closed, whichever the measured opening is nearer to.
    /// - Parameter opening: the measured opening, 0 closed ... 1 open.
    package init(rule: GripperRule, opening: Double) {
        precondition(rule.isValid, "a gripper's threshold is finite and it waits for at least one action")
        self.rule = rule
        isOpen = opening >= 0.5
    }

    /// The opening to go to, after one more action.
    /// - Parameter asked: the action's number, finite.
    package mutating func opening(for asked: Double) -> Double {
        switch rule {
        case .absolute: return min(max(asked, 0), 1)
        case .binary(let threshold): return asked < threshold ? 0 : 1
        case .sticky(let threshold, let steps):
            contrary = (asked >= threshold) != isOpen ? contrary + 1 : 0
            if contrary >= steps {
                isOpen.toggle()
                contrary = 0
            }
            return isOpen ? 1 : 0
        }
    }

    /// Starts anew from an opening that something else brought about.
    package mutating func restart(at opening: Double) {
        isOpen = opening >= 0.5
        contrary = 0
    }
}
