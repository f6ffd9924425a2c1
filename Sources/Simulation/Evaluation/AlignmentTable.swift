import ClosedLoop
import JSONTree
import SceneFit
import Simulation
import Time

/// Findings of an alignment study: success as a function of the distance between goal and scene, an axis after the
/// other.
package struct AlignmentTable: Equatable, Sendable {
    /// One axis' curve.
    package struct Curve: Equatable, Sendable {
        package let axis: GoalAxis
        package let rows: [Row]
        package let limits: Result<FitLimits, FitLimits.Silence>
    }

    /// One distance.
    package struct Row: Equatable, Sendable {
        package let value: Double
        package let summary: EvaluationSummary
        /// Numbers of scenes that succeed with the goal as it should be and not with this one, and the other way round.
        package let lost: Int
        package let won: Int
        /// Counts of the scene fit's verdicts on this goal; empty where nobody asked.
        package let verdicts: [SceneFit.Verdict: Int]
        /// Means over the scenes; nil where nobody asked.
        package let fit: FitReading?
        package let refusals: [String]
    }

    package let policy: String
    package let task: ManipulationTask.Kind
    package let object: String
    package let curves: [Curve]

    /// Makes the table of one policy, task and object.
    /// - Parameter results: results of the trials of one `AlignmentPlan`, in any order.
    package init(
        policy: String, task: ManipulationTask.Kind, object: String, axes: [GoalAxis], _ results: [TrialResult]
    ) {
        self.policy = policy
        self.task = task
        self.object = object
        let plain = results.filter { $0.trial.change == .none }
        let before = Dictionary(plain.map { ($0.trial.seed, $0.isSuccess) }) { first, _ in first }
        curves = axes.map { axis in
            let rows = ([0] + axis.values).map { value in
                Row(value, results.filter { $0.trial.change == GoalChange(axis, value) }, before: before)
            }
            let points = rows.map {
                FitLimits.Point(value: $0.value, successes: $0.summary.successes, episodes: $0.summary.episodes)
            }
            let limits = Result<FitLimits, FitLimits.Silence> { () throws(FitLimits.Silence) in
                try FitLimits(points, isSwitch: axis.isSwitch)
            }
            return Curve(axis: axis, rows: rows, limits: limits)
        }
    }

    // MARK: Text

    package var text: String {
        var lines = ["policy  \(policy)", "task    \(task.rawValue) \(object)"]
        for curve in curves {
            lines += ["", "\(curve.axis.rawValue): \(curve.axis.words), \(curve.axis.unit)"]
            let heads = ["VALUE", "SUCCESS", "", "95 % (WILSON)", "LOST/WON", "FIT GREEN/AMBER/RED", "NOT RUN"]
            lines += TextTable.lines([heads] + curve.rows.map(\.cells)).map { "  " + $0 }
            lines.append("  " + curve.verdict)
        }
        lines.append("")
        lines += Self.legend
        return lines.joined(separator: "\n")
    }

    private static let legend = [
        "LOST/WON: scenes that succeed with the goal as it should be and not with this one, and the other way round.",
        "FIT: what the scene fit's present limits say of the goal. The age of a goal has no effect by itself: a "
            + "policy sees pixels.",
    ]

    // MARK: JSON

    package var tree: JSONNode {
        .object([
            "policy": JSONNode(policy), "task": JSONNode(task.rawValue), "object": JSONNode(object),
            "axes": JSONNode(.array(curves.map(\.tree))),
        ])
    }

    /// The limits alone: the content of `goal_fit.json`.
    ///
    /// For each axis either `amber` and `red` in its `unit` (null: success did not fall so far up to `measured_to`), or
    /// for a switch its `verdict`, or why the limits are `unknown`.
    package var fitFile: JSONNode {
        .object([
            "goal_fit": 1, "policy": JSONNode(policy), "task": JSONNode(task.rawValue), "object": JSONNode(object),
            "rule": .object([
                "amber_share": JSONNode(number: FitLimits.amberShare),
                "red_share": JSONNode(number: FitLimits.redShare),
            ]),
            "limits": JSONNode(.array(curves.map(\.limitTree))),
        ])
    }
}

extension AlignmentTable.Row {
    fileprivate init(_ value: Double, _ results: [TrialResult], before: [UInt64: Bool]) {
        let ran = results.filter { $0.run != nil }
        self.value = value
        summary = EvaluationSummary(ran.compactMap { $0.run?.outcome })
        lost = ran.count { before[$0.trial.seed] == true && !$0.isSuccess }
        won = ran.count { before[$0.trial.seed] == false && $0.isSuccess }
        let readings = ran.compactMap { $0.run?.fit }
        verdicts = Dictionary(grouping: readings, by: \.verdict).mapValues(\.count)
        fit = FitReading(meanOf: readings)
        refusals = results.compactMap { result in result.refusal.map { "seed \(result.trial.seed): \($0)" } }
    }

