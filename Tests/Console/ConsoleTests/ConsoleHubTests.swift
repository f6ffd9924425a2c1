import Console
import Files
import Images
import JSONTree
import Messages
import Testing
import Time
import Wire

@Suite struct ConsoleHubTests {
    // MARK: Pages

    @Test func aPageIsGreetedWithTheRunAndWhatWasSaidBefore() throws {
        var fixture = try HubFixture()
        try fixture.arm(.manual)
        try fixture.hear(
            NodeStatus(node: "arm", processID: 7, state: .ready, headline: "<b>well</b>"),
            on: Topics.nodeStatus("arm"))
        try fixture.hear(
            RunEvent(node: "arm", kind: .emergencyStop, subject: "", text: "stop", time: fixture.now),
            on: Topics.event(of: "arm"))
        let page = fixture.hub.join(mayOperate: true, address: "127.0.0.1", at: fixture.now)
        let said = try fixture.take(for: page)
        let hello = try #require(said.first)
        #expect(hello["type"]?.string == "hello" && hello["viewer"]?.int == page && hello["role"]?.string == "operate")
        #expect(hello["run"]?["cameras"]?.array?.compactMap(\.string) == ["primary"])
        #expect(hello["run"]?["arm"]?["joints"]?.array?.count == 6)
        let topics = said.compactMap { $0["topic"]?.string }
        #expect(Set(topics) == ["arm/state", "node/arm/status", "event/arm"])
        let status = said.first { $0["topic"]?.string == "node/arm/status" }
        #expect(status?["message"]?["headline"]?.string == "<b>well</b>")
        #expect(said.contains { $0["type"]?.string == "people" && $0["viewers"]?.array?.count == 1 })
    }

    @Test func anotherRunIsNotMixedWithTheFirst() throws {
        var fixture = try HubFixture()
        let page = fixture.hub.join(mayOperate: true, address: "::1", at: fixture.now)
        _ = try fixture.take(for: page)
        try fixture.hear(
            NodeStatus(node: "arm", processID: 7, state: .ready, headline: ""), on: Topics.nodeStatus("arm"),
            runID: "0000000000000000")
        var said = try fixture.take(for: page)
        #expect(said.isEmpty)
        fixture.hub.turn(to: nil, at: fixture.now)
        said = try fixture.take(for: page)
        #expect(said.first?["run"]?.isNull == true)
    }

    @Test func statesThatNobodyTookAreReplacedAndChunksAreNot() throws {
        var fixture = try HubFixture()
        let page = fixture.hub.join(mayOperate: true, address: "127.0.0.1", at: fixture.now)
        _ = try fixture.take(for: page)
        for id in 1...5 as ClosedRange<UInt64> {
            fixture.now += .milliseconds(40)
            try fixture.arm(.executing(chunkID: id, step: 0))
            try fixture.hear(
                ChunkReport(
                    chunkID: id, outcome: .executed, captureTime: fixture.now, observationTime: fixture.now,
                    firstSetpointTime: fixture.now, stepsSkipped: 0, stepsExecuted: 2, stepsClamped: 0),
                on: Topics.armChunk)
        }
        let said = try fixture.take(for: page)
        let states = said.filter { $0["topic"]?.string == "arm/state" }
        #expect(states.count == 1 && states[0]["message"]?["executing"]?["chunk_id"]?.int == 5)
        #expect(said.filter { $0["topic"]?.string == "arm/chunk" }.count == 5)
    }

