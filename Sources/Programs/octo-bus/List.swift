import ArgumentParser
import Bus
import Time

extension OctoBus {
    /// What is published, by whom, how often.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the topics that are published now.")

        @OptionGroup var place: RunOptions
        @Option(help: "Seconds to listen.")
        var seconds = 1.0

        func validate() throws {
            guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds must be between 0 and 3600.") }
        }

        func run() throws {
            let onlooker = try Onlooker.joining(place.folder)
            var meters: [String: TopicMeter] = [:]
            try onlooker.observe(prefix: "") { message in
                meters[message.topic, default: TopicMeter()].record(
                    message.envelope, byteCount: message.byteCount, received: message.receivedTime)
            }
            try onlooker.listen(until: .now() + .fromSeconds(seconds))
            let rows = meters.sorted { $0.key < $1.key }.map { topic, meter in
                [
                    topic, meter.schema, meter.publisher, String(meter.count),
                    meter.interval.map { $0.hertz.decimals(1) } ?? "-",
                ]
            }
            show(table([["TOPIC", "SCHEMA", "PUBLISHER", "COUNT", "HZ"]] + rows))
            if rows.isEmpty { note("heard nothing in \(seconds) s; the nodes may still be starting: see their log") }
        }
    }
}

/// Rows with their columns under one another, the last two to the right.
func table(_ rows: [[String]]) -> String {
    guard let first = rows.first else { return "" }
    let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        row.indices.map { column in
            let padding = String(repeating: " ", count: widths[column] - row[column].count)
            return column >= row.count - 2 ? padding + row[column] : row[column] + padding
        }.joined(separator: "  ")
    }.joined(separator: "\n")
}
