import EpisodeFixture
import Images
import Messages
import Replay
import TestSupport
import Testing
import Time
import Wire

@Suite struct StampedTests {
    private func moved<Message: Stamped>(_ message: Message, by duration: Duration) -> Message {
        var message = message
        message.moveStamps { $0 + duration }
        return message
    }

    @Test func everyTypeOnTheBusCanBePlayed() {
        #expect(StampedTypes.schemaNames == MessageCatalogue.schemaNames)
    }

    @Test func picturesMove() {
        var frame = RecordedEpisode.frame("primary", 3, at: 2)
        let moved = moved(frame, by: .seconds(5))
        frame.captureTime += .seconds(5)
        #expect(moved == frame)
    }

    @Test func observationsMoveWithTheirViews() {
        let before = Samples.observation
        var after = before
        after.time += .seconds(5)
        for index in after.views.indices { after.views[index].captureTime += .seconds(5) }
        after.proprio?.before += .seconds(5)
        after.proprio?.after += .seconds(5)
        #expect(moved(before, by: .seconds(5)) == after && after != before)
    }

    @Test func chunksMoveAndStepsKeepTheirLength() {
        var after = Samples.chunk
        after.observationTime += .seconds(5)
        after.captureTime += .seconds(5)
        after.inferredTime += .seconds(5)
        #expect(moved(Samples.chunk, by: .seconds(5)) == after)
        #expect(after.stepDuration == Samples.chunk.stepDuration)
    }

    @Test func theArmMoves() {
        var after = RecordedEpisode.state(at: 1)
        after.measured.time += .seconds(5)
        #expect(moved(RecordedEpisode.state(at: 1), by: .seconds(5)) == after)
    }

    /// Zero says that it never happened.
    @Test func whatHasNoTimeGetsNone() {
        let time = RecordedEpisode.time(1)
        let never = ChunkReport(
            chunkID: 1, outcome: .tooLate, captureTime: time, observationTime: time, receivedTime: .zero,
            firstSetpointTime: .zero, stepsSkipped: 4, stepsExecuted: 0, stepsClamped: 0)
        var after = never
        after.captureTime += .seconds(5)
        after.observationTime += .seconds(5)
        #expect(moved(never, by: .seconds(5)) == after && moved(never, by: .seconds(5)).delay == nil)
        var arrived = never
        arrived.receivedTime = time
        arrived.firstSetpointTime = time
        #expect(moved(arrived, by: .seconds(5)).firstSetpointTime == time + .seconds(5))
        #expect(moved(arrived, by: .seconds(5)).delay == arrived.delay)
        let idle = EpisodeState(
            isRecording: false, name: "", path: "", outcome: .open, startTime: .zero, messages: 0, bytes: 0, missing: 0,
            time: time)
        #expect(
            moved(idle, by: .seconds(5)).startTime == .zero && moved(idle, by: .seconds(5)).time == time + .seconds(5))
    }

    @Test func commandsAndAnswersMove() {
        let time = RecordedEpisode.time(1)
        let later = time + .seconds(5)
        func check<Message: Stamped & Equatable>(_ message: Message, _ path: WritableKeyPath<Message, MonotonicTime>) {
            var after = message
            after[keyPath: path] = later
            #expect(moved(message, by: .seconds(5)) == after)
        }
        check(ArmCommand(id: 1, operatorID: "a", action: .recover, time: time), \.time)
        check(ManualCommand(time: time, isDeadManHeld: true, motion: .joints([1])), \.time)
        check(GoalCommand(id: 1, operatorID: "a", action: .clear, time: time), \.time)
        check(GoalFit(goalID: "", goalName: "", verdict: .green, cameras: [], time: time), \.time)
        check(
            GoalResult(
                id: 1, operatorID: "a", isAccepted: true, goalID: "", goalName: "", path: "", message: "", time: time),
            \.time)
        check(RunEvent(node: "n", kind: .policyHeld, subject: "", text: "", time: time), \.time)
        check(EpisodeCommand(id: 1, operatorID: "a", action: .note, time: time), \.time)
        check(EpisodeResult(id: 1, operatorID: "a", isAccepted: true, message: "", time: time), \.time)
        check(SimulationCommand(id: 1, operatorID: "a", action: .resetCamera, time: time), \.time)
        check(SimulationResult(id: 1, operatorID: "a", isAccepted: true, message: "", time: time), \.time)
    }

    @Test func whatHasNoStampsStaysAsItIs() {
        let goal = RecordedEpisode.goal("cup")
        #expect(moved(goal, by: .seconds(5)) == goal)
        let status = NodeStatus(node: "a", processID: 1, state: .ready, headline: "h")
        #expect(moved(status, by: .seconds(5)) == status)
        let loop = LoopReport(
            rateHertz: 50, ticks: 1, overruns: 0, jitter: [], work: [.init(nanoseconds: 5, count: 1)], rights: "",
            hasRealTimeRights: false)
        #expect(moved(loop, by: .seconds(5)) == loop)
    }

    @Test func onlyWhatHoldsOnIsLatchedAndWhatActsIsACommand() {
        #expect(
            StampedTypes.schemaNames.filter(StampedTypes.isLatched) == [
                "octo.EpisodeState", "octo.Goal", "octo.GoalFit", "octo.NodeStatus",
            ])
        #expect(StampedTypes.schemaNames.filter(StampedTypes.isCommand).count == 5)
        #expect(!StampedTypes.isCommand("octo.ActionChunk") && !StampedTypes.isLatched("octo.Unknown"))
    }
}

/// Plausible messages.
enum Samples {
    static let chunk = ActionChunk(
        id: 3, goalID: "g1", observationTime: RecordedEpisode.time(2.4), captureTime: RecordedEpisode.time(2.38),
        inferredTime: RecordedEpisode.time(2.6), stepDuration: .milliseconds(200), actionDimension: 7,
        actions: (0..<28).map { Float($0) * 0.01 }, actionSpace: .eefDelta, noiseSeed: 4, noiseCounter: 3)
    static let observation = PolicyObservation(
        tick: 12, time: RecordedEpisode.time(2.4), goalID: "g1",
        views: ["primary", "wrist"].map {
            .init(
                camera: $0, width: 2, height: 2, pixels: RGBImage.waves(width: 2, height: 2, seed: 1).pixels,
                captureTime: RecordedEpisode.time(2.39))
        }, timestepPadMask: [true],
        proprio: .init(values: [1], before: RecordedEpisode.time(2.395), after: RecordedEpisode.time(2.415)))
}
