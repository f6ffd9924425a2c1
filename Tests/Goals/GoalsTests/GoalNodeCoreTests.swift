import Files
import Goals
import Images
import Messages
import SceneFit
import TestSupport
import Testing
import Time

@Suite struct GoalNodeCoreTests {
    private var core = GoalNodeCore(node: "goal", cameras: ["primary"])
    private let store = MemoryStore()
    private let goal = Goal(
        id: "abc", name: "cup", views: [.init(camera: "primary", image: RGBImage(width: 4, height: 2, filledWith: 1))],
        text: "lift it")
    private let scene = RGBImage.waves(width: 128, height: 128, seed: 4)

    private func at(_ seconds: Double) -> MonotonicTime { .zero + .fromSeconds(seconds) }
    private func wall(_ seconds: Double) -> WallTime { WallTime(seconds: 1_700_000_000 + seconds) }

    private func command(
        _ id: UInt64, _ action: GoalCommand.Action, by who: String = "ann", expecting: String? = nil
    ) -> GoalCommand {
        GoalCommand(id: id, operatorID: who, action: action, expectedGoalID: expecting, time: .zero)
    }
    private func frame(_ image: RGBImage, at seconds: Double) -> CameraFrame {
        CameraFrame(
            camera: "primary", deviceID: "cam", sequence: UInt64(seconds * 10), captureTime: at(seconds),
            pixels: .rgb8(image),
            contentHash: 0, settings: [.init(name: "gain", value: "3")], calibrationHash: "77")
    }
    private func result(in outputs: [GoalNodeCore.Output]) -> GoalResult? {
        outputs.lazy.compactMap { if case .result(let result) = $0 { result } else { nil } }.first
    }
    private func goals(in outputs: [GoalNodeCore.Output]) -> [Goal] {
        outputs.compactMap { if case .goal(let goal) = $0 { goal } else { nil } }
    }
    private func events(in outputs: [GoalNodeCore.Output]) -> [RunEvent] {
        outputs.compactMap { if case .event(let event) = $0 { event } else { nil } }
    }
    private func fit(in outputs: [GoalNodeCore.Output]) -> GoalFit? {
        outputs.lazy.compactMap { if case .fit(let fit) = $0 { fit } else { nil } }.first
    }

    @Test mutating func publishesTheFirstGoalAndTellsOfIt() {
        #expect(core.status(at: .zero).state == .starting)
        #expect(goals(in: core.set(goal, at: at(1))) == [goal])
        #expect(core.current == goal)
        let status = core.status(at: at(4))
        #expect(status.state == .ready && status.node == "goal")
        #expect(status.headline == "cup (abc): primary 4x2, \"lift it\"; set 3 s ago")
    }

    @Test mutating func noGoalIsPublishedTooAndSaysWhatThatMeans() {
        let outputs = core.set(.none, at: .zero)
        #expect(goals(in: outputs) == [.none])
        #expect(events(in: outputs).isEmpty, "nothing has changed")
        #expect(fit(in: outputs)?.verdict == .unknown)
        #expect(core.status(at: .zero).state == .ready)
        #expect(core.status(at: .zero).headline.contains("octo-teleop goal"))
    }

    @Test mutating func theSameGoalIsNotNews() {
        _ = core.set(goal, at: .zero)
        #expect(core.set(goal, at: at(5)).isEmpty)
        #expect(core.status(at: at(6)).headline.hasSuffix("set 6 s ago"))
        #expect(goals(in: core.set(.none, at: at(7))) == [.none])
        #expect(core.status(at: at(7)).counters.first { $0.name == "changes" }?.value == 2)
    }

    // MARK: Commands

    @Test mutating func aGoalOfTheLibraryIsSetAndTheLogHasTheMoment() {
        store.records["cup"] = SampleGoal.record()
        _ = core.set(.none, at: .zero)
        let outputs = core.receive(command(1, .set(name: "cup")), store: store, at: at(3))
        #expect(goals(in: outputs).map(\.name) == ["cup"])
        #expect(goals(in: outputs)[0].origin == .library(folder: "/goals/cup"))
        #expect(events(in: outputs).map(\.kind) == [.goalChanged] && events(in: outputs)[0].time == at(3))
        #expect(events(in: outputs)[0].text == "the goal changes from none to 'cup', by ann")
        let answer = result(in: outputs)
        #expect(answer?.isAccepted == true && answer?.goalID == SampleGoal.record().id && answer?.path == "/goals/cup")
    }

    @Test mutating func theSameCommandAgainIsAnsweredNotDoneAgain() {
        store.records["cup"] = SampleGoal.record()
        let first = core.receive(command(1, .set(name: "cup")), store: store, at: at(1))
        _ = core.receive(command(2, .clear), store: store, at: at(2))
        let again = core.receive(command(1, .set(name: "cup")), store: store, at: at(3))
        #expect(again == [.result(result(in: first)!)])
        #expect(core.current.isNone, "the goal that was cleared stays cleared")
        let other = core.receive(command(1, .set(name: "cup"), by: "bob"), store: store, at: at(4))
        #expect(goals(in: other).count == 1, "another operator's first command is another command")
    }

