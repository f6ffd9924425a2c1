import Messages
import OctoModel

/// The numbers of the task that the checkpoint's image encoder reads (FiLM): those of the manifest, which a goal may
/// replace.
package struct TaskNumbers: Equatable, Sendable {
    /// Vectors that the checkpoint reads; empty for most.
    package let vectors: [ModelDescription.TaskVector]
    /// The manifest's numbers, by key.
    package let given: [String: [Float]]

    /// The rules of a checkpoint that reads none.
    package init() {
        vectors = []
        given = [:]
    }

    /// Makes the rules of a checkpoint that another machine has loaded.
    package init(vectors: [ModelDescription.TaskVector], given: [String: [Float]]) {
        self.vectors = vectors
        self.given = given
    }

    /// Chooses the numbers that a checkpoint reads among those that are given.
    /// - Parameters:
    ///   - given: the manifest's numbers by key; those that the checkpoint does not read are left out.
    ///   - isComplete: whether what is missing cannot come with a goal.
    /// - Throws: `PolicyEngineError.missingTaskNumbers`, `.wrongTaskNumbers`.
    package init(
        of model: ModelDescription, given: [String: [Double]], isComplete: Bool = true
    ) throws(PolicyEngineError) {
        var numbers: [String: [Float]] = [:]
        for vector in model.taskVectors {
            guard let values = given[vector.key] else {
                guard !isComplete else { throw .missingTaskNumbers(key: vector.key, count: vector.count) }
                continue
            }
            guard values.count == vector.count else {
                throw .wrongTaskNumbers(key: vector.key, found: values.count, expected: vector.count)
            }
            numbers[vector.key] = values.map { Float($0) }
        }
        vectors = model.taskVectors
        self.given = numbers
    }

    /// Why the policy cannot go for a goal; nil when it can. No goal needs none: they are zeros then, as in the
    /// official code.
    func problem(with goal: Goal) -> String? {
        guard !goal.isNone else { return nil }
        for vector in vectors {
            if let found = goal.taskNumbers[vector.key]?.count {
                guard found != vector.count else { continue }
                return
                    "goal '\(goal.name)' brings \(found) numbers as '\(vector.key)', the checkpoint's image encoder "
                    + "reads "
                    + "\(vector.count) (task_film_keys). Take the goal with --numbers and that many."
            }
            if given[vector.key] == nil {
                return
                    "goal '\(goal.name)' brings no numbers of the task as '\(vector.key)', of which the checkpoint's "
                    + "image "
                    + "encoder reads \(vector.count) (task_film_keys). Take it with --numbers \(vector.key)=..., or "
                    + "set policy.task_numbers.\(vector.key)."
            }
        }
        return nil
    }
}