    fileprivate var cells: [String] {
        let name = JSONNode(number: value).text()
        let counts =
            verdicts.isEmpty ? "-" : SceneFit.Verdict.allCases.map { "\(verdicts[$0] ?? 0)" }.joined(separator: "/")
        let missing = refusals.isEmpty ? "" : "\(refusals.count)"
        guard summary.episodes > 0 else { return [name, "-", "", "", "", counts, missing] }
        return [
            name, "\(summary.successes)/\(summary.episodes)", "\((100 * summary.rate).decimals(0)) %",
            summary.interval.percentText, "\(lost)/\(won)", counts, missing,
        ]
    }

    fileprivate var tree: JSONNode {
        .object([
            "value": JSONNode(number: value), "episodes": JSONNode(summary.episodes),
            "successes": JSONNode(summary.successes), "success_rate": JSONNode(number: summary.rate),
            "interval_lower": JSONNode(number: summary.interval.lowerBound),
            "interval_upper": JSONNode(number: summary.interval.upperBound), "lost": JSONNode(lost),
            "won": JSONNode(won),
            "fit_verdicts": JSONNode(
                .object(SceneFit.Verdict.allCases.map { .init(key: $0.rawValue, value: JSONNode(verdicts[$0] ?? 0)) })),
            "fit_mean": fit?.tree ?? nil, "refused": JSONNode(.array(refusals.map { JSONNode($0) })),
        ])
    }
}

extension AlignmentTable.Curve {
    /// Sentence for what the rule made of the curve.
    package var verdict: String {
        switch limits {
        case .failure(let silence): return "no limits: \(silence)"
        case .success(let limits):
            if axis.isSwitch { return "a goal like this is \(limits.switchVerdict.rawValue)" }
            func words(_ limit: Double?) -> String {
                limit.map { "from \($0.decimals(1))" } ?? "not up to \(limits.measuredTo.decimals(0))"
            }
            return "amber \(words(limits.amber)), red \(words(limits.red))"
        }
    }

    fileprivate var tree: JSONNode {
        .object([
            "axis": JSONNode(axis.rawValue), "words": JSONNode(axis.words), "unit": JSONNode(axis.unit),
            "rows": JSONNode(.array(rows.map(\.tree))), "limits": limitTree,
        ])
    }

    fileprivate var limitTree: JSONNode {
        func number(_ value: Double?) -> JSONNode { value.map { JSONNode(number: ($0 * 1e4).rounded() / 1e4) } ?? nil }
        let name = JSONNode(axis.rawValue)
        switch limits {
        case .failure(let silence): return .object(["axis": name, "unknown": JSONNode("\(silence)")])
        case .success(let limits):
            if axis.isSwitch { return .object(["axis": name, "verdict": JSONNode(limits.switchVerdict.rawValue)]) }
            var members: [JSONNode.Member] = [
                .init(key: "axis", value: name), .init(key: "unit", value: JSONNode(axis.unit)),
                .init(key: "amber", value: number(limits.amber)), .init(key: "red", value: number(limits.red)),
                .init(key: "measured_to", value: number(limits.measuredTo)),
            ]
            if axis == .darker || axis == .brighter, let end = brightnessRead(at: limits.measuredTo) {
                func read(_ limit: Double?) -> JSONNode { number(limit.flatMap { brightnessRead(at: $0) }) }
                let score: [JSONNode.Member] = [
                    .init(key: "amber", value: read(limits.amber)), .init(key: "red", value: read(limits.red)),
                    .init(key: "measured_to", value: number(end)),
                ]
                members.append(.init(key: "score", value: JSONNode(.object(score))))
            }
            return JSONNode(.object(members))
        }
    }

    /// How much of 1 brighter or darker the fit finds the live picture, on a straight line between the measured
    /// distances; a lamp that is a tenth darker darkens the picture by less.
    private func brightnessRead(at value: Double) -> Double? {
        let known = rows.compactMap { row in row.fit.map { (value: row.value, read: abs($0.brightness - 1)) } }
        guard let next = known.firstIndex(where: { $0.value >= value }) else { return nil }
        guard next > 0 else { return known[next].read }
        let (before, after) = (known[next - 1], known[next])
        return before.read + (value - before.value) / (after.value - before.value) * (after.read - before.read)
    }
}

extension FitLimits {
    /// The verdict on a switch that is on.
    fileprivate var switchVerdict: SceneFit.Verdict { red != nil ? .red : amber != nil ? .amber : .green }
}

extension FitReading {
    /// Takes the mean of readings, nil for none; the verdict is the worst.
    fileprivate init?(meanOf readings: [FitReading]) {
        guard let worst = readings.map(\.verdict).max() else { return nil }
        func mean(_ value: (FitReading) -> Double) -> Double {
            readings.reduce(0) { $0 + value($1) } / Double(readings.count)
        }
        self.init(
            verdict: worst, shift: mean(\.shift), rotation: mean(\.rotation), scale: mean(\.scale),
            brightness: mean(\.brightness), agreement: mean(\.agreement))
    }
}
