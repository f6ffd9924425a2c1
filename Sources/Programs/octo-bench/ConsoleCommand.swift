import ArgumentParser
import Foundation
import JSONTree
import NodeShell
import Time

/// Measures what a console costs, and how old its pictures are.
struct ConsoleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract:
            "CPU of the console, age of its pictures, and what it costs the run, with viewers and without by turns.",
        discussion: """
            Starts a robot with two cameras of 640x480 at 30 Hz, the policy of launch/policies/table at 5 Hz, a \
            simulated arm at 100 Hz and a console. Each viewer is a WebSocket of this program that takes all pictures, \
            so what viewers cost is in "with". The bus beside them is this program as a subscriber of the cameras. A \
            picture that is drawn carries its number in black and white; a real page is looked at, frame by frame, for \
            when it shows which.
            """)

    @Option(help: "Look with so many viewers.")
    var viewers = 2

    @Option(help: "Measure each turn for so many seconds.")
    var seconds = 10.0

    @Option(help: "Take so many turns without viewers, and as many with.")
    var turns = 4

    @Option(help: "Show the page in this Chromium; none: in no browser.")
    var browser = "chromium"

    @OptionGroup var json: JSONFlag

    func validate() throws {
        guard (1...32).contains(viewers) else { throw ValidationError("--viewers: give 1 to 32.") }
        guard seconds >= 2, seconds <= 3_600 else { throw ValidationError("--seconds: give 2 to 3600.") }
        guard (1...100).contains(turns) else { throw ValidationError("--turns: give 1 to 100.") }
    }

    func run() throws {
        let result = try working { try measure() }
        print(json.isWanted ? result.json.text() : result.text)
    }

    private func measure() throws -> ConsoleBenchmarkResult {
        let run = try ConsoleRun()
        defer { run.end() }
        try run.waitUntilReady()
        var result = ConsoleBenchmarkResult(
            viewers: viewers, pictureBytes: run.pictureBytes, without: [], with: [], drawn: nil, drawnMissing: nil)
        for turn in 0..<(2 * turns) {
            // Who goes first changes: what the machine does besides then hits both alike.
            if turn.isMultiple(of: 2) == (turn / 2).isMultiple(of: 2) {
                result.without.append(try run.measure(seconds: seconds))
            } else {
                let looking = try (0..<viewers).map { _ in
                    try ConsoleViewer(port: run.port, cameras: ConsolePictures.cameras)
                }
                result.with.append(try run.measure(seconds: seconds, viewers: looking))
            }
        }
        guard browser != "none" else { return result }
        guard let program = ConsoleBrowser.find(browser) else {
            result.drawnMissing = "skipped, no \(browser) in PATH"
            return result
        }
        do {
            result.drawn = try DrawnPictures.measure(run, program: program, seconds: seconds)
        } catch {
            // What was measured so far is told all the same.
            result.drawnMissing = "failed, \(error)"
        }
        return result
    }
}

/// What the benchmark found: phases without viewers and with them.
struct ConsoleBenchmarkResult {
    var viewers: Int
    var pictureBytes: Int
    var without: [ConsolePhase]
    var with: [ConsolePhase]
    var drawn: DrawnPictures?
    /// Why there is no `drawn`, if it was wanted.
    var drawnMissing: String?

    /// Share of a core, per cent.
    private func share(_ phases: [ConsolePhase]) -> Double {
        100 * phases.reduce(0) { $0 + $1.processorSeconds } / max(phases.reduce(0) { $0 + $1.seconds }, 1e-9)
    }

    private func jitter(_ phases: [ConsolePhase]) -> Quantiles {
        var all = LatencyHistogram()
        for phase in phases { all.add(phase.jitter) }
        return Self.quantiles(phases: all)
    }

    /// Microseconds.
    private static func quantiles(phases all: LatencyHistogram) -> Quantiles {
        Quantiles(p50: all.quantile(0.5).inMilliseconds * 1_000, p99: all.quantile(0.99).inMilliseconds * 1_000)
    }

    private func all(_ values: KeyPath<ConsolePhase, [Double]>, of phases: [ConsolePhase]) -> Quantiles? {
        let values = phases.flatMap { $0[keyPath: values] }
        return values.isEmpty ? nil : Quantiles(values)
    }

    /// Pictures of one camera that one viewer got in a second.
    private var picturesPerSecond: Double {
        let seconds = with.reduce(0) { $0 + $1.seconds }
        let count = with.reduce(0) { $0 + $1.atViewers.count }
        return Double(count) / max(seconds, 1e-9) / Double(viewers * ConsolePictures.cameras.count)
    }
    private var dropped: Int { with.reduce(0) { $0 + $1.droppedPictures } }

