import Drawing
import EpisodeFixture
import Foundation
import FoundationXML
import Messages
import Recording
import Replay
import Testing
import Time

/// The elements of an SVG file, read by a parser that is not ours.
private final class Elements: NSObject, XMLParserDelegate {
    private(set) var all: [(name: String, attributes: [String: String], text: String)] = []
    private var open: [Int] = []

    static func read(_ svg: String) throws -> [(name: String, attributes: [String: String], text: String)] {
        let elements = Elements()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = elements
        guard parser.parse() else { throw NotXML(problem: "\(parser.parserError.map { "\($0)" } ?? "no reason")") }
        return elements.all
    }

    struct NotXML: Error { let problem: String }

    func parser(
        _: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        open.append(all.count)
        all.append((name, attributes, ""))
    }
    func parser(_: XMLParser, foundCharacters text: String) { if let last = open.last { all[last].text += text } }
    func parser(_: XMLParser, didEndElement: String, namespaceURI: String?, qualifiedName: String?) {
        open.removeLast()
    }
}

@Suite struct EpisodePlotTests {
    private func plot(_ episode: RecordedEpisode) throws -> EpisodePlot {
        var episode = episode
        return try EpisodePlot(of: EpisodeFile(path: episode.finish()))
    }

    private func points(_ text: String?) -> [(x: Double, y: Double)] {
        (text ?? "").split(separator: " ").compactMap { pair in
            let numbers = pair.split(separator: ",").compactMap { Double($0) }
            return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
        }
    }

    @Test func whatIsWrittenIsXMLWhateverTheWords() throws {
        var drawing = SVGDrawing(width: 10, height: 20)
        drawing.text("<a & \"b\">\u{1}\n", x: 1, y: 2)
        drawing.line(from: (0, 0), to: (1, 1), stroke: "\"><script>", title: "]]> & <")
        drawing.polyline([(0, 0), (1, .nan), (2, 2), (3, 3)], stroke: "red")
        let elements = try Elements.read(drawing.svg)
        #expect(elements.first?.attributes["viewBox"] == "0 0 10 20")
        #expect(elements.first { $0.name == "text" }?.text == "<a & \"b\">? ")
        #expect(!elements.contains { $0.name == "script" })
        #expect(elements.filter { $0.name == "polyline" }.map { $0.attributes["points"] } == ["0,0", "2,2 3,3"])
    }

    /// Six joints, three axes of the tool, the gripper: each a setpoint and a measured line.
    @Test func everyQuantityHasItsPanel() throws {
        let elements = try Elements.read(plot(.run()).svg)
        #expect(elements.filter { $0.name == "polyline" }.count == 2 * (6 + 3 + 1))
        let words = elements.filter { $0.name == "text" }.map(\.text)
        for title in ["joint 1, °", "joint 6, °", "EEF z, mm", "gripper, 0 closed, 1 open", "latency, ms", "seconds"] {
            #expect(words.contains(title), "\(title)")
        }
        // Nine chunks, each with two latencies.
        #expect(elements.filter { $0.name == "circle" }.count == 18)
    }

