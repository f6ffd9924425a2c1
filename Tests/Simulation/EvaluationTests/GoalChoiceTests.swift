import Evaluation
import Simulation
import Testing

@Suite struct GoalChoiceTests {
    @Test(arguments: [
        ("task", GoalChoice.own), ("shuffled", .shuffled), ("black", .black), ("file:a/b:c.png", .file("a/b:c.png")),
        ("pick-place:cup", .other(.pickPlace, object: "cup")),
    ])
    func eachChoiceIsReadAsItIsWritten(text: String, choice: GoalChoice) throws {
        #expect(try GoalChoice(parsing: text) == choice)
        #expect(choice.text == text)
    }

    @Test(arguments: ["", "white", "file:", "fly:cup", "push:", "shuffled:2", "task:"])
    func anythingElseIsRefusedByName(text: String) {
        let problem = #expect(throws: GoalChoice.Problem.self) { try GoalChoice(parsing: text) }
        #expect(problem.map { "\($0)".contains("'\(text)'") && "\($0)".contains("shuffled") } == true)
    }

    @Test func everyKindIsTriedInTheSameScenes() {
        let kinds = [GoalChoice.shuffled, .own].map { Trial.Kind(task: .reach, object: "cup", goal: $0, change: .none) }
        let trials = TrialPlan.trials(of: kinds, episodes: 12, seed: 100)
        #expect(trials.map(\.seed) == Array(100..<112) + Array(100..<112))
        #expect(trials.map(\.goal) == Array(repeating: .shuffled, count: 12) + Array(repeating: .own, count: 12))
    }
}
