import ClosedLoop
import Evaluation
import JSONTree
import Simulation
import TestSupport
import Testing

@Suite struct ResultLogTests {
    private static let settings: ResultLog.Settings = [("policy", "small"), ("delay_steps", "0.0")]

    /// Results of every kind, with numbers that no short text holds.
    private static func results(seed: UInt64) throws -> [TrialResult] {
        var generator = SeededGenerator(seed: seed)
        let kinds = [
            Trial.Kind(task: .push, object: "block", goal: .own, change: .none),
            Trial.Kind(task: .push, object: "block", goal: .shuffled, change: .none),
            Trial.Kind(task: .reach, object: "cup", goal: .other(.push, object: "block"), change: .none),
            Trial.Kind(task: .reach, object: "cup", goal: .own, change: GoalChange(.cameraShift, 4)),
        ]
        return TrialPlan.trials(of: kinds, episodes: 4, seed: .max - 1).map { trial in
            if Int.random(in: 0..<5, using: &generator) == 0 {
                return TrialResult(trial, .refused("no \"luck\", so to say"))
            }
            var outcome = EpisodeOutcome()
            outcome.isSuccess = Bool.random(using: &generator)
            outcome.timesteps = Int.random(in: 0..<120, using: &generator)
            outcome.secondsToSuccess = outcome.isSuccess ? Double.random(in: 0..<24, using: &generator) : nil
            outcome.pathLength = Double.random(in: 0..<2, using: &generator)
            outcome.jerk = Double.random(in: 0..<40, using: &generator) / 3
            outcome.clampedSteps = Int.random(in: 0..<9, using: &generator)
            let fit = FitReading(
                verdict: .amber, shift: Double.random(in: 0..<9, using: &generator), rotation: 0.1, scale: 1,
                brightness: 0.9,
                agreement: 0.7)
            return TrialResult(
                trial,
                .ran(
                    .init(
                        outcome: outcome, touched: TouchedObject.allCases.randomElement(using: &generator),
                        goalSeed: trial.goal == .shuffled ? .random(in: 0..<9, using: &generator) : nil,
                        isSameAim: trial.goal == .own ? nil : Bool.random(using: &generator),
                        fit: trial.change == .none ? nil : fit)))
        }
    }

    private static func text(_ results: some Collection<TrialResult>) -> String {
        ([ResultLog.header(settings)] + results.map { $0.tree.text() }).map { $0 + "\n" }.joined()
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let seed = SeededGenerator.freshSeed()
        let results = try Self.results(seed: seed)
        let log = try ResultLog(parsing: Self.text(results).utf8, path: "r", settings: Self.settings)
        #expect(log.results(of: results.map(\.trial)) == results, "seed \(seed)")
        #expect(log.missing(of: results.map(\.trial)).isEmpty)
    }

    /// Cut at every byte, then gone on with: always the same table.
    @Test func aRunThatWasCutGivesTheSameTable() throws {
        let results = try Self.results(seed: 3)
        let trials = results.map(\.trial)
        let whole = TrialTable(policy: "small", results)
        let found = Dictionary(results.map { ($0.trial, $0) }) { first, _ in first }
        let bytes = Array(Self.text(results).utf8)
        for cut in stride(from: 0, through: bytes.count, by: 7) {
            var log = try ResultLog(parsing: bytes[..<cut], path: "r", settings: Self.settings)
            #expect(log.wholeBytes <= cut)
            var text = Array(bytes[..<log.wholeBytes])
            if log.wholeBytes == 0 { text = Array((ResultLog.header(Self.settings) + "\n").utf8) }
            for trial in log.missing(of: trials) {
                let result = try #require(found[trial])
                log.add(result)
                text += Array((result.tree.text() + "\n").utf8)
            }
            #expect(text == bytes, "cut at \(cut)")
            let table = TrialTable(policy: "small", log.results(of: trials))
            #expect(table == whole && table.text == whole.text, "cut at \(cut)")
        }
    }

    @Test func resultsOfAnotherEvaluationAreRefusedWithWhatDiffers() {
        let problem = #expect(throws: ResultLog.Problem.self) {
            try ResultLog(
                parsing: (ResultLog.header(Self.settings) + "\n").utf8, path: "r.jsonl",
                settings: [("policy", "small"), ("delay_steps", "1.0")])
        }
        #expect(
            problem.map { "\($0)".contains("r.jsonl") && "\($0)".contains("delay_steps is 0.0 there, 1.0 here") }
                == true)
    }

    @Test(arguments: ["hello", "{}", #"{"task": "push"}"#])
    func aDamagedLineIsNamed(line: String) throws {
        var lines = Self.text(try Self.results(seed: 1)).split(separator: "\n").map(String.init)
        lines[2] = line
        let problem = #expect(throws: ResultLog.Problem.self) {
            try ResultLog(parsing: lines.map { $0 + "\n" }.joined().utf8, path: "r", settings: Self.settings)
        }
        #expect(problem == .broken(path: "r", line: 3))
    }
}
