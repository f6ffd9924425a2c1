import ClosedLoop
import Evaluation
import Foundation
import FoundationXML
import JSONTree
import Simulation
import Testing

@Suite struct AlignmentTests {
    private static let episodes = 20

    /// A policy that follows the goal: it succeeds as long as the goal is within what the scene's luck allows.
    private static func results(_ axes: [GoalAxis]) -> [TrialResult] {
        AlignmentPlan.trials(.reach, object: "cup", axes: axes, episodes: episodes, seed: 0).map { trial in
            var outcome = EpisodeOutcome()
            outcome.isSuccess = trial.change.value <= Double(trial.seed)
            if trial.change.axis == .distractorAdded, trial.seed == 4 {
                return TrialResult(trial, .refused("no place is free"))
            }
            return TrialResult(trial, .ran(.init(outcome: outcome)))
        }
    }

    private func table(_ axes: [GoalAxis]) -> AlignmentTable {
        AlignmentTable(policy: "small", task: .reach, object: "cup", axes: axes, Self.results(axes))
    }

    @Test func aSceneComesWithEveryValueBeforeTheNextScene() {
        let trials = AlignmentPlan.trials(.reach, object: "cup", axes: [.cameraTurn, .armAway], episodes: 3, seed: 5)
        #expect(trials.count == 3 * (1 + 5 + 1))
        #expect(trials.prefix(7).allSatisfy { $0.seed == 5 && $0.goal == .own })
        #expect(trials[0].change == .none)
        #expect(Set(trials).count == trials.count)
    }

    @Test func theScenesWithTheGoalAsItShouldBeStandForEveryAxis() throws {
        let table = table([.cameraShift, .armAway])
        #expect(table.curves.map { $0.rows.map(\.value) } == [[0, 1, 2, 4, 8, 16, 32], [0, 1]])
        #expect(table.curves.allSatisfy { $0.rows[0].summary == EvaluationSummary(successes: 20, of: 20) })
        #expect(table.curves[0].rows.map(\.summary.successes) == [20, 19, 18, 16, 12, 4, 0])
        #expect(table.curves[0].rows.map(\.lost) == [0, 1, 2, 4, 8, 16, 20])
        #expect(table.curves[0].rows.allSatisfy { $0.won == 0 })
    }

    @Test func limitsComeFromTheCurve() throws {
        let table = table([.cameraShift, .armAway])
        let limits = try table.curves[0].limits.get()
        // 18 of 20 at 2 px; 10 of 20 a quarter of the way from 12 at 8 px to 4 at 16.
        #expect(abs(try #require(limits.amber) - 2) < 1e-6)
        #expect(abs(try #require(limits.red) - 10) < 1e-6)
        let list = try #require(table.fitFile["limits"]?.array)
        #expect(
            list[0]["axis"]?.string == "camera-shift" && list[0]["amber"]?.double == 2 && list[0]["red"]?.double == 10)
        #expect(list[0]["measured_to"]?.double == 32 && list[0]["unit"]?.string == "px of 256")
        #expect(list[1]["verdict"]?.string == "green")
        #expect(table.text.contains("amber from 2.0, red from 10.0"))
    }

    @Test func limitsOfLightAreToldAsTheFitReadsThemToo() throws {
        // A lamp that is a tenth darker darkens the picture by 6 %.
        let results = AlignmentPlan.trials(.reach, object: "cup", axes: [.darker], episodes: Self.episodes, seed: 0).map
        { trial in
            var outcome = EpisodeOutcome()
            outcome.isSuccess = trial.change.value <= 5 * Double(trial.seed)
            let read = FitReading(
                verdict: .amber, shift: 0, rotation: 0, scale: 1, brightness: 1 - 0.006 * trial.change.value,
                agreement: 1)
            return TrialResult(trial, .ran(.init(outcome: outcome, fit: read)))
        }
        let table = AlignmentTable(policy: "small", task: .reach, object: "cup", axes: [.darker], results)
        let entry = try #require(table.fitFile["limits"]?.array?.first)
        for colour in ["amber", "red", "measured_to"] {
            let lamp = try #require(entry[colour]?.double, "\(colour)")
            let read = try #require(entry["score"]?[colour]?.double, "\(colour)")
            #expect(abs(read - 0.006 * lamp) < 0.002, "\(colour): \(lamp) % of the lamp, \(read) in the picture")
        }
    }

    @Test func whatWasNotRunIsCountedApart() throws {
        let rows = table([.distractorAdded]).curves[0].rows
        #expect(rows.map(\.summary.episodes) == [20, 19, 19])
        #expect(rows[1].refusals == ["seed 4: no place is free"])
    }

    @Test func theFigureIsXMLWithAPanelForEachAxis() throws {
        let svg = AlignmentFigure(table(GoalAxis.allCases)).svg
        let root = try #require(try XMLDocument(xmlString: svg).rootElement())
        let texts = root.elements(forName: "text").compactMap(\.stringValue)
        for axis in GoalAxis.allCases { #expect(texts.contains(axis.rawValue)) }
        let points = GoalAxis.allCases.reduce(0) { $0 + 1 + $1.values.count }
        #expect(root.elements(forName: "circle").count == points)
    }

    @Test func aChangeOfNothingIsNone() {
        for axis in GoalAxis.allCases {
            #expect(GoalChange(axis, 0) == .none)
            #expect(axis.values == axis.values.sorted() && axis.values.allSatisfy { $0 > 0 })
        }
    }
}
