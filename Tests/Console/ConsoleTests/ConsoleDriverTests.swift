import Console
import JSONTree
import Maths
import Messages
import Testing
import Time
import Wire

/// The arm in the hands of the people at the pages.
@Suite struct ConsoleDriverTests {
    private static let forward = #"{"type":"drive","dead_man":true,"linear":[1,0,0],"angular":[0,0,0]}"#
    private static let still = #"{"type":"drive","dead_man":true,"linear":[0,0,0],"angular":[0,0,0]}"#
    private static let letGo = #"{"type":"drive","dead_man":false}"#

    private func driven(_ manifest: [String] = []) throws -> (fixture: HubFixture, page: Int) {
        var fixture = try HubFixture(manifest: manifest)
        try fixture.arm(.executing(chunkID: 1, step: 0))
        let page = fixture.hub.join(mayOperate: true, address: "127.0.0.1", at: fixture.now)
        return (fixture, page)
    }

    /// Drives for a time as a page does: a word every 50 ms, and the arm says how it is.
    private func drive(
        _ fixture: inout HubFixture, _ page: Int, milliseconds: Int, saying text: String = forward
    ) throws {
        for _ in 0..<(milliseconds / 50) {
            fixture.page(page, says: text)
            fixture.advance(50)
            try fixture.arm(.manual)
        }
    }

    @Test func aHeldButtonMovesTheToolItsWay() throws {
        var (fixture, page) = try driven()
        try drive(&fixture, page, milliseconds: 500)
        let held = fixture.motions.filter(\.isDeadManHeld)
        #expect(held.count > 15, "a motion for each period of the arm's")
        guard case .twist(let linear, let angular)? = held.last?.motion else {
            Issue.record("no twist")
            return
        }
        #expect(linear.x > 0 && linear.y == 0 && linear.z == 0 && angular == .zero)
    }

    @Test func silenceLetsGoLongBeforeHalfASecond() throws {
        var (fixture, page) = try driven()
        try drive(&fixture, page, milliseconds: 500)
        fixture.clear()
        for _ in 0..<30 {
            fixture.advance(10)
            try fixture.arm(.manual)
        }
        #expect(fixture.motions.first?.isDeadManHeld == true)
        #expect(fixture.motions.last?.isDeadManHeld == false)
        fixture.clear()
        fixture.advance(3000)
        #expect(fixture.motions.allSatisfy { !$0.isDeadManHeld })
        #expect(fixture.motions.count < 40, "then nothing is said: another may have the arm")
    }

    @Test func aHandThatHoldsTheSwitchStillLetsGoBySilenceToo() throws {
        var (fixture, page) = try driven()
        try drive(&fixture, page, milliseconds: 500, saying: Self.still)
        #expect(fixture.motions.last?.isDeadManHeld == true)
        fixture.clear()
        fixture.advance(320)
        #expect(fixture.motions.last?.isDeadManHeld == false)
    }

    @Test func lettingGoAndLeavingAreHeardAtOnce() throws {
        for leaves in [true, false] {
            var (fixture, page) = try driven()
            try drive(&fixture, page, milliseconds: 200)
            fixture.clear()
            if leaves {
                fixture.hub.leave(page, at: fixture.now)
            } else {
                fixture.page(page, says: Self.letGo)
            }
            fixture.advance(20)
            #expect(!fixture.motions.isEmpty && fixture.motions.allSatisfy { !$0.isDeadManHeld })
        }
    }

    @Test func whoOnlySeesMovesNothing() throws {
        var fixture = try HubFixture()
        try fixture.arm(.executing(chunkID: 1, step: 0))
        let page = fixture.hub.join(mayOperate: false, address: "10.0.0.2", at: fixture.now)
        fixture.page(page, says: Self.forward)
        fixture.advance(100)
        #expect(fixture.motions.isEmpty)
        let said = try fixture.take(for: page)
        #expect(said.contains { $0["type"]?.string == "refused" })
    }

    @Test func twoPeopleAreToldOfEachOther() throws {
        var (fixture, first) = try driven()
        let second = fixture.hub.join(mayOperate: true, address: "10.0.0.3", at: fixture.now)
        try drive(&fixture, first, milliseconds: 100)
        fixture.page(second, says: Self.forward)
        fixture.advance(10)
        let said = try fixture.take(for: second)
        let refusal = said.first { $0["type"]?.string == "refused" }
        #expect(refusal?["message"]?.string?.contains("page \(first) moves the arm") == true)
        let people = said.last { $0["type"]?.string == "people" }?["viewers"]?.array ?? []
        #expect(people.map { $0["drives"]?.bool } == [true, false])
        #expect(people.map { $0["address"]?.string } == ["127.0.0.1", "10.0.0.3"])
        fixture.page(first, says: Self.letGo)
        fixture.page(second, says: Self.forward)
        fixture.advance(10)
        let later = try fixture.take(for: second)
        #expect(later.allSatisfy { $0["type"]?.string != "refused" })
    }

