import Simulation

/// The goal image that an episode's policy gets. The episode is always judged by its own task.
package enum GoalChoice: Hashable, Sendable {
    /// The episode's own scene after the expert has solved its own task there.
    case own
    /// The episode's own scene after the expert has solved another task, or the same with another object.
    case other(ManipulationTask.Kind, object: String)
    /// The scene of another episode after the expert has solved the same task there.
    case shuffled
    /// Black pictures, the size of the cameras'.
    case black
    /// A picture of the primary camera from a file, or from a folder one for each camera (`primary.png`, `wrist.png`).
    case file(String)

    /// A text that names no choice.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        let found: String

        package var description: String {
            "'\(found)' names no goal, expected task, shuffled, black, file:PATH or TASK:OBJECT "
                + "(\(GoalChoice.example))."
        }
    }
    private static let example = "push:block"

    /// Reads what `text` writes.
    package init(parsing text: String) throws(Problem) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count) {
        case ("task", 1): self = .own
        case ("shuffled", 1): self = .shuffled
        case ("black", 1): self = .black
        case ("file", 2) where !parts[1].isEmpty: self = .file(parts[1])
        case (let name, 2):
            guard let kind = ManipulationTask.Kind(rawValue: name), !parts[1].isEmpty else {
                throw Problem(found: text)
            }
            self = .other(kind, object: parts[1])
        default: throw Problem(found: text)
        }
    }

    /// The choice as the command line has it.
    package var text: String {
        switch self {
        case .own: "task"
        case .other(let kind, let object): "\(kind.rawValue):\(object)"
        case .shuffled: "shuffled"
        case .black: "black"
        case .file(let path): "file:\(path)"
        }
    }
}
