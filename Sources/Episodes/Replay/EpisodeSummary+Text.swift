import JSONTree
import Messages
import Time

extension EpisodeSummary {
    /// Lays out a line for each episode: name, outcome, length, what is missing, goal.
    package static func rows(of summaries: [EpisodeSummary]) -> [String] {
        let head = ["EPISODE", "OUTCOME", "FILE", "GOAL", "SECONDS", "MESSAGES", "MISSING", "SIZE"]
        return table(
            [head]
                + summaries.map {
                    [
                        $0.name, $0.outcome ?? "-", $0.condition,
                        $0.goals.isEmpty ? "-" : $0.goals.joined(separator: ", "),
                        $0.duration.inSeconds.decimals(1), "\($0.messages)", "\($0.missing)", byteText($0.bytes),
                    ]
                }, rightmost: 4)
    }

    /// Condition of the file: "whole", "being recorded", "cut", "recovered", "damaged".
    package var condition: String {
        if isRecovered { return "recovered" }
        if isBeingRecorded { return "being recorded" }
        if !isFinished { return "cut" }
        return problems.isEmpty ? "whole" : "damaged"
    }

    /// The summary for people, several lines.
    package var text: String {
        func seconds(_ time: MonotonicTime) -> String { (time - start).inSeconds.decimals(2) }
        var lines = ["\(name)   \(path)"]
        func fact(_ name: String, _ value: String) {
            lines.append(name + String(repeating: " ", count: max(1, 15 - name.count)) + value)
        }
        fact("outcome", (outcome ?? "not said") + (isAmended ? " (amended afterwards)" : ""))
        for note in notes.split(separator: "\n") { fact("note", String(note)) }
        fact("goal", goals.isEmpty ? "none" : goals.joined(separator: ", then "))
        fact("began", wallStart.isEmpty ? "not said" : wallStart)
        fact("duration", "\(duration.inSeconds.decimals(2)) s, \(messages) messages")
        fact(
            "interventions",
            interventions.isEmpty
                ? (drivenByHand > .zero && drivenByPolicy == .zero
                    ? "none: no policy drove that a hand could take over from" : "none")
                : interventions.map { "\(seconds($0.lowerBound)) to \(seconds($0.upperBound)) s" }.joined(
                    separator: ", "))
        let (byHand, byPolicy) = (drivenByHand.inSeconds, drivenByPolicy.inSeconds)
        fact(
            "driven",
            byHand == 0 && byPolicy == 0
                ? "by nobody"
                : [(byPolicy, "by the policy"), (byHand, "by hand")].filter { $0.0 > 0 }
                    .map { "\($0.0.decimals(1)) s \($0.1)" }.joined(separator: ", "))
        fact("file", fileText)
        for problem in problems { fact("problem", problem) }
        if !attachments.isEmpty { fact("attached", attachments.joined(separator: ", ")) }
        lines.append("")
        lines += table(
            [["TOPIC", "TYPE", "SENT", "TAKEN", "IN FILE", "HZ", "LONGEST GAP"]]
                + topics.map { topic in
                    [
                        topic.name, topic.schema, topic.account.map { "\($0.sent)" } ?? "-",
                        topic.account?.taken.map { "\($0)" } ?? "-", "\(topic.count)",
                        topic.hertz.map { $0.decimals(1) } ?? "-",
                        topic.count > 1
                            ? "\(topic.longestGap.inMilliseconds.decimals(1)) ms at \(seconds(topic.longestGapStart)) s"
                            : "-",
                    ]
                }, rightmost: 5)
        for account in accounts { if let difference = account.difference { lines.append(difference) } }
        for topic in topics where topic.missingCount > 0 {
            lines.append("missing of \(topic.name): \(rangesText(topic.missing))")
        }
        let unproven = topics.filter { !$0.isProven }
        if !unproven.isEmpty {
            lines.append(
                "without the recorder's proof: "
                    + "\(unproven.count == topics.count ? "all topics" : unproven.map(\.name).joined(separator: ", "))"
            )
        }
        return (lines + latencyLines).joined(separator: "\n")
    }

    /// Accounts of all topics, also of those of which nothing is in the file.
    private var accounts: [TopicAccount] { topics.compactMap(\.account) + unrecorded }

    private var fileText: String {
        let sizes = compressions.map { compression in
            "\(compression.chunks) chunks \(compression.name.isEmpty ? "uncompressed" : compression.name), "
                + "\(byteText(compression.compressed)) of \(byteText(compression.uncompressed))"
        }
        let advice =
            switch condition {
            case "cut": "; 'octo-replay recover' makes a whole one of it"
            case "being recorded": "; this is what is in it so far"
            default: ""
            }
        return ([condition, byteText(bytes)] + sizes).joined(separator: ", ") + advice
    }

    private var latencyLines: [String] {
        guard latencies.chunks > 0 || !latencies.outcomes.isEmpty else { return [] }
        func milliseconds(_ duration: Duration) -> String { duration.inMilliseconds.decimals(1) }
        let rows = latencies.rows.map { name, quantiles in
            guard let quantiles else { return [name, "0", "-", "-", "-", "-"] }
            return [
                name, "\(quantiles.count)", milliseconds(quantiles.p50), milliseconds(quantiles.p95),
                milliseconds(quantiles.p99), milliseconds(quantiles.maximum),
            ]
        }
        let outcomes = ChunkReport.Outcome.allCases.compactMap { outcome in
            latencies.outcomes[outcome].map { "\($0) \(outcome.words)" }
        }
        return [""] + table([["LATENCY, MS", "CHUNKS", "P50", "P95", "P99", "MAX"]] + rows, rightmost: 5)
            + ["chunks: \(latencies.chunks)" + (outcomes.isEmpty ? "" : "; " + outcomes.joined(separator: ", "))]
    }

