import ClosedLoop
import Maths
import Messages
import Simulation
import Testing
import Time

/// What commands do to the simulated world of a run, and how its node says it is.
@Suite struct SimulationNodeCoreTests {
    private let scene = Scene.tabletop
    private let start = MonotonicTime.zero + .seconds(5)

    private func core(task: ManipulationTask? = nil) -> SimulationNodeCore {
        SimulationNodeCore(name: "simulation", scene: scene, task: task)
    }

    private func command(
        _ id: UInt64, _ action: SimulationCommand.Action, by operatorID: String = "octo-sim (pid 7)"
    ) -> SimulationCommand {
        SimulationCommand(id: id, operatorID: operatorID, action: action, time: start)
    }

    private func condition(
        _ change: (inout SimulationNodeCore.Condition) -> Void = { _ in }
    )
        -> SimulationNodeCore.Condition
    {
        var condition = SimulationNodeCore.Condition(summary: "3 objects, an arm")
        condition.cameras = 2
        change(&condition)
        return condition
    }

    // MARK: - Commands

    @Test func nudgesAddUpUntilTheCameraIsPutBack() {
        var core = core()
        let nudge = SimulationCommand.Action.nudgeCamera(offset: [0.01, 0, 0.02], roll: 0.1)
        var look = SceneLook(of: scene)
        for id in 1...2 {
            look.view = look.view.pushed(by: [0.01, 0, 0.02])
            look.roll += 0.1
            #expect(core.receive(command(UInt64(id), nudge), at: start).change == .look(look))
        }
        #expect(core.receive(command(3, .resetCamera), at: start).change == .look(SceneLook(of: scene)))
    }

    @Test func theLampKeepsItsBrightnessWhenTheCameraIsPutBack() {
        var core = core()
        var dark = SceneLook(of: scene)
        dark.brightness = 0
        #expect(core.receive(command(1, .setBrightness(0)), at: start).change == .look(dark))
        #expect(core.receive(command(2, .resetCamera), at: start).change == .look(dark))
    }

    @Test(arguments: [-0.1, 1.1, .nan, .infinity]) func aBrightnessThatNoLampHasIsRefused(brightness: Double) {
        var core = core()
        let (change, answer) = core.receive(command(1, .setBrightness(brightness)), at: start)
        #expect(change == nil && !answer.isAccepted)
        #expect(answer.message == "lighting the world: found \(brightness), expected 0 to 1.")
        #expect(core.receive(command(2, .resetCamera), at: start).change == .look(SceneLook(of: scene)))
    }

    @Test func anObjectIsPlacedByItsNameAndAnotherNameIsRefusedWithThoseThatAre() {
        var core = core()
        let placed = core.receive(command(1, .placeObject(name: "cup", position: [0.3, 0.1, 0.05])), at: start)
        #expect(placed.change == .place(object: 2, at: [0.3, 0.1, 0.05]))
        #expect(placed.answer.isAccepted && placed.answer.message == "done")
        let refused = core.receive(command(2, .placeObject(name: "spoon", position: .zero)), at: start)
        #expect(refused.change == nil && !refused.answer.isAccepted)
        #expect(
            refused.answer.message == "placing 'spoon': the scene has [block, cylinder, cup], expected one of them.")
    }

    @Test func theAnswerNamesTheCommandItsOperatorAndTheTime() {
        var core = core()
        let answer = core.receive(command(9, .resetCamera, by: "octo-sim (pid 8)"), at: start).answer
        #expect(
            answer
                == SimulationResult(
                    id: 9, operatorID: "octo-sim (pid 8)", isAccepted: true, message: "done", time: start))
    }

    // MARK: - Commands that come again

    @Test func aCommandThatComesAgainIsAnsweredAgainAndNotDoneAgain() {
        var core = core()
        let nudge = command(1, .nudgeCamera(offset: [0.01, 0, 0], roll: 0))
        let first = core.receive(nudge, at: start)
        let second = core.receive(nudge, at: start + .seconds(1))
        #expect(first.change != nil && second.change == nil)
        #expect(second.answer == first.answer)
    }

    @Test func theSameIDOfAnotherOperatorIsAnotherCommand() {
        var core = core()
        _ = core.receive(command(1, .resetCamera), at: start)
        let other = core.receive(command(1, .resetCamera, by: "octo-sim (pid 8)"), at: start)
        #expect(other.change != nil && other.answer.operatorID == "octo-sim (pid 8)")
    }

    @Test func theNewestAnswersAreKept() {
        var core = core()
        let kept = UInt64(SimulationNodeCore.keptAnswers)
        for id in 0...kept { _ = core.receive(command(id, .resetCamera), at: start) }
        #expect(core.receive(command(1, .resetCamera), at: start).change == nil)
        #expect(core.receive(command(0, .resetCamera), at: start).change != nil, "its answer is forgotten")
    }

    // MARK: - Status

    @Test func aWorldThatKeepsUpIsReady() {
        let status = core().status(
            condition {
                $0.steps = 500
                $0.skippedSteps = 3
                $0.pictures = 20
                $0.lostPictures = 1
            })
        #expect(status.node == "simulation" && status.state == .ready)
        #expect(status.headline == "3 objects, an arm, 2 cameras")
        #expect(status.counters.map(\.name) == ["steps", "skipped_steps", "pictures", "lost_pictures"])
        #expect(status.counters.map(\.value) == [500, 3, 20, 1])
    }

    @Test func aWorldThatIsLateIsDegradedAndOneThatStandsStillIsAFault() {
        #expect(core().status(condition { $0.isLate = true }).state == .degraded)
        let status = core().status(
            condition {
                $0.isLate = true
                $0.problem = "the world has come apart"
            })
        #expect(status.state == .fault && status.headline == "the world has come apart")
    }

    @Test func aNodeThatEndsSaysSoWhateverElseThereIsToSay() {
        var core = core()
        core.stop()
        let status = core.status(condition { $0.problem = "the world has come apart" })
        #expect(status.state == .stopping && status.headline == "stopping")
    }

    @Test func aTaskIsCountedFromTheBeginningAndToldWhenItIsReached() throws {
        let core = core(task: try ManipulationTask(.push, in: scene))
        let underWay = core.status(condition { $0.progress = .underWay })
        #expect(underWay.counters.last?.name == "tasks" && underWay.headline == "3 objects, an arm, 2 cameras")
        let reached = core.status(condition { $0.progress = .reached(after: .milliseconds(12_340)) })
        #expect(reached.counters.last?.name == "task_reached_after_ms" && reached.counters.last?.value == 12_340)
        #expect(
            reached.headline == "3 objects, an arm, 2 cameras; the goal is reached, after 12.3 s: "
                + "push the block onto the yellow square")
    }
}
