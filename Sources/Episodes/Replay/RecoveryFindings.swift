import JSONTree
import MCAPFiles
import Time

/// Findings of mending an episode's file.
package struct RecoveryFindings {
    private let report: MCAPRecovery.Report
    private let path: String
    private let output: String

    package init(_ report: MCAPRecovery.Report, path: String, output: String) {
        self.report = report
        self.path = path
        self.output = output
    }

    /// Whether something that was in the file, or should have been, could not be read.
    package var isLossy: Bool { !report.wasWhole }

    private static func ranges(_ topic: MCAPRecovery.Report.Topic) -> [ClosedRange<UInt64>] {
        topic.missing.map { UInt64($0.lowerBound)...UInt64($0.upperBound) }
    }

    private static func missingCount(_ topic: MCAPRecovery.Report.Topic) -> UInt64 {
        topic.missing.reduce(0) { $0 + UInt64($1.count) }
    }

    package var text: String {
        var lines = [
            "\(output): \(report.messages) messages of \(report.topics.count) topics, "
                + "\(report.attachments) attachments, \(report.metadata) notes"
        ]
        if report.wasWhole {
            lines.append("nothing is lost: \(path) is whole")
        } else if report.damages.isEmpty && report.orphanMessages == 0 {
            lines.append("\(path) was cut between two records: what came after is lost, everything before it is here")
        }
        for damage in report.damages {
            let times =
                damage.times.map { " (messages of \(Self.seconds($0.lowerBound)) to \(Self.seconds($0.upperBound)) s)" }
                ?? ""
            lines.append(
                "damaged: bytes \(damage.bytes.lowerBound) to \(damage.bytes.upperBound)\(times): \(damage.problem)")
        }
        if report.orphanMessages > 0 {
            lines.append("\(report.orphanMessages) messages are of topics that are defined nowhere")
        }
        lines += table(
            [["TOPIC", "MESSAGES", "LOST BY INDEX", "MISSING", "SEQUENCE NUMBERS"]]
                + report.topics.map { topic in
                    [
                        topic.name, "\(topic.messages)", "\(topic.lost)", "\(Self.missingCount(topic))",
                        rangesText(Self.ranges(topic)),
                    ]
                }, rightmost: 0)
        return lines.joined(separator: "\n")
    }

    /// Seconds on the clock of the run, from nanoseconds.
    private static func seconds(_ time: UInt64) -> String { (Double(time) * 1e-9).decimals(3) }

    package var json: JSONNode {
        .object([
            "path": JSONNode(path), "output": JSONNode(output), "was_whole": JSONNode(.bool(report.wasWhole)),
            "messages": JSONNode(Int64(clamping: report.messages)),
            "lost_by_index": JSONNode(Int64(clamping: report.lost)),
            "orphan_messages": JSONNode(Int64(clamping: report.orphanMessages)),
            "attachments": JSONNode(report.attachments), "metadata": JSONNode(report.metadata),
            "damages": JSONNode(
                .array(
                    report.damages.map { damage in
                        .object([
                            "first_byte": JSONNode(Int64(clamping: damage.bytes.lowerBound)),
                            "end_byte": JSONNode(Int64(clamping: damage.bytes.upperBound)),
                            "problem": JSONNode(damage.problem.description),
                            "first_ns": damage.times.map { JSONNode(Int64(clamping: $0.lowerBound)) } ?? nil,
                            "last_ns": damage.times.map { JSONNode(Int64(clamping: $0.upperBound)) } ?? nil,
                        ])
                    })),
            "topics": JSONNode(
                .array(
                    report.topics.map { topic in
                        .object([
                            "name": JSONNode(topic.name), "messages": JSONNode(Int64(clamping: topic.messages)),
                            "lost_by_index": JSONNode(Int64(clamping: topic.lost)),
                            "missing": JSONNode(Int64(clamping: Self.missingCount(topic))),
                            "missing_sequences": JSONNode(
                                .array(
                                    Self.ranges(topic).map {
                                        [
                                            JSONNode(Int64(clamping: $0.lowerBound)),
                                            JSONNode(Int64(clamping: $0.upperBound)),
                                        ]
                                    })),
                            "restarts": JSONNode(topic.restarts),
                        ])
                    })),
        ])
    }
}
