import ClosedLoop
import JSONTree
import Simulation
import Time

/// What came of an evaluation, as table, JSON and CSV.
struct EvaluationReport {
    let policy: String
    let task: ManipulationTask.Kind
    let rows: [EpisodeRow]
    let policyRate: Rate
    /// Real time that it took.
    let elapsed: Duration

    private var summary: EvaluationSummary { EvaluationSummary(rows.map(\.outcome)) }
    /// Seconds that passed in the world.
    private var simulatedSeconds: Double {
        rows.reduce(0) { $0 + Double($1.outcome.timesteps) * policyRate.periodSeconds }
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    private var meanTime: Double? { Self.mean(rows.compactMap(\.outcome.secondsToSuccess)) }
    private var meanPath: Double { Self.mean(rows.map(\.outcome.pathLength)) ?? 0 }
    private var meanJerk: Double { Self.mean(rows.map(\.outcome.jerk)) ?? 0 }
    private var clamped: Int { rows.reduce(0) { $0 + $1.outcome.clampedSteps } }
    private var holds: Int { rows.reduce(0) { $0 + $1.outcome.safetyHolds } }

    private static func rounded(_ value: Double, _ digits: Double = 100) -> Double { (value * digits).rounded() / digits }

    var text: String {
        let interval = summary.interval
        let percent = { (value: Double) in "\(Self.rounded(100 * value, 10)) %" }
        let lines = [
            ("policy", policy), ("task", task.rawValue),
            ("success", "\(summary.successes) of \(summary.episodes), \(percent(summary.rate))"),
            ("95 % interval", "\(percent(interval.lowerBound)) to \(percent(interval.upperBound)) (Wilson)"),
            ("time to success", meanTime.map { "\(Self.rounded($0)) s, mean" } ?? "-"),
            ("path of the tool", "\(Self.rounded(meanPath)) m, mean"),
            ("jerk", "\(Self.rounded(meanJerk, 10)) m/s³, mean of the root mean squares"),
            ("safety", "\(clamped) steps cut short, \(holds) holds"),
            (
                "speed", "\(Self.rounded(simulatedSeconds / max(elapsed.inSeconds, 1e-9), 10)) times real time, "
                    + "\(Self.rounded(60 * Double(rows.count) / max(elapsed.inSeconds, 1e-9), 10)) episodes a minute"
            ),
        ]
        return lines.map { $0.0.padded(to: 18) + $0.1 }.joined(separator: "\n")
    }

    var tree: JSONNode {
        .object([
            "policy": JSONNode(policy), "task": JSONNode(task.rawValue), "episodes": JSONNode(summary.episodes),
            "successes": JSONNode(summary.successes), "success_rate": JSONNode(number: summary.rate),
            "interval_lower": JSONNode(number: summary.interval.lowerBound),
            "interval_upper": JSONNode(number: summary.interval.upperBound),
            "mean_time_to_success_s": meanTime.map { JSONNode(number: $0) } ?? nil,
            "mean_path_m": JSONNode(number: meanPath), "mean_jerk_m_s3": JSONNode(number: meanJerk),
            "clamped_steps": JSONNode(clamped), "safety_holds": JSONNode(holds),
            "simulated_s": JSONNode(number: simulatedSeconds), "elapsed_s": JSONNode(number: elapsed.inSeconds),
            "rows": JSONNode(
                .array(
                    rows.map { row in
                        .object([
                            "seed": JSONNode(Int64(truncatingIfNeeded: row.seed)), "success": JSONNode(.bool(row.outcome.isSuccess)),
                            "time_to_success_s": row.outcome.secondsToSuccess.map { JSONNode(number: $0) } ?? nil,
                            "timesteps": JSONNode(row.outcome.timesteps), "path_m": JSONNode(number: row.outcome.pathLength),
                            "jerk_m_s3": JSONNode(number: row.outcome.jerk),
                            "clamped_steps": JSONNode(row.outcome.clampedSteps),
                            "safety_holds": JSONNode(row.outcome.safetyHolds), "chunks": JSONNode(row.outcome.chunks),
                        ])
                    })),
        ])
    }

    var csv: String {
        let header = "seed,success,time_to_success_s,timesteps,path_m,jerk_m_s3,clamped_steps,safety_holds,chunks\n"
        return rows.reduce(into: header) { text, row in
            let outcome = row.outcome
            text +=
                "\(row.seed),\(outcome.isSuccess),\(outcome.secondsToSuccess.map { "\($0)" } ?? ""),\(outcome.timesteps),"
                + "\(outcome.pathLength),\(outcome.jerk),\(outcome.clampedSteps),\(outcome.safetyHolds),\(outcome.chunks)\n"
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
