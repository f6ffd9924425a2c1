import ArgumentParser
import Bus
import NodeShell
import Time

extension OctoBus {
    /// Lists what is published, by whom, how often.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the topics that are published now.")

        @OptionGroup var runOption: RunOption
        @Option(help: ArgumentHelp("Listen so long.", valueName: "seconds"))
        var seconds = 1.0

        func validate() throws {
            guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds must be between 0 and 3600.") }
        }

        func run() throws {
            let onlooker = try Onlooker(runOption.load())
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
            let lines = table([["TOPIC", "SCHEMA", "PUBLISHER", "COUNT", "HZ"]] + rows, rightmost: 2)
            Terminal.say(lines.joined(separator: "\n"))
            if rows.isEmpty { note("heard nothing in \(seconds) s; the nodes may still be starting: see their log") }
        }
    }
}
