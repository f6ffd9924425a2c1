import Messages
import Time

/// The goal that a run begins with, as its manifest says it.
package enum FirstGoal: Equatable, Sendable {
    /// A goal of the library, by its name there.
    case library(String)
    /// Files, a frame of an episode, a sentence, or none.
    case source(GoalSource)
}

extension GoalNodeCore {
    /// Loads the goal that the run begins with and sets it, once its images are known to have their cameras' sizes.
    /// - Parameter frames: sizes of the frames of cameras that can tell them before they are opened; others are not
    ///   compared.
    /// - Throws: `GoalError` when it cannot be loaded or has another size; no goal is set then, and the run must not
    ///   begin.
    package mutating func begin(
        with first: FirstGoal, frames: [AnnouncedFrames], store: some GoalStore, at now: MonotonicTime
    ) throws(GoalError) -> [Output] {
        let goal: Goal
        var record: GoalRecord?
        switch first {
        case .library(let name):
            do throws(GoalLibraryError) {
                let loaded = try store.load(name)
                goal = loaded.goal(folder: store.path(of: name))
                record = loaded
            } catch {
                throw .library(error)
            }
        case .source(let source): goal = try store.load(source)
        }
        for camera in frames { try goal.requireSize(of: camera) }
        return set(goal, record: record, by: "the manifest", at: now)
    }
}
