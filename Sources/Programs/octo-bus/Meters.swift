import ArgumentParser
import Bus
import NodeShell
import Time

/// The option that says of how many messages figures are.
struct WindowOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Take the figures of so many of the most recent messages.", valueName: "messages"))
    var window = 10_000

    func validate() throws {
        guard (2...1_000_000).contains(window) else { throw ValidationError("--window must be between 2 and 1000000.") }
    }
}

/// Prints a line every second, and once more at the end. While nothing comes that is said once, instead of figures that
/// are old.
private func measure(
    _ options: TopicOptions, _ window: WindowOptions, line: @escaping (TopicMeter) -> String?
) throws {
    let onlooker = try Onlooker(options.runOption.load())
    var meter = TopicMeter(window: window.window)
    var silence = TopicSilence()
    func report() {
        let now = MonotonicTime.now()
        if silence.isNews(at: now) {
            note("nothing came on '\(options.topic)' for \(TopicSilence.limit.inSeconds.decimals(0)) s; waiting")
        }
        guard !silence.lasts(at: now) || onlooker.isInterrupted, meter.count > 0 else { return }
        Terminal.say(line(meter) ?? "one message so far")
    }
    try onlooker.follow(
        options,
        onMessage: {
            meter.record($0.envelope, byteCount: $0.byteCount, received: $0.receivedTime)
            silence.receive(at: $0.receivedTime)
        },
        every: .seconds(1), report: report)
    if meter.missing > 0 {
        note("\(meter.missing) of \(meter.count + meter.missing) messages were lost on the way here")
    }
}

extension OctoBus {
    /// Measures how regularly messages arrive.
    struct Hertz: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "hz", abstract: "Measure the rate of a topic, and how steady it is.")
        @OptionGroup var options: TopicOptions
        @OptionGroup var window: WindowOptions

        func run() throws {
            try measure(options, window) { meter in
                meter.interval.map {
                    "\($0.hertz.decimals(2)) Hz, interval min \($0.minimum.inMilliseconds.decimals(2)) ms, "
                        + "max \($0.maximum.inMilliseconds.decimals(2)) ms, "
                        + "std \($0.standardDeviation.inMilliseconds.decimals(2)) ms, \(meter.count) messages"
                }
            }
        }
    }

    /// Measures how many bytes arrive.
    struct Bandwidth: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "bw", abstract: "Measure the bytes per second of a topic.")
        @OptionGroup var options: TopicOptions
        @OptionGroup var window: WindowOptions

        func run() throws {
            try measure(options, window) { meter in
                meter.bandwidth.map {
                    "\(($0.bytesPerSecond / 1e6).decimals(3)) MB/s, message mean \($0.meanBytes.decimals(0)) bytes, "
                        + "min \($0.smallestBytes), max \($0.largestBytes), \(meter.count) messages"
                }
            }
        }
    }

    /// Measures how old messages are when they arrive.
    struct Delay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measure the age of a topic's messages on arrival, since publishing and since capture.")
        @OptionGroup var options: TopicOptions
        @OptionGroup var window: WindowOptions

        func run() throws {
            func text(_ name: String, _ delay: TopicMeter.Quantiles) -> String {
                "\(name) p50 \(delay.p50.inMilliseconds.decimals(3)) ms, p99 \(delay.p99.inMilliseconds.decimals(3)) "
                    + "ms, max \(delay.maximum.inMilliseconds.decimals(3)) ms"
            }
            try measure(options, window) { meter in
                meter.delaySincePublish.map { published in
                    text("since publishing:", published)
                        + (meter.delaySinceCapture.map { text("; since capture:", $0) } ?? "")
                        + ", \(meter.count) messages"
                }
            }
        }
    }
}
