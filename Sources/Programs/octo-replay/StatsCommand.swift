import ArgumentParser
import Datasets
import Files
import NodeShell

/// Computes what Octo normalises with from recorded episodes.
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Compute dataset_statistics.json of episodes: mean, spread and quantiles of actions and states.",
        discussion: """
            As Octo's data loader has them for a dataset in Bridge's conventions: actions are the motion that was \
            reached until the next state, the gripper is made binary, and is not normalised. --as-commanded takes the \
            actions as they were commanded.

              octo-replay stats episodes/2026-01-31T12-00-00-robot --out dataset_statistics.json

            Exit codes: 0 computed, 1 no episode was left or the file cannot be written, 2 the input cannot be used.
            """)

    @OptionGroup var sampling: SamplingOptions

    @Option(help: ArgumentHelp("Write the statistics to this file; without it, print them.", valueName: "file"))
    var out: String?

    @Flag(help: "Take the actions as they were commanded, and every step.")
    var asCommanded = false

    func run() throws {
        var report = ExportReport()
        var trajectories: [Trajectory] = []
        try sampling.sampled(&report) { episode in
            let recorded = Trajectory(
                actions: episode.timesteps.map(\.action), proprio: episode.timesteps.map(\.state))
            trajectories.append(asCommanded ? recorded : try recorded.standardisedForBridge())
        }
        guard !trajectories.isEmpty else { throw WorkFailure("no episode is left. \(report.text)") }
        let mask = Array(repeating: true, count: 6) + [false]
        let text = try DatasetStatistics(of: trajectories, actionMask: mask).json.text(columns: 100) + "\n"
        guard let out else { return print(text, terminator: "") }
        try working { try FileSystem.replace(out, with: text) }
        note("\(report.text)\n\(out): statistics of \(trajectories.count) episodes")
    }
}
