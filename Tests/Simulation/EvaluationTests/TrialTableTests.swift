import ClosedLoop
import Evaluation
import JSONTree
import Simulation
import Testing

@Suite struct TrialTableTests {
    private func result(
        _ seed: UInt64, _ goal: GoalChoice, success: Bool, sameAim: Bool?, touched: TouchedObject
    ) -> TrialResult {
        var outcome = EpisodeOutcome()
        outcome.isSuccess = success
        outcome.secondsToSuccess = success ? Double(seed) : nil
        return TrialResult(
            Trial(task: .push, object: "block", goal: goal, seed: seed),
            .ran(.init(outcome: outcome, touched: touched, isSameAim: sameAim)))
    }

    private var table: TrialTable {
        TrialTable(
            policy: "small",
            [
                result(1, .own, success: true, sameAim: true, touched: .right),
                result(2, .own, success: true, sameAim: true, touched: .right),
                result(3, .own, success: false, sameAim: true, touched: .wrong),
                TrialResult(Trial(task: .push, object: "block", seed: 4), .refused("the expert did not manage it")),
                result(1, .shuffled, success: true, sameAim: true, touched: .right),
                result(2, .shuffled, success: false, sameAim: false, touched: .none),
                result(3, .shuffled, success: true, sameAim: false, touched: .right),
            ])
    }

    @Test func eachGoalHasItsRow() throws {
        let rows = table.rows
        try #require(rows.count == 2)
        #expect(rows[0].summary == EvaluationSummary(successes: 2, of: 3))
        #expect(rows[0].meanTime == 1.5)
        #expect(rows[0].touched == [.right: 2, .wrong: 1])
        #expect(rows[0].otherAim == nil)
        #expect(rows[0].failedSeeds == [3])
        #expect(rows[1].summary == EvaluationSummary(successes: 2, of: 3))
        #expect(rows[1].otherAim == EvaluationSummary(successes: 1, of: 2))
    }

    @Test func whatWasNotRunIsNamedAndNotCounted() {
        let text = table.text
        #expect(text.contains("push block, goal task: seed 4 was not run: the expert did not manage it"))
        #expect(text.contains("push block, goal task: failed: seed 3"))
        #expect(text.contains("2/1/0") && text.contains("2/3"))
        #expect(table.tree["table"]?.array?.first?["refused"]?.array?.count == 1)
        #expect(table.tree["table"]?.array?.last?["other_aim"]?["successes"]?.int == 1)
        #expect(table.csv.split(separator: "\n").count == 8)
    }

    @Test func whichObjectWasMovedIsJudgedByHowFar() throws {
        let scene = Scene.tabletop
        let start = scene.objects.map { SIMD3($0.position.x, $0.position.y, 0.02) }
        let push = try ManipulationTask(.push, object: "block", in: scene)
        func judge(_ moves: [Int: Double]) -> TouchedObject {
            let end = start.indices.map { start[$0] + [moves[$0] ?? 0, 0, 0] }
            return TouchedObject(push, in: scene, start: start, end: end, tool: [0.3, 0, 0.2])
        }
        #expect(judge([:]) == .none && judge([0: 0.019]) == .none)
        #expect(judge([0: 0.05, 1: 0.03]) == .right)
        #expect(judge([0: 0.03, 2: 0.05]) == .wrong)
    }

    @Test func whichObjectWasReachedIsJudgedByWhereTheToolIs() throws {
        let scene = Scene.tabletop
        let places = scene.objects.map { SIMD3($0.position.x, $0.position.y, $0.height / 2) }
        let reach = try ManipulationTask(.reach, object: "cup", in: scene)
        func judge(above object: Int, off: Double = 0) -> TouchedObject {
            let tool = places[object] + [off, 0, ManipulationTask.hover(above: scene.objects[object])]
            return TouchedObject(reach, in: scene, start: places, end: places, tool: tool)
        }
        #expect(judge(above: 2) == .right && judge(above: 2, off: 0.03) == .right)
        #expect(judge(above: 0) == .wrong)
        #expect(judge(above: 0, off: -0.06) == .none)
    }
}
