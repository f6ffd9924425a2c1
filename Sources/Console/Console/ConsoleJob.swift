import JSONTree

/// A longer piece of work that a page asked for: one of our own programs that runs for it.
package struct ConsoleJob: Equatable, Sendable {
    /// What is done. The raw values are those of the page.
    package enum Kind: String, CaseIterable, Sendable {
        /// Ranks the library's goals by how they fit the present scene.
        case rank
        /// Finds out whether the policy listens to a goal.
        case probe
        /// Computes an episode's decisions again.
        case verify
        /// Writes an episode as a data set.
        case export
        /// Makes a goal of a moment of an episode.
        case fromEpisode = "from_episode"

        /// Exit codes that come with a result, which may be a bad one: different, deaf, a goal that cannot be read.
        var codesWithResult: Set<Int32> {
            switch self {
            case .rank: [0, 1]
            case .probe: [0, 3, 4]
            case .verify: [0, 1, 3]
            case .export, .fromEpisode: [0]
            }
        }
    }
    /// How far it is.
    package enum State: String, Sendable {
        case running, done, failed
    }

    /// Counts from 1.
    package let id: Int
    package let kind: Kind
    /// What it is about: a goal's name, an episode's id; empty for a whole library.
    package let subject: String
    package internal(set) var state = State.running
    /// The last thing that its program said, in words.
    package internal(set) var progress = ""
    /// What came out; nil until it is done.
    package internal(set) var result: JSONNode?
    /// Exit code of the program; nil while it runs, and where it had none: it was killed, or did not start.
    package internal(set) var exitCode: Int32?

    /// The job as the page gets it.
    package var json: JSONNode {
        .object([
            "id": JSONNode(id), "kind": JSONNode(kind.rawValue), "subject": JSONNode(subject),
            "state": JSONNode(state.rawValue), "progress": JSONNode(progress), "result": result ?? nil,
            "exit_code": exitCode.map { JSONNode(Int($0)) } ?? nil,
        ])
    }
}