    @Test func linesAreWhereTheNumbersSay() throws {
        let plot = try plot(.run())
        let elements = try Elements.read(plot.svg)
        let told = points(elements.first { $0.name == "polyline" }?.attributes["points"])
        #expect(told.count == 175)
        let frame = try #require(elements.first { $0.name == "rect" && $0.attributes["stroke"] == "#bbb" })
        let left = try #require(Double(frame.attributes["x"] ?? ""))
        let width = try #require(Double(frame.attributes["width"] ?? ""))
        for tick in [0, 50, 120, 174] {
            // The recorder had the first message a millisecond after it was published.
            let time = Double(tick) / 50 - 0.001
            #expect(abs(told[tick].x - (left + time / plot.duration * width)) < 0.02)
        }
        // Up is more: of the first joint, whose setpoint is 0.1 sin(t), and evenly so.
        let values = [0, 50, 120, 174].map { RecordedEpisode.angle(0, at: Double($0) / 50) }
        let heights = [0, 50, 120, 174].map { told[$0].y }
        let scale = (heights[0] - heights[1]) / (values[1] - values[0])
        #expect(scale > 0)
        for index in 2..<4 { #expect(abs(heights[0] - heights[index] - scale * (values[index] - values[0])) < 0.05) }
        let (top, height) = (Double(frame.attributes["y"] ?? "") ?? 0, Double(frame.attributes["height"] ?? "") ?? 0)
        #expect(told.allSatisfy { $0.y >= top && $0.y <= top + height })
    }

    @Test func seamsHaveTheColourOfWhatBecameOfTheChunk() throws {
        let plot = try plot(.run())
        #expect(plot.seams.count == 9 && plot.seams[2].outcome == .interrupted)
        #expect(abs(plot.seams[0].time - 0.119) < 1e-9)
        let elements = try Elements.read(plot.svg)
        let titles = elements.filter { $0.name == "title" }.map(\.text)
        #expect(titles.filter { $0 == "chunk 2: interrupted by a hold" }.count == 11, "one in each panel")
        let strokes = Set(elements.filter { $0.name == "line" }.compactMap { $0.attributes["stroke"] })
        #expect(strokes.isSuperset(of: ["#8a8a8a", "#b0407a"]) && !strokes.contains("#c0222b"))
    }

    @Test func interventionsAreShadedInEachPanel() throws {
        let plot = try plot(.run())
        let found = try #require(plot.interventions.first)
        #expect(abs(found.lowerBound - 1.999) < 1e-9 && abs(found.upperBound - 2.499) < 1e-9)
        let elements = try Elements.read(plot.svg)
        let shades = elements.filter { $0.attributes["fill"] == "#f6e7c1" && $0.attributes["stroke"] == nil }
        #expect(shades.count == 11)
        let width = try #require(Double(shades[0].attributes["width"] ?? ""))
        #expect(abs(width - 0.5 / plot.duration * (1200 - 70 - 24)) < 0.02)
    }

    @Test func jointsHaveTheNamesOfTheCalibrationThatIsAttached() throws {
        let names = ["waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate"]
        let text = #"{"joints": [\#(names.map { #"{"name": "\#($0)"}"# }.joined(separator: ", "))]}"#
        let words = try Elements.read(
            plot(
                .run(
                    seconds: 0.5,
                    attachments: [
                        .init(
                            logTime: 0, name: "calibration/arm.json", mediaType: "application/json",
                            data: Array(text.utf8))
                    ])
            ).svg
        ).map(\.text)
        #expect(names.allSatisfy { words.contains("\($0), °") })
    }

    @Test func anEpisodeWithoutAnArmIsRefused() throws {
        var episode = try RecordedEpisode()
        try episode.publish(RecordedEpisode.goal("cup"), on: "goal/current", from: "goal", at: RecordedEpisode.time(0))
        #expect(throws: EpisodePlotError.self) { try plot(episode) }
    }

    /// What sticks out must not vanish because there are more points than pixels.
    @Test func longEpisodesAreThinnedAndKeepTheirPeaks() throws {
        var episode = try RecordedEpisode(chunkBytes: 1 << 18)
        for tick in 0..<5_000 {
            var state = RecordedEpisode.state(at: Double(tick) / 50)
            if tick == 2_345 { state.setpoint.positions[0] = 1 }
            try episode.publish(state, on: "arm/state", from: "arm", at: RecordedEpisode.time(Double(tick) / 50))
        }
        let lines = try Elements.read(plot(episode).svg).filter { $0.name == "polyline" }
        let told = points(lines[0].attributes["points"])
        #expect(told.count < 2_500 && told.count > 1_000)
        let (highest, typical) = (told.map(\.y).min() ?? 0, told.map(\.y).sorted()[told.count / 2])
        #expect(typical - highest > 50)
        #expect(zip(told, told.dropFirst()).allSatisfy { $0.x <= $1.x })
    }
}
