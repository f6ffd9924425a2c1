/// The part of a goal with pictures and a sentence that the policy is given. Octo was trained with one of them at a
/// time.
package enum GoalUse: String, CaseIterable, Sendable {
    case images
    case both
}
