import ClosedLoop
import JSONTree
import Time

/// Findings of an evaluation, a row for each task, object and goal.
package struct TrialTable: Equatable, Sendable {
    /// One row.
    package struct Row: Equatable, Sendable {
        package let kind: Trial.Kind
        /// Results in the order of the plan.
        package let results: [TrialResult]

        package var runs: [TrialResult.Run] { results.compactMap(\.run) }
        package var summary: EvaluationSummary { EvaluationSummary(runs.map(\.outcome)) }
        /// Mean time of the successes until success, seconds; nil without any.
        package var meanTime: Double? { Self.mean(runs.compactMap(\.outcome.secondsToSuccess)) }
        /// Mean path of the tool point, metres; nil without runs.
        package var meanPath: Double? { Self.mean(runs.map(\.outcome.pathLength)) }
        /// Mean of the runs' jerk, metres per second cubed; nil without runs.
        package var meanJerk: Double? { Self.mean(runs.map(\.outcome.jerk)) }
        package var clampedSteps: Int { runs.reduce(0) { $0 + $1.outcome.clampedSteps } }
        package var safetyHolds: Int { runs.reduce(0) { $0 + $1.outcome.safetyHolds } }
        /// How often the arm went for the right object, a wrong one, none; nil where there is one object only.
        package var touched: [TouchedObject: Int]? {
            let found = runs.compactMap(\.touched)
            return found.isEmpty ? nil : Dictionary(grouping: found) { $0 }.mapValues(\.count)
        }
        /// The episodes whose goal shows something else than what they are judged by: success there is none of the
        /// goal's.
        package var otherAim: EvaluationSummary? {
            let others = runs.filter { $0.isSameAim == false }
            return others.isEmpty ? nil : EvaluationSummary(others.map(\.outcome))
        }
        package var failedSeeds: [UInt64] { results.filter { $0.run != nil && !$0.isSuccess }.map(\.trial.seed) }

        private static func mean(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
    }

    package let policy: String
    package let rows: [Row]

    /// Makes the table of one policy's results.
    /// - Parameter results: results in the order in which rows and episodes are to stand.
    package init(policy: String, _ results: [TrialResult]) {
        self.policy = policy
        var kinds: [Trial.Kind] = []
        for result in results where !kinds.contains(result.trial.kind) { kinds.append(result.trial.kind) }
        rows = kinds.map { kind in Row(kind: kind, results: results.filter { $0.trial.kind == kind }) }
    }

    // MARK: Text

    package var text: String {
        let heads = [
            "TASK", "OBJECT", "GOAL", "SUCCESS", "", "95 % (WILSON)", "TIME", "PATH", "JERK", "CUT", "HOLDS",
            "RIGHT/WRONG/NONE",
            "OTHER AIM",
        ]
        var lines = ["policy  \(policy)", ""]
        lines += TextTable.lines([heads] + rows.map(\.cells))
        lines.append("")
        lines += Self.legend.map { "  " + $0 }
        for row in rows { lines += row.remarks }
        return lines.joined(separator: "\n")
    }

    private static let legend = [
        "TIME to success, PATH of the tool: means. JERK: mean of the root mean squares, m/s³. CUT: steps that a limit "
            + "cut short.",
        "RIGHT/WRONG/NONE: which object was moved, or for reach approached. OTHER AIM: successes where doing what",
        "the goal shows would be no success here: these the goal did not bring about.",
    ]

    // MARK: JSON

    package var tree: JSONNode { .object(["policy": JSONNode(policy), "table": JSONNode(.array(rows.map(\.tree)))]) }

    // MARK: CSV

    package var csv: String {
        let header =
            "task,object,goal,seed,goal_seed,success,time_to_success_s,timesteps,path_m,jerk_m_s3,clamped_steps,"
            + "safety_holds,chunks,touched,same_aim,refused\n"
        return rows.flatMap(\.results).reduce(into: header) { text, result in
            let trial = result.trial
            var fields = [
                trial.task.rawValue, trial.object, trial.goal.text, "\(trial.seed)",
                "\(result.run?.goalSeed ?? trial.seed)",
            ]
            if let run = result.run {
                let outcome = run.outcome
                fields += [
                    "\(outcome.isSuccess)", outcome.secondsToSuccess.map { "\($0)" } ?? "", "\(outcome.timesteps)",
                    "\(outcome.pathLength)", "\(outcome.jerk)", "\(outcome.clampedSteps)", "\(outcome.safetyHolds)",
                    "\(outcome.chunks)", run.touched?.rawValue ?? "", run.isSameAim.map { "\($0)" } ?? "", "",
                ]
            } else {
                fields += Array(repeating: "", count: 10) + [result.refusal ?? ""]
            }
            text += fields.map(Self.quoted).joined(separator: ",") + "\n"
        }
    }

    /// Quotes a field as RFC 4180 says.
    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" }) else { return field }
        return "\"" + field.reduce(into: "") { $0 += $1 == "\"" ? "\"\"" : String($1) } + "\""
    }
}