    var text: String {
        func cell(_ text: String) -> String { String(repeating: " ", count: max(0, 20 - text.count)) + text }
        func row(_ label: String, _ cells: [String]) -> String {
            "  " + label.padding(toLength: 38, withPad: " ", startingAt: 0) + cells.map(cell).joined()
        }
        func both(_ label: String, _ a: Quantiles?, _ b: Quantiles?) -> String {
            guard let a, let b else { return row(label, ["none", "none"]) }
            return row(label, [a.text, b.text, String(format: "%.2f / %.2f", b.p50 / a.p50, b.p99 / a.p99)])
        }
        func medians(_ phases: [ConsolePhase], _ value: (ConsolePhase) -> Double?) -> String {
            phases.compactMap(value).map { String(format: "%.1f", $0) }.joined(separator: " ")
        }
        let chunk = { (phase: ConsolePhase) in phase.frameToChunk.isEmpty ? nil : Quantiles(phase.frameToChunk).p50 }
        let loop = { (phase: ConsolePhase) in phase.ticks == 0 ? nil : Self.quantiles(phases: phase.jitter).p50 }
        var lines = [
            String(
                format:
                    "Console, two cameras of 640x480 at 30 Hz, pictures of %d kB; %d turns without and with %d viewers",
                pictureBytes / 1_000, with.count, viewers),
            row("", ["without", "with", "with / without"]),
            row(
                "CPU of octo-console, % of a core",
                [String(format: "%.1f", share(without)), String(format: "%.1f", share(with))]),
            both(
                "frame to chunk, ms p50 / p99", all(\.frameToChunk, of: without), all(\.frameToChunk, of: with)),
            "    medians of the turns: without \(medians(without, chunk)), with \(medians(with, chunk))",
            both("control loop late by, us p50 / p99", jitter(without), jitter(with)),
            "    medians of the turns: without \(medians(without, loop)), with \(medians(with, loop))",
            row(
                "overruns",
                [without, with].map { phases in
                    "\(phases.reduce(0) { $0 + $1.overruns }) in \(phases.reduce(0) { $0 + $1.ticks })"
                }),
            both("capture to the bus, ms p50 / p99", all(\.overBus, of: without), all(\.overBus, of: with)),
            row("capture to a viewer, ms p50 / p99", ["", all(\.atViewers, of: with)?.text ?? "none"]),
            row("  pictures a second, each camera", ["", String(format: "%.1f", picturesPerSecond)]),
            row("  pictures left out", ["", "\(dropped)"]),
        ]
        if let drawn {
            lines.append(
                row("capture to drawn, ms p50 / p99", ["", Quantiles(drawn.ages).text]) + "  " + drawn.browser)
            lines.append(row("  pictures a second, primary camera", ["", String(format: "%.1f", drawn.perSecond)]))
        } else if let drawnMissing {
            lines.append("  capture to drawn: \(drawnMissing)")
        }
        return lines.joined(separator: "\n")
    }

    var json: JSONNode {
        func node(_ quantiles: Quantiles?) -> JSONNode {
            guard let quantiles else { return nil }
            return .object(["p50": JSONNode(number: quantiles.p50), "p99": JSONNode(number: quantiles.p99)])
        }
        func side(_ phases: [ConsolePhase]) -> JSONNode {
            .object([
                "seconds": JSONNode(number: phases.reduce(0) { $0 + $1.seconds }),
                "cpu_percent_of_core": JSONNode(number: share(phases)),
                "frame_to_chunk_ms": node(all(\.frameToChunk, of: phases)),
                "loop_lateness_us": node(jitter(phases)),
                "ticks": JSONNode(phases.reduce(0) { $0 + $1.ticks }),
                "overruns": JSONNode(phases.reduce(0) { $0 + $1.overruns }),
                "capture_to_bus_ms": node(all(\.overBus, of: phases)),
            ])
        }
        return .object([
            "viewers": JSONNode(viewers), "picture_bytes": JSONNode(pictureBytes), "turns": JSONNode(with.count),
            "without": side(without), "with": side(with),
            "capture_to_viewer_ms": node(all(\.atViewers, of: with)),
            "pictures_per_second": JSONNode(number: picturesPerSecond), "pictures_left_out": JSONNode(dropped),
            "capture_to_drawn_ms": node(drawn.map { Quantiles($0.ages) }),
            "drawn_per_second": drawn.map { JSONNode(number: $0.perSecond) } ?? nil,
            "browser": (drawn?.browser ?? drawnMissing).map { JSONNode($0) } ?? nil,
        ])
    }
}