    /// The summary for programs. Times within the episode are seconds after its start.
    package var json: JSONNode {
        func seconds(_ time: MonotonicTime) -> JSONNode { JSONNode(number: (time - start).inSeconds) }
        func numbers(_ ranges: [ClosedRange<UInt64>]) -> JSONNode {
            JSONNode(
                .array(
                    ranges.map { [JSONNode(Int64(clamping: $0.lowerBound)), JSONNode(Int64(clamping: $0.upperBound))] })
            )
        }
        return .object([
            "path": JSONNode(path), "name": JSONNode(name), "outcome": outcome.map { JSONNode($0) } ?? nil,
            "is_amended": JSONNode(.bool(isAmended)),
            "notes": JSONNode(.array(notes.split(separator: "\n").map { JSONNode(String($0)) })),
            "goals": JSONNode(.array(goals.map { JSONNode($0) })), "wall_start": JSONNode(wallStart),
            "start_ns": JSONNode(start.nanoseconds), "end_ns": JSONNode(end.nanoseconds),
            "duration_s": JSONNode(number: duration.inSeconds),
            "interventions_s": JSONNode(
                .array(interventions.map { [seconds($0.lowerBound), seconds($0.upperBound)] })),
            "driven_by_policy_s": JSONNode(number: drivenByPolicy.inSeconds),
            "driven_by_hand_s": JSONNode(number: drivenByHand.inSeconds), "condition": JSONNode(condition),
            "is_finished": JSONNode(.bool(isFinished)),
            "is_recovered": JSONNode(.bool(isRecovered)),
            "problems": JSONNode(.array(problems.map { JSONNode($0) })),
            "attachments": JSONNode(.array(attachments.map { JSONNode($0) })),
            "bytes": JSONNode(Int64(clamping: bytes)),
            "compression": JSONNode(
                .array(
                    compressions.map {
                        .object([
                            "name": JSONNode($0.name), "chunks": JSONNode($0.chunks),
                            "compressed_bytes": JSONNode(Int64(clamping: $0.compressed)),
                            "uncompressed_bytes": JSONNode(Int64(clamping: $0.uncompressed)),
                        ])
                    })),
            "messages": JSONNode(Int64(clamping: messages)), "missing": JSONNode(Int64(clamping: missing)),
            "topics": JSONNode(
                .array(
                    topics.map { topic in
                        .object([
                            "name": JSONNode(topic.name), "schema": JSONNode(topic.schema),
                            "messages": JSONNode(Int64(clamping: topic.count)),
                            "bytes": JSONNode(Int64(clamping: topic.bytes)),
                            "hz": topic.hertz.map { JSONNode(number: $0) } ?? nil,
                            "first_s": seconds(topic.first), "last_s": seconds(topic.last),
                            "longest_gap_s": JSONNode(number: topic.longestGap.inSeconds),
                            "longest_gap_at_s": seconds(topic.longestGapStart),
                            "missing": JSONNode(Int64(clamping: topic.missingCount)),
                            "missing_sequences": numbers(topic.missing), "instances": JSONNode(topic.instances),
                            "sent": topic.account.map { JSONNode(Int64(clamping: $0.sent)) } ?? nil,
                            "taken": topic.account?.taken.map { JSONNode(Int64(clamping: $0)) } ?? nil,
                            "difference": topic.account?.difference.map { JSONNode($0) } ?? nil,
                            "is_proven": JSONNode(.bool(topic.isProven)),
                        ])
                    })),
            "unrecorded": JSONNode(
                .array(
                    unrecorded.map {
                        .object([
                            "name": JSONNode($0.topic), "sent": JSONNode(Int64(clamping: $0.sent)),
                            "difference": $0.difference.map { JSONNode($0) } ?? nil,
                        ])
                    })),
            "latencies": JSONNode(
                .object(latencies.rows.map { .init(key: Self.key($0.name), value: Self.json($0.quantiles)) })),
            "chunks": JSONNode(latencies.chunks),
            "chunk_outcomes": JSONNode(
                .object(
                    ChunkReport.Outcome.allCases.compactMap { outcome in
                        latencies.outcomes[outcome].map { .init(key: "\(outcome)", value: JSONNode($0)) }
                    })),
        ])
    }

    private static func key(_ name: String) -> String { name.split(separator: " ").joined(separator: "_") }

    private static func json(_ quantiles: EpisodeLatencies.Quantiles?) -> JSONNode {
        guard let quantiles else { return nil }
        return .object([
            "count": JSONNode(quantiles.count), "p50_s": JSONNode(number: quantiles.p50.inSeconds),
            "p95_s": JSONNode(number: quantiles.p95.inSeconds), "p99_s": JSONNode(number: quantiles.p99.inSeconds),
            "max_s": JSONNode(number: quantiles.maximum.inSeconds),
        ])
    }
}

extension ChunkReport.Outcome {
    /// The outcome in words, for people.
    package var words: String {
        switch self {
        case .executed: "executed"
        case .superseded: "superseded by a newer one"
        case .tooLate: "too late"
        case .rejected: "rejected"
        case .interrupted: "interrupted by a hold"
        }
    }
}
