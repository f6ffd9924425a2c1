import Drawing
import JSONTree
import Maths
import Messages
import Recording
import Time
import Wire

/// A drawing of where the arm was told to go and where it went, over the time of an episode.
package struct EpisodePlot {
    /// The moment at which a chunk took over.
    package struct Seam: Equatable, Sendable {
        /// Time from the start until the chunk's first setpoint was with the driver, or else its report recorded,
        /// seconds.
        package var time: Double
        package var chunk: UInt64
        package var outcome: ChunkReport.Outcome
    }

    private struct Sample {
        var time: Double
        var state: ArmState
    }

    package let name: String
    /// Length of the episode, seconds.
    package let duration: Double
    package private(set) var seams: [Seam] = []
    /// Interventions, seconds after the start.
    package private(set) var interventions: [ClosedRange<Double>] = []
    private var samples: [Sample] = []
    private var frameToChunk: [(time: Double, value: Double)] = []
    private var frameToSetpoint: [(time: Double, value: Double)] = []
    private let joints: [String]

    private static let size = (width: 1200.0, left: 70.0, right: 24.0, panel: 104.0, gap: 34.0, top: 96.0, bottom: 40.0)
    private static let (told, was) = ("#d2691e", "#1f5fa8")

    /// Reads the whole episode.
    /// - Throws: `EpisodePlotError` without states of the arm; `EpisodeFileError`.
    package init(of file: EpisodeFile, progress: (Int) -> Void = { _ in }) throws {
        let summary = try EpisodeSummary(of: file, progress: progress)
        let start = summary.start
        name = summary.name
        duration = max(summary.duration.inSeconds, 1e-3)
        interventions = summary.interventions.map {
            ($0.lowerBound - start).inSeconds...($0.upperBound - start).inSeconds
        }
        for (state, _) in try file.messages(of: Topics.armState) {
            guard state.measured.positions.count == state.setpoint.positions.count else { continue }
            samples.append(Sample(time: (state.measured.time - start).inSeconds, state: state))
        }
        guard let first = samples.first?.state else { throw EpisodePlotError.noStates(path: file.path) }
        for (chunk, _) in try file.messages(of: Topics.policyChunk) {
            frameToChunk.append(
                ((chunk.inferredTime - start).inSeconds, (chunk.inferredTime - chunk.captureTime).inMilliseconds))
        }
        for (report, logTime) in try file.messages(of: Topics.armChunk) {
            let moved = report.firstSetpointTime > .zero
            let time = ((moved ? report.firstSetpointTime : logTime) - start).inSeconds
            seams.append(Seam(time: time, chunk: report.chunkID, outcome: report.outcome))
            if moved { frameToSetpoint.append((time, (report.firstSetpointTime - report.captureTime).inMilliseconds)) }
        }
        joints = try Self.jointNames(in: file, count: first.setpoint.positions.count)
    }

    /// Joint names of the calibration that is attached, where one is and fits; else "joint 1" and so on.
    private static func jointNames(in file: EpisodeFile, count: Int) throws(EpisodeFileError) -> [String] {
        let numbers = (0..<count).map { "joint \($0 + 1)" }
        guard let text = try file.attachment(named: "calibration/arm.json"), let tree = try? JSONNode(parsing: text)
        else {
            return numbers
        }
        let names = tree["joints"]?.array?.compactMap { $0["name"]?.string } ?? []
        return names.count == count ? names : numbers
    }

    private var panels: [PlotPanel] {
        func pair(
            _ name: String, _ unit: String, least: Double, _ told: (ArmState) -> Double, _ was: (ArmState) -> Double
        ) -> PlotPanel {
            PlotPanel(
                title: name, unit: unit,
                series: [
                    .init(name: "setpoint", colour: Self.told, points: samples.map { ($0.time, told($0.state)) }),
                    .init(
                        name: "measured", colour: Self.was, width: 1.2, points: samples.map { ($0.time, was($0.state)) }
                    ),
                ], leastSpan: least)
        }
        var panels = joints.enumerated().map { joint, name in
            pair(name, "°", least: 2) {
                $0.setpoint.positions[joint] * 180 / .pi
            } _: {
                $0.measured.positions[joint] * 180 / .pi
            }
        }
        for (axis, name) in ["x", "y", "z"].enumerated() {
            panels.append(
                pair("EEF \(name)", "mm", least: 10) {
                    $0.commandedBaseFromEEF.translation[axis] * 1000
                } _: {
                    $0.baseFromEEF.translation[axis] * 1000
                })
        }
        var gripper = pair("gripper", "0 closed, 1 open", least: 0) {
            $0.setpoint.gripper
        } _: {
            $0.measured.gripper
        }
        gripper.includes = [0, 1]
        panels.append(gripper)
        if !frameToChunk.isEmpty || !frameToSetpoint.isEmpty {
            panels.append(
                PlotPanel(
                    title: "latency", unit: "ms",
                    series: [
                        .init(name: "frame to chunk", colour: "#6a8f3c", isDotted: true, points: frameToChunk),
                        .init(
                            name: "frame to first setpoint", colour: "#7a4fa0", isDotted: true,
                            points: frameToSetpoint),
                    ], includes: [0]))
        }
        return panels
    }

    private func place(_ index: Int) -> PlotPanel.Place {
        PlotPanel.Place(
            left: Self.size.left, top: Self.size.top + Double(index) * (Self.size.panel + Self.size.gap),
            width: Self.size.width - Self.size.left - Self.size.right, height: Self.size.panel, times: 0...duration)
    }

    /// The plot as standalone SVG.
    package var svg: String {
        let panels = panels
        let height =
            Self.size.top + Double(panels.count) * (Self.size.panel + Self.size.gap) - Self.size.gap + Self.size.bottom
        var drawing = SVGDrawing(width: Self.size.width, height: height)
        drawLegend(into: &drawing)
        for (index, panel) in panels.enumerated() {
            let place = place(index)
            for intervention in interventions {
                drawing.rectangle(
                    x: place.x(intervention.lowerBound), y: place.top,
                    width: place.x(intervention.upperBound) - place.x(intervention.lowerBound), height: place.height,
                    fill: "#f6e7c1", title: "an operator had the arm")
            }
            for seam in seams where (0...duration).contains(seam.time) {
                drawing.line(
                    from: (place.x(seam.time), place.top), to: (place.x(seam.time), place.top + place.height),
                    stroke: seam.outcome.colour, width: 0.8, dashes: seam.outcome == .superseded ? "2 3" : nil,
                    title: "chunk \(seam.chunk): \(seam.outcome.words)")
            }
            panel.draw(in: place, marksTime: index == panels.count - 1, into: &drawing)
        }
        drawing.text("seconds", x: Self.size.width / 2, y: height - 8, anchor: .middle)
        return drawing.svg
    }

    private func drawLegend(into drawing: inout SVGDrawing) {
        drawing.text(name, x: Self.size.left, y: 30, size: 18, fill: "#222", isBold: true)
        drawing.text(
            "\(duration.decimals(1)) s, \(seams.count) chunks, \(interventions.count) interventions", x: Self.size.left,
            y: 48,
            size: 12, fill: "#666")
        var x = Self.size.left
        for outcome in ChunkReport.Outcome.allCases where seams.contains(where: { $0.outcome == outcome }) {
            drawing.line(from: (x, 60), to: (x, 72), stroke: outcome.colour, width: 2)
            drawing.text("chunk \(outcome.words)", x: x + 6, y: 70, size: 10)
            x += Double("chunk \(outcome.words)".count) * 5.6 + 28
        }
        if !interventions.isEmpty {
            drawing.rectangle(x: x, y: 61, width: 12, height: 11, fill: "#f6e7c1", stroke: "#d8c48a")
            drawing.text("an operator had the arm", x: x + 18, y: 70, size: 10)
        }
    }
}

extension ChunkReport.Outcome {
    fileprivate var colour: String {
        switch self {
        case .executed: "#4a9a5b"
        case .superseded: "#8a8a8a"
        case .tooLate: "#d08a00"
        case .rejected: "#c0222b"
        case .interrupted: "#b0407a"
        }
    }
}

/// Why an episode cannot be drawn.
package enum EpisodePlotError: Error, Equatable, CustomStringConvertible {
    case noStates(path: String)

    package var description: String {
        switch self {
        case .noStates(let path):
            "plotting \(path): it has no arm/state, expected the arm's states. See 'octo-replay info \(path)' for "
                + "what it has."
        }
    }
}