    @Test mutating func ofTwoWhoSetAGoalAtOnceOneWinsAndBothAreTold() {
        store.records = ["cup": SampleGoal.record(), "mug": SampleGoal.record("mug", seed: 8)]
        _ = core.set(.none, at: .zero)
        let won = core.receive(command(1, .set(name: "cup"), by: "ann", expecting: ""), store: store, at: at(1))
        let lost = core.receive(command(1, .set(name: "mug"), by: "bob", expecting: ""), store: store, at: at(1.001))
        #expect(result(in: won)?.isAccepted == true)
        #expect(result(in: lost)?.isAccepted == false && goals(in: lost).isEmpty)
        #expect(
            result(in: lost)?.message.hasPrefix("ann has set 'cup' 0 s ago") == true,
            "\(String(describing: result(in: lost)))")
        #expect(core.current.name == "cup")
        // Who has seen that gets it.
        let retry = core.receive(
            command(2, .set(name: "mug"), by: "bob", expecting: core.current.id), store: store, at: at(2))
        #expect(result(in: retry)?.isAccepted == true && core.current.name == "mug")
    }

    @Test mutating func whatCannotBeSetLeavesThePresentGoal() {
        _ = core.set(goal, at: .zero)
        let outputs = core.receive(command(1, .set(name: "nothing")), store: store, at: at(1))
        #expect(goals(in: outputs).isEmpty && core.current == goal)
        #expect(result(in: outputs)?.isAccepted == false)
        #expect(result(in: outputs)?.message.contains("looking for goal 'nothing'") == true)
        let empty = core.receive(command(2, .setText("  \n ")), store: store, at: at(2))
        #expect(result(in: empty)?.isAccepted == false && core.current == goal)
    }

    @Test mutating func aSentenceIsAGoal() {
        _ = core.set(.none, at: .zero)
        let outputs = core.receive(command(1, .setText(" close  the\ndrawer ")), store: store, at: at(1))
        #expect(goals(in: outputs).first?.text == "close the drawer" && goals(in: outputs).first?.views.isEmpty == true)
        #expect(core.nextTick == nil, "there is nothing to compare")
        #expect(goals(in: core.receive(command(2, .clear), store: store, at: at(2))) == [.none])
    }

    // MARK: Recording

    private mutating func deliver(_ image: RGBImage, from: Double, to: Double) -> [GoalNodeCore.Output] {
        var outputs: [GoalNodeCore.Output] = []
        for tenth in Int(from * 10)...Int(to * 10) {
            let time = Double(tenth) / 10
            core.receive(frame(image, at: time))
            outputs += core.tick(store: store, wall: wall(time), at: at(time))
        }
        return outputs
    }

    @Test mutating func aGoalIsTakenOnceThePictureHasSettled() throws {
        core.receive(
            PolicyObservation(
                tick: 0, time: .zero, goalID: "",
                views: [
                    .init(
                        camera: "primary", width: 32, height: 32,
                        pixels: RGBImage(width: 32, height: 32, filledWith: 0).pixels,
                        captureTime: .zero)
                ], timestepPadMask: [true]))
        #expect(
            core.receive(
                command(1, .record(.init(name: "cup", text: "hold it", origin: .teleop))), store: store, at: at(1)
            ).isEmpty)
        #expect(
            core.receive(
                command(1, .record(.init(name: "cup", text: "hold it", origin: .teleop))), store: store, at: at(1.1)
            ).isEmpty)
        let busy = core.receive(
            command(1, .record(.init(name: "mug", origin: .live)), by: "bob"), store: store, at: at(1.2))
        #expect(result(in: busy)?.message.contains("ann is taking one") == true)
        let outputs = deliver(scene, from: 1, to: 2)
        let answer = try #require(result(in: outputs))
        #expect(
            answer.isAccepted && answer.path == "/goals/cup" && answer.message == "goal 'cup' recorded: primary 128x128"
        )
        #expect(events(in: outputs).map(\.kind) == [.goalRecorded])
        let record = try #require(store.records["cup"])
        #expect(record.id == answer.goalID && record.origin == .teleop && record.text == "hold it")
        #expect(
            record.views[0].image == scene && record.views[0].deviceID == "cam"
                && record.views[0].calibrationHash == "77")
        #expect(record.views[0].settings == [.init(name: "gain", value: "3")])
        #expect(core.current.isNone, "recorded is not set")
    }

    @Test mutating func whatFailsInTheEndIsToldAtTheStart() {
        store.records["cup"] = SampleGoal.record()
        let there = core.receive(command(1, .record(.init(name: "cup", origin: .live))), store: store, at: at(1))
        #expect(result(in: there)?.message.contains("--replace") == true)
        let bad = core.receive(command(2, .record(.init(name: "../x", origin: .live))), store: store, at: at(1))
        #expect(result(in: bad)?.isAccepted == false)
        #expect(core.nextTick == nil, "nothing is being taken")
    }

    @Test mutating func aSceneThatMovesAndADiskThatIsFullAreTold() {
        _ = core.receive(command(1, .record(.init(name: "cup", origin: .live))), store: store, at: at(0))
        var outputs: [GoalNodeCore.Output] = []
        for step in 0...70 {
            core.receive(
                frame(RGBImage(width: 64, height: 64, filledWith: step % 2 == 0 ? 10 : 90), at: Double(step) / 10))
            outputs += core.tick(store: store, wall: wall(0), at: at(Double(step) / 10))
        }
        #expect(
            result(in: outputs)?.isAccepted == false && result(in: outputs)?.message.contains("does not settle") == true
        )
        store.saveError = .system(doing: "flushing", path: "/goals", errno: 28)
        _ = core.receive(command(2, .record(.init(name: "cup", origin: .live))), store: store, at: at(10))
        let full = deliver(scene, from: 10, to: 11)
        #expect(result(in: full)?.message.contains("No space left") == true)
    }

    // MARK: Fit

    @Test mutating func theFitIsLookedAtTwiceASecondAndItsChangeIsAnEvent() throws {
        var record = SampleGoal.record()
        record.views = [
            .init(camera: "primary", image: scene, deviceID: "cam", settings: [.init(name: "gain", value: "3")])
        ]
        record.recorded = wall(-10)
        store.records["cup"] = record
        _ = core.receive(command(1, .set(name: "cup")), store: store, at: at(0))
        let waiting = core.tick(store: store, wall: wall(0), at: at(0))
        #expect(fit(in: waiting)?.verdict == .unknown && events(in: waiting).isEmpty)
        let seen = deliver(scene, from: 0.1, to: 1.6)
        let fits = seen.compactMap { if case .fit(let fit) = $0 { fit } else { nil } }
        #expect(fits.count == 3 && fits.allSatisfy { $0.verdict == .amber }, "it is the present scene")
        #expect(events(in: seen).map(\.kind) == [.fitChanged])
        var generator = SeededGenerator(seed: 0x60A1_0002)
        let other = deliver(RGBImage.noise(width: 128, height: 128, using: &generator), from: 1.7, to: 2.2)
        #expect(fit(in: other)?.verdict == .red)
        #expect(
            events(in: other).first?.text.hasPrefix("the fit of 'cup': amber -> red: ") == true, "\(events(in: other))")
        #expect(core.status(at: at(3)).state == .degraded && core.status(at: at(3)).headline.contains("fit red: "))
        // No frames: what was seen says nothing about the present.
        let blind = core.tick(store: store, wall: wall(5), at: at(5))
        #expect(fit(in: blind)?.verdict == .unknown)
    }

    @Test mutating func whatThePolicyBearsDecides() throws {
        var record = SampleGoal.record()
        record.views = [
            .init(camera: "primary", image: scene, deviceID: "cam", settings: [.init(name: "gain", value: "3")])
        ]
        record.recorded = wall(-10)
        store.records["cup"] = record
        let dark = RGBImage(
            width: scene.width, height: scene.height,
            pixels: SharedBytes(copying: scene.pixels.array.map { $0 / 2 }))
        var patient = SceneFit.Limits.usual
        patient.light = .init(amber: 0.8, red: 0.9)
        var verdicts: [GoalFit.Verdict?] = []
        for limits in [SceneFit.Limits.usual, patient] {
            core = GoalNodeCore(node: "goal", cameras: ["primary"], limits: limits)
            _ = core.receive(command(1, .set(name: "cup")), store: store, at: at(0))
            let outputs = deliver(dark, from: 0.1, to: 0.6)
            verdicts.append(fit(in: outputs)?.verdict)
        }
        #expect(verdicts == [.red, .amber], "half as bright")
    }

    @Test mutating func anotherDeviceAndOtherSettingsAreReasons() throws {
        var record = SampleGoal.record()
        record.views = [
            .init(camera: "primary", image: scene, deviceID: "another", settings: [.init(name: "gain", value: "9")])
        ]
        record.recorded = wall(-86_400 * 2 - 100)
        store.records["cup"] = record
        _ = core.receive(command(1, .set(name: "cup")), store: store, at: at(0))
        let reasons = try #require(fit(in: deliver(scene, from: 0.1, to: 0.6)))
        #expect(reasons.verdict == .red)
        for words in ["taken with another camera", "gain was 9 then, is 3 now", "the goal is 2 days old"] {
            #expect(reasons.reasons.contains(words), "\(reasons.reasons)")
        }
    }

    @Test mutating func camerasThatThePolicyDoesNotLookAtDoNotCount() throws {
        core.receive(
            PolicyObservation(
                tick: 0, time: .zero, goalID: "",
                views: [
                    .init(
                        camera: "primary", width: 8, height: 8,
                        pixels: RGBImage(width: 8, height: 8, filledWith: 0).pixels,
                        captureTime: .zero)
                ], timestepPadMask: [true]))
        store.records["cup"] = SampleGoal.record()
        _ = core.receive(command(1, .set(name: "cup")), store: store, at: at(0))
        let found = try #require(fit(in: core.tick(store: store, wall: wall(0), at: at(0))))
        #expect(found.cameras.map(\.camera) == ["primary"])
    }
}
