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

    @Test func shuffledGoalsAreOfTheOtherScenesEachOnce() throws {
        let kind = Trial.Kind(task: .reach, object: "cup", goal: .shuffled, change: .none)
        let trials = try TrialPlan.trials(of: [kind], episodes: 12, seed: 100)
        #expect(trials.map(\.seed) == Array(100..<112))
        #expect(trials.map(\.goalSeed).sorted() == Array(100..<112))
        #expect(trials.allSatisfy { $0.seed != $0.goalSeed })
        #expect(throws: TrialPlan.Problem.self) { try TrialPlan.trials(of: [kind], episodes: 1, seed: 100) }
        let own = Trial.Kind(task: .reach, object: "cup", goal: .own, change: .none)
        #expect(try TrialPlan.trials(of: [own], episodes: 3, seed: 7).allSatisfy { $0.seed == $0.goalSeed })
    }
}
