import ArgumentParser
import JSONTree
import NodeShell
import Recording
import Replay
import Time

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show what is in episodes: topics, gaps, latencies, outcome.",
        discussion: """
            SENT is what the nodes say that they sent, by their messages' numbers and their own counters; TAKEN is \
            what came to the recorder; IN FILE is what was found by reading. Where they differ, a line below says why. \
            LONGEST GAP is the longest time between two messages, as the recorder had them.

              octo-replay info episodes/today/grasp.mcap
              octo-replay info last                       the newest one below episodes
              octo-replay info episodes/today --short     one line for each episode of a session

            Exit codes: 0, or 2 where something is no episode.
            """)

    @Argument(
        help: ArgumentHelp("Files, or folders of sessions; 'last' is the newest below episodes.", valueName: "episode"))
    var episodes: [EpisodeArgument]

    @Flag(help: "Print one line for each episode.")
    var short = false

    @Flag(help: "Print one JSON object for each episode, on a line of its own.")
    var json = false

    func validate() throws {
        if short, json { throw ValidationError("--short and --json are two forms: give one of them.") }
    }

    func run() throws {
        let files = try EpisodePaths.files(episodes.map(\.path))
        var summaries: [EpisodeSummary] = []
        let start = MonotonicTime.now()
        for (index, path) in files.enumerated() {
            let progress = ProgressLine(total: files.count, of: "episodes", at: start)
            let summary = try EpisodeSummary(of: EpisodeFile(path: path)) { messages in
                progress.show(index, note: "\(messages) messages of \(path)", at: .now())
            }
            progress.end()
            if json {
                print(summary.json.text())
            } else if short {
                summaries.append(summary)
            } else {
                print((index > 0 ? "\n" : "") + summary.text)
            }
        }
        if short { print(EpisodeSummary.rows(of: summaries).joined(separator: "\n")) }
    }
}