    @Test func picturesGoToThoseWhoWantThemAndTheNewestAlone() throws {
        var fixture = try HubFixture()
        let watching = fixture.hub.join(mayOperate: false, address: "127.0.0.1", at: fixture.now)
        let other = fixture.hub.join(mayOperate: false, address: "127.0.0.1", at: fixture.now)
        fixture.page(watching, says: #"{"type":"watch","cameras":["primary"],"network":false,"rate_hz":30}"#)
        _ = try (fixture.take(for: watching), fixture.take(for: other))
        let file: [UInt8] = [0xff, 0xd8, 0xff, 0xd9]
        for sequence in 0..<3 as Range<UInt64> {
            fixture.now += .milliseconds(34)
            try fixture.hear(
                CameraFrame(
                    camera: "primary", deviceID: "d", sequence: sequence, captureTime: fixture.now,
                    pixels: .jpeg(SharedBytes(copying: file), width: 8, height: 4), contentHash: 0),
                on: Topics.cameraImage("primary"), from: "camera-primary")
        }
        guard case .binary(let bytes)? = fixture.hub.next(for: watching) else {
            Issue.record("no picture")
            return
        }
        let length = Int(bytes[0]) | Int(bytes[1]) << 8
        let head = try JSONNode(parsing: bytes[2..<(2 + length)])
        #expect(head["sequence"]?.int == 2 && head["width"]?.int == 8 && head["kind"]?.string == "frame")
        #expect(Array(bytes[(2 + length)...]) == file, "the camera's own file")
        let rest = (fixture.hub.next(for: watching), fixture.hub.next(for: other))
        #expect(rest.0 == nil && rest.1 == nil)
        fixture.advance(1000)
        let dropped = try fixture.take(for: watching).first { $0["type"]?.string == "dropped" }
        #expect(dropped?["pictures"]?.int == 2)
    }

    @Test func aPageThatWaitsForTheArmKeepsNobodyAwake() throws {
        var fixture = try HubFixture()
        let page = fixture.hub.join(mayOperate: true, address: "127.0.0.1", at: fixture.now)
        for isHeard in [false, true] {
            if isHeard { try fixture.arm(.manual) }
            fixture.tick()
            #expect(fixture.hub.wake(at: fixture.now) > fixture.now)
            #expect(fixture.hub.hasMessages(for: page))
            _ = try fixture.take(for: page)
            #expect(!fixture.hub.hasMessages(for: page))
            fixture.now += .milliseconds(500)
        }
    }

    @Test func aPictureOfAnotherGoalIsNotKeptByTheBrowser() {
        let image = RGBImage(width: 8, height: 8, pixels: SharedBytes(copying: [UInt8](repeating: 90, count: 192)))
        let goal = Goal(id: "b", name: "cup", views: [.init(camera: "primary", image: image)], text: nil)
        let kept = ["a", "b", nil].map { id in
            LivePictures.answer("primary.jpg", of: goal, id: id).headers["Cache-Control"] != "no-store"
        }
        #expect(kept == [false, true, false])
        #expect(LivePictures.answer("wrist.jpg", of: goal, id: "b").status == 404)
        #expect(LivePictures.answer("primary", of: goal, id: "b").status == 404)
        #expect(LivePictures.answer("primary.jpg", of: nil, id: nil).status == 404)
    }

    @Test(arguments: [
        "", "{", "[]", #"{"type":"watch"}"#, #"{"type":"watch","cameras":[],"rate_hz":0}"#,
        #"{"type":"drive_button","button":"emergencyStop"}"#, #"{"type":"drive"}"#, #"{"type":"shutdown"}"#,
        String(repeating: "[", count: 1000),
    ]) func whatNoPageSaysIsToldApart(text: String) throws {
        var fixture = try HubFixture()
        let page = fixture.hub.join(mayOperate: true, address: "127.0.0.1", at: fixture.now)
        let isUnderstood = fixture.hub.receive(text, from: page, at: fixture.now)
        #expect(!isUnderstood)
    }

    // MARK: Commands

    @Test func aStopIsAnsweredOnlyWhenTheArmStands() throws {
        var fixture = try HubFixture()
        try fixture.arm(.executing(chunkID: 1, step: 0), speed: 0.3)
        let early = fixture.ask(.arm(.emergencyStop))
        #expect(early == nil)
        fixture.advance(100)
        #expect(fixture.armCommands.first?.action == .emergencyStop)
        #expect(fixture.armCommands.first?.operatorID == "octo-console (pid 12), page 1")
        try fixture.arm(.holding(.emergencyStop), speed: 0.2)
        fixture.tick()
        #expect(fixture.answers.isEmpty, "it still brakes")
        try fixture.arm(.holding(.emergencyStop))
        fixture.tick()
        #expect(fixture.answers[1]?.status == 200 && fixture.answers[1]?.body["accepted"]?.bool == true)
        let said = fixture.armCommands.count
        fixture.advance(500)
        #expect(fixture.armCommands.count == said, "it is not said again")
    }

    @Test(arguments: [true, false]) func anArmThatDoesNotStopIsToldWithinASecond(isDeaf: Bool) throws {
        var fixture = try HubFixture()
        if isDeaf { fixture.deaf = ["arm/command"] }
        try fixture.arm(.holding(.emergencyStop))
        // A state from before the question is no answer to it.
        let early = fixture.ask(.arm(.emergencyStop))
        #expect(early == nil)
        fixture.advance(990)
        #expect(fixture.answers.isEmpty)
        fixture.advance(30)
        let answer = try #require(fixture.answers[1])
        #expect(answer.status == 504 && answer.body["message"]?.string?.contains("NOT STOPPED") == true)
        #expect(fixture.armCommands.isEmpty == isDeaf)
    }

    @Test func aStopIsSaidBeforeAnArmThatStoodAlreadyAnswersIt() throws {
        var fixture = try HubFixture()
        let early = fixture.ask(.arm(.emergencyStop))
        fixture.now += .milliseconds(5)
        try fixture.arm(.holding(.emergencyStop))
        fixture.tick()
        #expect(early == nil && fixture.answers.isEmpty, "another's reset may be on its way")
        #expect(fixture.armCommands.map(\.action) == [.emergencyStop])
        fixture.now += .milliseconds(5)
        try fixture.arm(.holding(.emergencyStop))
        fixture.tick()
        #expect(fixture.answers[1]?.status == 200)
    }

    @Test func nothingThatWasAskedBeforeAStopIsSaidAfterIt() throws {
        var fixture = try HubFixture()
        try fixture.arm(.holding(.emergencyStop))
        let early = (fixture.ask(.arm(.resetEmergencyStop), 1), fixture.ask(.arm(.emergencyStop), 2))
        fixture.advance(500)
        #expect(early.0 == nil && early.1 == nil)
        #expect(fixture.armCommands.allSatisfy { $0.action == .emergencyStop } && !fixture.armCommands.isEmpty)
        #expect(fixture.answers[1]?.status == 409)
    }

    @Test func aResetIsSaidOnceAndAStopAgain() throws {
        var fixture = try HubFixture()
        try fixture.arm(.holding(.emergencyStop))
        let early = fixture.ask(.arm(.resetEmergencyStop), 1)
        fixture.advance(900)
        #expect(early == nil && fixture.armCommands.map(\.action) == [.resetEmergencyStop])
        let stop = fixture.ask(.arm(.emergencyStop), 2)
        fixture.clear()
        fixture.advance(900)
        #expect(stop == nil && fixture.armCommands.count > 5)
        #expect(Set(fixture.armCommands.map(\.id)).count == 1)
    }

    @Test func commandsAreSaidInTheOrderInWhichTheyWereAskedFor() throws {
        var fixture = try HubFixture()
        let early = (
            fixture.ask(.arm(.emergencyStop), 1), fixture.ask(.arm(.resetEmergencyStop), 2),
            fixture.ask(.arm(.resume), 3)
        )
        fixture.tick()
        #expect(early.0 == nil && early.1 == nil && early.2 == nil)
        #expect(fixture.armCommands.map(\.action) == [.emergencyStop, .resetEmergencyStop, .resume])
    }

    @Test func commandsComeBackWithTheirOwnersWords() throws {
        var fixture = try HubFixture()
        let early = (
            fixture.ask(.goal(.set(name: "cup"), expectedGoalID: "a"), 5), fixture.ask(.episode(.note, text: "<i>"), 6)
        )
        #expect(early.0 == nil && early.1 == nil)
        fixture.advance(10)
        let goal = try #require(fixture.goalCommands.first)
        let episode = try #require(fixture.episodeCommands.first)
        #expect(goal.action == .set(name: "cup") && goal.expectedGoalID == "a" && episode.text == "<i>")
        try fixture.hear(
            GoalResult(
                id: goal.id, operatorID: goal.operatorID, isAccepted: false, goalID: "", goalName: "", path: "",
                message: "no such goal", time: fixture.now), on: Topics.goalResult, from: "goal")
        try fixture.hear(
            EpisodeResult(
                id: episode.id &+ 1, operatorID: episode.operatorID, isAccepted: true, message: "another's",
                time: fixture.now), on: Topics.episodeResult, from: "recorder")
        fixture.tick()
        #expect(fixture.answers[5]?.status == 409 && fixture.answers[5]?.body["message"]?.string == "no such goal")
        #expect(fixture.answers[6] == nil)
        fixture.advance(7000)
        #expect(fixture.answers[6]?.status == 504, "nobody answered")
        #expect(fixture.episodeCommands.count > 1, "it was said again")
        #expect(Set(fixture.episodeCommands.map(\.id)).count == 1)
    }

    @Test func withoutARunOrARecorderThereIsNothingToCommand() throws {
        var ended = try HubFixture(isLive: false)
        let none = ended.ask(.arm(.emergencyStop))
        #expect(none?.status == 503)
        var unrecorded = try HubFixture(manifest: ["record.enabled=false"])
        let refused = unrecorded.ask(.episode(.start, text: ""))
        #expect(refused?.status == 409)
    }

    @Test func theEndOfTheRunAnswersWhoWaits() throws {
        var fixture = try HubFixture()
        let early = fixture.ask(.arm(.resume), 3)
        #expect(early == nil)
        fixture.hub.turn(to: nil, at: fixture.now)
        fixture.tick()
        #expect(fixture.answers[3]?.status == 503)
    }
}
