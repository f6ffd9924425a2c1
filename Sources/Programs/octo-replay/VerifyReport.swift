import ArgumentParser
import JSONTree
import NodeShell
import Time
import Verification

/// Report on a verification, for people and programs.
struct VerifyReport {
    let path: String
    let arm: ArmVerification.Report?
    let policy: PolicyVerification.Report?
    let isEvaluation: Bool
    /// The time that the policy took.
    let duration: Duration
    /// The time of the episode's first message.
    let start: MonotonicTime
    /// The length of the episode.
    let recorded: Duration

    private var differs: Bool { arm?.difference != nil || policy.map { !$0.isIdentical } ?? false }
    private var isComplete: Bool { (arm?.unchecked ?? 0) == 0 && (policy?.isComplete ?? true) }

    /// Nothing differs, but not all could be checked.
    private static let incomplete = ExitCode(3)

    /// Exit code of the verification; nil for success.
    var exitCode: ExitCode? {
        if isEvaluation { return nil }
        return differs ? .failure : isComplete ? nil : Self.incomplete
    }

    private var verdict: String {
        if isEvaluation { return "evaluated" }
        return differs ? "DIFFERENT" : isComplete ? "identical" : "identical, as far as it could be checked"
    }

    var text: String {
        var lines = ["\(path): \(verdict)"]
        if let policy {
            lines.append(
                "  observations  \(policy.observations), of which \(policy.identicalObservations) made again alike"
                    + Self.also(policy.partlyKnownObservations, "alike as far as their history is in the file")
                    + Self.also(policy.uncheckedObservations, "not checked"))
            if let problem = policy.firstObservationProblem { lines.append("                \(problem)") }
            lines.append(
                "  chunks        \(policy.chunks), of which \(policy.identicalChunks) inferred again alike"
                    + Self.also(policy.uncheckedChunks, "not checked"))
            if let problem = policy.firstChunkProblem, !isEvaluation || policy.uncheckedChunks > 0 {
                lines.append("                \(problem)")
            }
            if duration > .zero {
                let speed = recorded.inSeconds / duration.inSeconds
                lines.append(
                    "                in \(duration.inSeconds.decimals(1)) s: \(speed.decimals(1)) x as fast as it was")
            }
        }
        if let arm {
            lines.append(
                "  setpoints     \(arm.compared + arm.unchecked), of which \(arm.identical) computed again alike"
                    + Self.also(arm.unchecked, "not checked"))
            if let obstacle = arm.obstacle { lines.append("                \(obstacle.words(since: start))") }
            if let difference = arm.difference {
                let chunk = difference.chunkID.map { ", chunk \($0)" } ?? ""
                lines.append(
                    "                first difference at \(difference.time.words(since: start))\(chunk): "
                        + "\(difference.what) is \(difference.logged), computed \(difference.computed)")
            }
        }
        if isEvaluation, let policy { lines += Self.table(policy.errors) }
        return lines.joined(separator: "\n")
    }

    private static func also(_ count: Int, _ what: String) -> String { count == 0 ? "" : ", \(count) \(what)" }

    /// Lays out a table. Rows: numbers of the action; columns: mean absolute, root mean square, largest; then the mean
    /// by step of the chunk.
    private static func table(_ errors: ActionErrors) -> [String] {
        func cell(_ number: Double) -> String {
            let text = number.decimals(4)
            return String(repeating: " ", count: max(1, 10 - text.count)) + text
        }
        let steps = errors.byStep.indices.map { "    step \($0)" }.joined()
        var lines = ["  error of the actions", "  number      mean       rms       max |mean at\(steps)"]
        for (element, sum) in errors.byElement.enumerated() {
            let bySteps = errors.byStep.map { element < $0.count ? cell($0[element].meanAbsolute) : cell(0) }.joined()
            let name = "  \(element)" + String(repeating: " ", count: max(1, 6 - "\(element)".count))
            lines.append(
                name + cell(sum.meanAbsolute) + cell(sum.rootMeanSquare) + cell(sum.maximum) + " |       " + bySteps)
        }
        return lines
    }

    static func csv(_ errors: ActionErrors) -> String {
        let header = "chunk," + errors.byElement.indices.map { "error_\($0)" }.joined(separator: ",")
        let rows = errors.firstActions.enumerated().map { index, row in
            "\(index)," + row.map { "\($0)" }.joined(separator: ",")
        }
        return ([header] + rows).joined(separator: "\n") + "\n"
    }

    var json: JSONNode {
        var members: [JSONNode.Member] = [
            .init(key: "episode", value: JSONNode(path)), .init(key: "verdict", value: JSONNode(verdict)),
            .init(key: "identical", value: JSONNode(.bool(!differs))),
            .init(key: "complete", value: JSONNode(.bool(isComplete))),
        ]
        if let policy {
            members += [
                .init(
                    key: "observations",
                    value: .object([
                        "count": JSONNode(policy.observations), "identical": JSONNode(policy.identicalObservations),
                        "partly_known": JSONNode(policy.partlyKnownObservations),
                        "unchecked": JSONNode(policy.uncheckedObservations),
                        "first_problem": JSONNode(policy.firstObservationProblem ?? ""),
                    ])),
                .init(
                    key: "chunks",
                    value: .object([
                        "count": JSONNode(policy.chunks), "identical": JSONNode(policy.identicalChunks),
                        "unchecked": JSONNode(policy.uncheckedChunks),
                        "first_problem": JSONNode(policy.firstChunkProblem ?? ""),
                    ])),
                .init(
                    key: "action_error",
                    value: JSONNode(
                        .array(
                            policy.errors.byElement.map { sum in
                                .object([
                                    "mean_absolute": JSONNode(number: sum.meanAbsolute),
                                    "root_mean_square": JSONNode(number: sum.rootMeanSquare),
                                    "maximum": JSONNode(number: sum.maximum),
                                ])
                            }))),
                .init(key: "seconds", value: JSONNode(number: duration.inSeconds)),
                .init(key: "recorded_seconds", value: JSONNode(number: recorded.inSeconds)),
            ]
        }
        if let arm {
            members.append(
                .init(
                    key: "setpoints",
                    value: .object([
                        "count": JSONNode(arm.compared + arm.unchecked), "identical": JSONNode(arm.identical),
                        "unchecked": JSONNode(arm.unchecked),
                        "first_difference": JSONNode(
                            arm.difference.map { "\($0.what) at \($0.time.words(since: start))" } ?? ""),
                        "obstacle": JSONNode(arm.obstacle?.words(since: start) ?? ""),
                    ])))
        }
        return JSONNode(.object(members))
    }
}