    // MARK: Goals

    private func take(_ fixture: inout HubFixture, _ page: Int) -> WebResponse? {
        fixture.hub.begin(
            .take(.init(name: "cup", origin: .teleop), viewer: page), request: 9, by: "x", at: fixture.now)
    }

    @Test func aGoalIsTakenAndItsAnswerIsTheGoalNodes() throws {
        var (fixture, page) = try driven()
        let refusal = take(&fixture, page)
        #expect(refusal == nil)
        fixture.advance(20)
        let command = try #require(fixture.goalCommands.first)
        guard case .record(let recording) = command.action else {
            Issue.record("\(command)")
            return
        }
        #expect(recording.name == "cup" && recording.origin == .teleop)
        // In the policy's hands the pictures would not settle: whoever takes a goal has the arm, and it stands.
        let still = ManualCommand.Motion.joints(JointVector(repeating: 0, count: 6))
        #expect(!fixture.motions.isEmpty && fixture.motions.allSatisfy { $0.isDeadManHeld && $0.motion == still })
        try fixture.hear(
            GoalResult(
                id: command.id, operatorID: command.operatorID, isAccepted: true, goalID: "g", goalName: "cup",
                path: "/goals/cup", message: "taken", time: fixture.now), on: Topics.goalResult, from: "goal")
        fixture.tick()
        #expect(fixture.answers[9]?.status == 200 && fixture.answers[9]?.body["message"]?.string == "taken")
        fixture.clear()
        fixture.advance(1000)
        #expect(!fixture.motions.isEmpty && fixture.motions.allSatisfy { !$0.isDeadManHeld }, "the arm is let go")
        let next = take(&fixture, page)
        #expect(next == nil, "the next may be taken")
    }

    @Test func theWayOutOfSightEndsWithThePage() throws {
        var (fixture, page) = try driven([#"teleop={"before_goal": {"pose": "rest"}}"#])
        let refusal = take(&fixture, page)
        #expect(refusal == nil)
        for _ in 0..<10 {
            fixture.page(page, says: #"{"type":"alive"}"#)
            fixture.advance(50)
            try fixture.arm(.manual)
        }
        #expect(fixture.motions.last?.isDeadManHeld == true && fixture.goalCommands.isEmpty)
        fixture.clear()
        fixture.advance(400)
        #expect(fixture.motions.last?.isDeadManHeld == false)
        #expect(fixture.answers[9]?.status == 409 && fixture.goalCommands.isEmpty)
    }

    /// Another run, or the end of the one that was.
    private func turn(_ fixture: inout HubFixture, isLive: Bool, runID: String? = nil) throws {
        var run = fixture.run
        if let runID { run.runID = runID }
        fixture.hub.turn(to: ConsoleRun(run, isLive: isLive), at: fixture.now)
    }

    @Test(arguments: [false, true]) func theEndOfTheRunAnswersWhoTakesAGoal(isOther: Bool) throws {
        var (fixture, page) = try driven([#"teleop={"before_goal": {"pose": "rest"}}"#])
        let refusal = take(&fixture, page)
        fixture.advance(20)
        #expect(refusal == nil && fixture.goalCommands.isEmpty, "the arm moves out of the way")
        try turn(&fixture, isLive: isOther, runID: isOther ? "00000000000000aa" : nil)
        fixture.clear()
        fixture.advance(1000)
        #expect(fixture.answers[9]?.status == 503)
        #expect(fixture.motions.allSatisfy { !$0.isDeadManHeld })
    }

    @Test func aHandThatHeldTheSwitchDoesNotMoveTheNextRunsArm() throws {
        var (fixture, page) = try driven()
        try drive(&fixture, page, milliseconds: 200)
        try turn(&fixture, isLive: false)
        try turn(&fixture, isLive: true, runID: "00000000000000aa")
        fixture.clear()
        fixture.page(page, says: Self.forward)
        fixture.advance(50)
        #expect(fixture.motions.allSatisfy { !$0.isDeadManHeld })
        fixture.page(page, says: Self.letGo)
        fixture.page(page, says: Self.still)
        fixture.advance(50)
        let said = try fixture.take(for: page)
        let people = said.last { $0["type"]?.string == "people" }?["viewers"]?.array ?? []
        #expect(people.map { $0["drives"]?.bool } == [true])
    }

    @Test func aPageThatIsNotConnectedTakesNothing() throws {
        var (fixture, _) = try driven()
        let refusal = take(&fixture, 77)
        #expect(refusal?.status == 409)
    }
}