extension TrialTable.Row {
    fileprivate var cells: [String] {
        let summary = summary
        let names = [kind.task.rawValue, kind.object, kind.goal.text]
        guard summary.episodes > 0 else { return names + ["none ran"] }
        let counts = touched.map { counts in TouchedObject.allCases.map { "\(counts[$0] ?? 0)" }.joined(separator: "/")
        }
        return names + [
            "\(summary.successes)/\(summary.episodes)", "\((100 * summary.rate).decimals(0)) %",
            summary.interval.percentText,
            meanTime.map { "\($0.decimals(1)) s" } ?? "-", meanPath.map { "\($0.decimals(2)) m" } ?? "-",
            meanJerk?.decimals(1) ?? "-", "\(clampedSteps)", "\(safetyHolds)", counts ?? "-",
            otherAim.map { "\($0.successes)/\($0.episodes)" } ?? "-",
        ]
    }

    /// Remarks on which episodes failed, and which could not be run.
    fileprivate var remarks: [String] {
        let name = "\(kind.task.rawValue) \(kind.object), goal \(kind.goal.text)"
        var lines: [String] = []
        if !failedSeeds.isEmpty {
            lines.append("\(name): failed: seed \(failedSeeds.map { "\($0)" }.joined(separator: " "))")
        }
        for result in results {
            if let reason = result.refusal { lines.append("\(name): seed \(result.trial.seed) was not run: \(reason)") }
        }
        return lines
    }

    fileprivate var tree: JSONNode {
        func number(_ value: Double?) -> JSONNode { value.map { JSONNode(number: $0) } ?? nil }
        let summary = summary
        return .object([
            "task": JSONNode(kind.task.rawValue), "object": JSONNode(kind.object), "goal": JSONNode(kind.goal.text),
            "episodes": JSONNode(summary.episodes), "successes": JSONNode(summary.successes),
            "success_rate": number(summary.rate), "interval_lower": number(summary.interval.lowerBound),
            "interval_upper": number(summary.interval.upperBound), "mean_time_to_success_s": number(meanTime),
            "mean_path_m": number(meanPath), "mean_jerk_m_s3": number(meanJerk),
            "clamped_steps": JSONNode(clampedSteps), "safety_holds": JSONNode(safetyHolds),
            "touched": touched.map { counts in
                JSONNode(
                    .object(TouchedObject.allCases.map { .init(key: $0.rawValue, value: JSONNode(counts[$0] ?? 0)) }))
            } ?? nil,
            "other_aim": otherAim.map {
                .object(["episodes": JSONNode($0.episodes), "successes": JSONNode($0.successes)])
            } ?? nil,
            "failed_seeds": JSONNode(.array(failedSeeds.map { JSONNode(seed: $0) })),
            "refused": JSONNode(.array(results.filter { $0.refusal != nil }.map(\.tree))),
            "rows": JSONNode(.array(results.filter { $0.run != nil }.map(\.tree))),
        ])
    }
}

extension ClosedRange<Double> {
    /// A share's interval, for people.
    var percentText: String { "\((100 * lowerBound).decimals(0)) to \((100 * upperBound).decimals(0)) %" }
}
