import Messages
import Time

/// What is known of an episode whose recorder ended before it did.
package struct FormerEpisode: Equatable, Sendable {
    package var name: String
    package var startTime: MonotonicTime
    /// The beginning for people: "2026-01-31T12-00-00".
    package var wallTime: String
    package var outcome: EpisodeState.Outcome
    package var notes: [String]
    package var messages: Int64

    /// Makes it from what the episode's file says.
    /// - Parameter facts: facts of the episode's file (`EpisodeFile.facts`).
    package init(name: String, facts: [String: String], messages: Int64) {
        self.name = name
        self.messages = messages
        startTime = MonotonicTime(nanoseconds: facts["start_ns"].flatMap { Int64($0) } ?? 0)
        wallTime = facts["wall_start"] ?? ""
        outcome = EpisodeState.Outcome.allCases.first { "\($0)" == facts["outcome"] } ?? .open
        notes = facts["notes"].map { $0.split(separator: "\n").map(String.init) } ?? []
    }
}
