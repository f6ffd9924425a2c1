import ArgumentParser
import CShims
import Evaluation
import NodeShell
import Time

/// Runs the trials that have no result yet, and keeps what comes of them.
struct TrialRun {
    private(set) var results: [TrialResult] = []
    /// Time that passed in the world of the trials that were run now, seconds.
    private(set) var simulatedSeconds = 0.0
    /// The time that these trials took.
    private(set) var elapsed = Duration.zero
    private(set) var count = 0
    /// Trials that were left undone because somebody asked for the end.
    private(set) var undone = 0

    /// Runs the trials that have no result yet, until all are done or somebody asks for the end.
    /// - Parameters:
    ///   - file: file of results; nil keeps nothing.
    ///   - each: called after each trial that is run now.
    init(
        _ trials: [Trial], bench: inout TrialBench, file: ResultFile?, rate: Rate,
        each: (TrialResult, TrialBench) throws -> Void = { _, _ in }
    ) throws {
        var log = file?.log ?? ResultLog()
        let missing = log.missing(of: trials)
        if missing.count < trials.count {
            note(
                "\(trials.count - missing.count) of \(trials.count) episodes are in the results already; "
                    + "\(missing.count) are run."
            )
        }
        let signals = octo_signal_fd()
        let begin = MonotonicTime.now()
        let progress = ProgressLine(total: missing.count, of: "episodes", at: begin)
        for (index, trial) in missing.enumerated() {
            guard octo_signal_read(signals) == 0 else {
                undone = missing.count - index
                break
            }
            let result = try bench.run(trial)
            log.add(result)
            try file?.add(result)
            simulatedSeconds += Double(result.run?.outcome.timesteps ?? 0) * rate.periodSeconds
            try each(result, bench)
            let known = log.results(of: trials)
            progress.show(index + 1, note: "\(known.count(where: \.isSuccess)) of \(known.count) succeeded", at: .now())
        }
        progress.end()
        count = missing.count - undone
        elapsed = MonotonicTime.now() - begin
        results = log.results(of: trials)
        if undone > 0 {
            note(
                "stopped: \(undone) of \(trials.count) episodes were not run; what follows is of the others. "
                    + (file == nil ? "--results keeps them for a later call." : "The same command runs the rest."))
        }
        if !results.contains(where: { $0.run != nil }), let reason = results.first?.refusal {
            throw EvaluationError.nothingRan(reason)
        }
    }

    /// Ends the program with `ExitCode.interrupted` if trials were left undone.
    /// - Throws: `ExitCode.interrupted` if somebody asked for the end.
    func exitIfStopped() throws { if undone > 0 { throw ExitCode.interrupted } }

    /// How fast it went, for people; nil where nothing was run.
    var speed: String? {
        guard count > 0 else { return nil }
        let seconds = max(elapsed.inSeconds, 1e-9)
        return "speed   \((simulatedSeconds / seconds).decimals(1)) times real time, "
            + "\((60 * Double(count) / seconds).decimals(1)) episodes a minute"
    }
}
