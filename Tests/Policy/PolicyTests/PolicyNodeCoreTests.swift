import Files
import Images
import Messages
import Policy
import TestSupport
import Testing
import Time

/// Builds what a policy node hears, at times that the test chooses.
private struct Scene {
    static let period = Duration.milliseconds(200)
    var core: PolicyNodeCore

    init(
        window: Int = 2, requiresGoal: Bool = true, cameras: [String] = ["primary"], texts: TaskTextReading = .none,
        fitRules: GoalFitRules = .none, goalUse: GoalUse = .images, optional: Set<String> = []
    ) {
        core = PolicyNodeCore(
            PolicyConfiguration(
                cameras: cameras.map {
                    PolicyCamera(name: $0, width: 4, height: 4, takesGoal: true, isOptional: optional.contains($0))
                },
                windowSize: window, actionDimension: 2, actionSpace: .jointDelta, rate: Rate(hertz: 5),
                preprocessing: .resize, requiresGoal: requiresGoal, fitRules: fitRules,
                maximumFrameAge: .milliseconds(500), noiseSeed: 7,
                goalUse: goalUse),
            texts: texts)
    }

    func frame(_ value: UInt8, camera: String = "primary", captured: Duration) -> CameraFrame {
        CameraFrame(
            camera: camera, deviceID: "test", sequence: UInt64(value), captureTime: .zero + captured,
            pixels: .rgb8(RGBImage(width: 4, height: 4, filledWith: value)), contentHash: UInt64(value))
    }

    func goal(_ name: String = "goal", camera: String = "primary", value: UInt8 = 200) -> Goal {
        Goal(
            id: name, name: name,
            views: [.init(camera: camera, image: RGBImage(width: 4, height: 4, filledWith: value))], text: nil)
    }

    /// Delivers a frame 5 ms old and runs the tick that is due.
    mutating func step(_ value: UInt8) throws -> PolicyNodeCore.TickResult {
        if let due = core.nextTick {
            core.receive(frame(value, captured: (due - MonotonicTime.zero) - .milliseconds(5)), at: due)
        } else {
            core.receive(frame(value, captured: .milliseconds(5)), at: .zero + .milliseconds(10))
        }
        return core.tick(at: try #require(core.nextTick))
    }
}

private func request(in result: PolicyNodeCore.TickResult) -> PolicyNodeCore.Request? {
    if case .observed(_, let request) = result { request } else { nil }
}
private func observation(in result: PolicyNodeCore.TickResult) -> PolicyObservation? {
    if case .observed(let observation, _) = result { observation } else { nil }
}
private struct NetworkFailure: Error {}

@Suite struct PolicyNodeCoreTests {
    @Test func doesNotTickBeforeEveryCameraHasDelivered() {
        var scene = Scene(cameras: ["primary", "wrist"])
        scene.core.receive(scene.frame(1, captured: .zero), at: .zero + .milliseconds(3))
        #expect(scene.core.nextTick == nil)
        #expect(scene.core.obstacle == .noFrameYet(camera: "primary"))
        scene.core.receive(scene.frame(2, camera: "wrist", captured: .milliseconds(4)), at: .zero + .milliseconds(7))
        #expect(scene.core.nextTick == MonotonicTime.zero + .milliseconds(27))
    }

    @Test func ticksAtThePolicyRateWhetherOrNotTheNetworkIsBusy() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        let first = try #require(request(in: try scene.step(1)))
        #expect(first.observation.timestepPadMask == [false, true])
        let start = first.observation.time
        for index in 1...3 {
            let seen = try #require(observation(in: try scene.step(UInt8(index + 1))))
            #expect(seen.time == start + Scene.period * index)
            #expect(seen.tick == UInt64(index))
            #expect(seen.timestepPadMask == [true, true])
        }
        #expect(scene.core.isInferring)
        // Three followed; one waits, two were overtaken by it.
        #expect(scene.core.counters.overtaken == 2)
        let (chunk, next) = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([1, 2]), at: start + .milliseconds(650))
        #expect(chunk?.observationTime == start)
        #expect(next?.observation.tick == 3)
    }

    @Test func theWindowHoldsImagesOnePolicyStepApart() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        // Between two ticks the camera delivers several frames: only the newest before the tick is history.
        let due = try #require(scene.core.nextTick)
        for (value, before) in [(10, 150), (11, 100), (12, 50)] {
            let captured = (due - MonotonicTime.zero) - .milliseconds(before)
            scene.core.receive(scene.frame(UInt8(value), captured: captured), at: .zero + captured)
        }
        let seen = try #require(observation(in: scene.core.tick(at: due)))
        let bytes = seen.views[0].pixels.bytes
        #expect(bytes.first == 1)
        #expect(bytes.last == 12)
    }

    @Test func anOptionalCameraThatIsAwayIsMaskedAndTheOtherGoesOn() throws {
        var scene = Scene(cameras: ["primary", "wrist"], optional: ["wrist"])
        scene.core.receive(scene.goal())
        func look(_ value: UInt8, wrist: UInt8?) throws -> PolicyObservation {
            if let wrist {
                let captured = (scene.core.nextTick ?? .zero + .milliseconds(10)) - .milliseconds(8)
                scene.core.receive(
                    scene.frame(wrist, camera: "wrist", captured: captured - .zero), at: captured + .milliseconds(1))
            }
            return try #require(observation(in: try scene.step(value)))
        }
        // Before it has ever delivered.
        let first = try look(1, wrist: nil)
        #expect(first.views.map(\.padMask) == [[], [false, false]])
        #expect(first.views[1].captureTime == first.time && first.views[1].pixels.bytes.allSatisfy { $0 == 0 })
        #expect(
            scene.core.obstacle == nil && scene.core.warning(at: first.time)?.contains("without camera 'wrist'") == true
        )
        let second = try look(2, wrist: 50)
        #expect(second.views.map(\.padMask) == [[], [false, true]])
        #expect(second.timestepPadMask == [true, true])
        #expect(scene.core.warning(at: second.time) == nil)
        #expect(try look(3, wrist: 51).views.map(\.padMask) == [[], []])
        // Silent for so long that its frame is too old.
        let later = try (4...8).map { try look($0, wrist: nil) }
        #expect(later.map { $0.views[1].padMask } == [[], [], [true, false], [false, false], [false, false]])
        #expect(scene.core.masked.first?.obstacle == .staleFrame(camera: "wrist", age: .milliseconds(1008)))
        #expect(scene.core.counters.invalidTicks == 0)
        // The other one is needed as ever.
        for _ in 0..<3 { _ = scene.core.tick(at: try #require(scene.core.nextTick)) }
        guard case .staleFrame(camera: "primary", _) = scene.core.obstacle else {
            Issue.record("\(String(describing: scene.core.obstacle))")
            return
        }
    }

    @Test func aTickThatComesLateDoesNotSeeTheFuture() throws {
        var scene = Scene(window: 1)
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        let due = try #require(scene.core.nextTick)
        scene.core.receive(scene.frame(2, captured: (due - MonotonicTime.zero) - .milliseconds(10)), at: due)
        scene.core.receive(
            scene.frame(3, captured: (due - MonotonicTime.zero) + .milliseconds(10)), at: due + .milliseconds(12))
        let seen = try #require(observation(in: scene.core.tick(at: due + .milliseconds(15))))
        #expect(seen.views[0].pixels.bytes.first == 2)
    }

    /// However many frames came since the tick was due, and from each camera its own.
    @Test(arguments: [1, 2, 5, 40])
    func eachCamerasNewestFrameThatIsNotNewerThanTheTickIsSeenAndTheSkewIsTold(late: Int) throws {
        var scene = Scene(window: 1, cameras: ["primary", "wrist"])
        for (camera, captured) in [("primary", 1), ("wrist", 2)] {
            scene.core.receive(
                scene.frame(1, camera: camera, captured: .milliseconds(captured)), at: .zero + .milliseconds(3))
        }
        let due = try #require(scene.core.nextTick) - MonotonicTime.zero
        for (camera, offset) in [("primary", 3), ("wrist", 8)] {
            // Two that the tick may see, then those of its future.
            for index in 0..<late + 2 {
                let captured =
                    due + .milliseconds(-offset - 10 + 10 * index) + (index > 1 ? .milliseconds(offset) : .zero)
                scene.core.receive(
                    scene.frame(UInt8(10 + index), camera: camera, captured: captured),
                    at: .zero + captured + .milliseconds(1))
            }
        }
        let seen = try #require(observation(in: scene.core.tick(at: .zero + due + .seconds(1))))
        #expect(seen.views.map { $0.pixels.bytes.first } == [11, 11])
        #expect(seen.views.map { (.zero + due) - $0.captureTime } == [.milliseconds(3), .milliseconds(8)])
        #expect(scene.core.cameraSkew.count == 1)
        #expect(abs(scene.core.cameraSkew.maximum.inMilliseconds - 5) < 0.1)
    }

    @Test func aFrameOfTheFutureIsNotSeen() throws {
        var scene = Scene(window: 1)
        scene.core.receive(scene.frame(1, captured: .seconds(9)), at: .zero)
        guard case .invalid = scene.core.tick(at: try #require(scene.core.nextTick)) else {
            Issue.record("a frame newer than the tick was observed")
            return
        }
        #expect(scene.core.obstacle == .noFrameYet(camera: "primary"))
    }

    @Test func anOldFrameIsNeverFedAsNewAndTheHistoryStartsAnew() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        _ = try scene.step(2)
        // The camera is silent for three ticks: the frame is 205, 405, then 605 ms old.
        for _ in 0..<2 {
            let due = try #require(scene.core.nextTick)
            #expect(observation(in: scene.core.tick(at: due)) != nil)
        }
        let due = try #require(scene.core.nextTick)
        guard case .invalid = scene.core.tick(at: due) else {
            Issue.record("a frame of 605 ms was observed")
            return
        }
        #expect(scene.core.obstacle == .staleFrame(camera: "primary", age: .milliseconds(605)))
        let seen = try #require(observation(in: try scene.step(9)))
        #expect(seen.timestepPadMask == [false, true])
        #expect(scene.core.obstacle == nil)
    }

    @Test func aMissedTickStartsTheHistoryAnew() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        let due = try #require(scene.core.nextTick)
        scene.core.receive(scene.frame(2, captured: (due - MonotonicTime.zero) - .milliseconds(5)), at: due)
        // The node was busy for two periods: the ticks between are lost.
        let late = try #require(observation(in: scene.core.tick(at: due + .milliseconds(410))))
        #expect(late.timestepPadMask == [true, true])
        #expect(scene.core.counters.missedTicks == 2)
        let next = try #require(observation(in: try scene.step(3)))
        #expect(next.timestepPadMask == [false, true])
    }

    @Test func anEmptyOrRaggedChunkIsAFailure() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        for actions: [Float] in [[], [1, 2, 3]] {
            let request = try #require(request(in: try scene.step(1)))
            let outcome = scene.core.inferenceFinished(
                Result<[Float], NetworkFailure>.success(actions), at: request.observation.time)
            #expect(outcome.publish == nil)
        }
        #expect(scene.core.counters.failedInferences == 2)
    }

    @Test func holdsWithoutAGoalWhenOneIsRequired() throws {
        var scene = Scene(requiresGoal: true)
        let result = try scene.step(1)
        #expect(observation(in: result) != nil)
        #expect(request(in: result) == nil)
        #expect(scene.core.obstacle == .noGoal)
        scene.core.receive(scene.goal())
        #expect(request(in: try scene.step(2))?.goal.id == "goal")
    }

    @Test func runsOnABlackGoalWhenToldToAndSaysSo() throws {
        var scene = Scene(requiresGoal: false)
        let request = try #require(request(in: try scene.step(1)))
        #expect(request.goal.images.isEmpty)
        #expect(scene.core.isUnconditioned)
        scene.core.receive(scene.goal())
        #expect(!scene.core.isUnconditioned)
    }

    @Test func aGoalOfAnotherCameraIsRefusedByName() throws {
        var scene = Scene(requiresGoal: false)
        scene.core.receive(scene.goal(camera: "overhead"))
        #expect(request(in: try scene.step(1)) == nil)
        #expect("\(try #require(scene.core.obstacle))".contains("overhead"))
    }

    @Test func besideAPictureASentenceIsLeftOutAndThatIsSaid() throws {
        for texts in [TaskTextReading.none, try SampleTexts.reading()] {
            var scene = Scene(texts: texts)
            var goal = scene.goal()
            scene.core.receive(goal)
            #expect(!scene.core.ignoresText)
            goal.text = "put the block into the tray"
            scene.core.receive(goal)
            let request = try #require(request(in: try scene.step(1)))
            #expect(request.goal.text == nil && request.goal.images.count == 1 && scene.core.ignoresText)
        }
    }

    @Test func aTextThatCannotBeReadIsRefusedRatherThanIgnoredWhereBothAreUsed() throws {
        var scene = Scene(goalUse: .both)
        var goal = scene.goal()
        goal.text = "put the block into the tray"
        scene.core.receive(goal)
        #expect(request(in: try scene.step(1)) == nil)
        #expect("\(try #require(scene.core.obstacle))".contains("this checkpoint takes no text"))
        // The image alone is fine again.
        goal.text = nil
        scene.core.receive(goal)
        #expect(request(in: try scene.step(2)) != nil)
        #expect(scene.core.obstacle == nil)
    }

    @Test func aTextAloneOrWithAnImageIsAGoal() throws {
        var scene = Scene(cameras: ["primary", "wrist"], texts: try SampleTexts.reading(), goalUse: .both)
        let text = Goal(id: "t", name: "t", views: [], text: "ab")
        scene.core.receive(text)
        scene.core.receive(scene.frame(1, captured: .zero), at: .zero)
        scene.core.receive(scene.frame(1, camera: "wrist", captured: .zero), at: .zero)
        let due = try #require(scene.core.nextTick)
        let alone = try #require(request(in: scene.core.tick(at: due)))
        #expect(alone.goal.images.isEmpty)
        #expect(alone.goal.text == SampleTexts.tokens(of: "ab"))
        #expect(!scene.core.isUnconditioned && scene.core.camerasWithoutGoal == [])
        _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([0, 0]), at: alone.observation.time)

        var both = scene.goal("both")
        both.text = "abc"
        scene.core.receive(both)
        let next = try #require(scene.core.nextTick)
        let together = try #require(request(in: scene.core.tick(at: next)))
        #expect(together.goal.images.keys.sorted() == ["primary"])
        #expect(together.goal.text == SampleTexts.tokens(of: "abc") && !scene.core.ignoresText)
        #expect(scene.core.camerasWithoutGoal == ["wrist"])
    }

    @Test func aTextThatTheTokenizerFailsOnHoldsTheArmInItsWords() throws {
        var scene = Scene(requiresGoal: false, texts: try SampleTexts.reading())
        scene.core.receive(Goal(id: "t", name: "t", views: [], text: SampleTexts.untokenizable))
        #expect(request(in: try scene.step(1)) == nil)
        #expect("\(try #require(scene.core.obstacle))" == "it cannot be read. Give another.")
        #expect(!scene.core.isUnconditioned)
    }

    @Test(arguments: [(8, 4), (4, 3), (8, 8), (1, 1)])
    func aGoalOfAnotherSizeThanTheFramesHoldsTheArm(width: Int, height: Int) throws {
        var scene = Scene()
        var goal = scene.goal()
        goal.views[0].image = RGBImage(width: width, height: height, filledWith: 3)
        scene.core.receive(goal)
        for value in 1...2 {
            let result = try scene.step(UInt8(value))
            #expect(observation(in: result) != nil)
            #expect(request(in: result) == nil)
            #expect(
                "\(try #require(scene.core.obstacle))"
                    == """
                    the goal image of 'primary' is \(width)x\(height), the camera delivers 4x4: record it with the \
                    same camera
                    """)
        }
        scene.core.receive(scene.goal())
        #expect(request(in: try scene.step(3)) != nil)
    }

    @Test func namesTheCamerasWhoseGoalIsMissing() {
        var scene = Scene(cameras: ["primary", "wrist"])
        scene.core.receive(scene.goal())
        #expect(scene.core.camerasWithoutGoal == ["wrist"])
    }

    @Test func aNewGoalHoldsFromTheNextTickAndTheHistoryGoesOn() throws {
        var scene = Scene()
        scene.core.receive(scene.goal("first"))
        let first = try #require(request(in: try scene.step(1)))
        _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([0, 0]), at: first.observation.time)
        scene.core.receive(scene.goal("second", value: 9))
        let second = try #require(request(in: try scene.step(2)))
        #expect(second.goal.id == "second")
        #expect(second.observation.timestepPadMask == [true, true])
    }

    @Test func theChunkCarriesWhatReproducesIt() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        let request = try #require(request(in: try scene.step(1)))
        let finished = request.observation.time + .milliseconds(40)
        let (published, _) = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([1, 2, 3, 4]), at: finished)
        let chunk = try #require(published)
        #expect(chunk.actions == [1, 2, 3, 4])
        #expect(chunk.actionHorizon == 2)
        #expect(chunk.noiseSeed == 7)
        #expect(chunk.noiseCounter == request.observation.tick)
        #expect(chunk.goalID == "goal")
        #expect(!scene.core.isInferring)
        #expect(chunk.stepDuration == Scene.period)
        #expect(scene.core.frameToChunk.count == 1)
    }

    @Test func aFailedOrInfiniteInferenceMakesNoChunkAndIsCounted() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        let request = try #require(request(in: try scene.step(1)))
        let failed = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.failure(NetworkFailure()), at: request.observation.time)
        #expect(failed.publish == nil)
        _ = try scene.step(2)
        let infinite = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([.infinity, 0]), at: request.observation.time)
        #expect(infinite.publish == nil)
        #expect(scene.core.counters.failedInferences == 2)
        #expect(scene.core.counters.chunks == 0)
    }

    @Test func anUnreadableJPEGMakesTheTickInvalid() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        var frame = scene.frame(1, captured: .zero)
        frame.pixels = .jpeg(SharedBytes(copying: [0xFF, 0xD8, 1, 2, 3]), width: 4, height: 4)
        scene.core.receive(frame, at: .zero)
        guard case .invalid = scene.core.tick(at: try #require(scene.core.nextTick)) else {
            Issue.record("a broken JPEG was observed")
            return
        }
        guard case .unreadableFrame = scene.core.obstacle else {
            Issue.record("obstacle is \(String(describing: scene.core.obstacle))")
            return
        }
    }

    @Test func anUnreadableJPEGAfterAGoodFrameIsPassedOver() throws {
        var scene = Scene()
        scene.core.receive(scene.goal())
        let good = try #require(observation(in: try scene.step(1)))
        let second = try #require(scene.core.nextTick)
        var frame = scene.frame(2, captured: (second - MonotonicTime.zero) - .milliseconds(5))
        frame.pixels = .jpeg(SharedBytes(copying: [0xFF, 0xD8, 1, 2, 3]), width: 4, height: 4)
        scene.core.receive(frame, at: second)
        let next = try #require(observation(in: scene.core.tick(at: second)))
        #expect(next.views.map(\.captureTime) == good.views.map(\.captureTime) && scene.core.obstacle == nil)
        #expect(scene.core.counters.unreadableFrames == 1 && scene.core.counters.invalidTicks == 0)
        #expect(scene.core.warning(at: second)?.contains("\"yuyv\"") == true)
        #expect(scene.core.warning(at: second + .seconds(6)) == nil)
    }

    @Test func sameEventsGiveTheSameRequests() throws {
        let seed = SeededGenerator.freshSeed()
        func run() throws -> [String] {
            var random = SeededGenerator(seed: seed)
            var scene = Scene(requiresGoal: false)
            var log: [String] = []
            var now = MonotonicTime.zero
            for index in 0..<300 {
                now += .milliseconds(Int.random(in: 1...90, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: scene.core.receive(scene.frame(UInt8(index % 250), captured: now - .zero), at: now)
                case 1: scene.core.receive(scene.goal("g\(index)", value: UInt8(index % 250)))
                case 2:
                    let outcome = scene.core.inferenceFinished(
                        Result<[Float], NetworkFailure>.success([Float(index), 0]), at: now)
                    log.append("\(String(describing: outcome.publish))")
                default:
                    if let due = scene.core.nextTick, due <= now { log.append("\(scene.core.tick(at: now))") }
                }
            }
            return log.map { $0.replacing(/0x[0-9a-f]+/, with: "") }
        }
        let first = try run()
        #expect(first.count > 50)
        #expect(try run() == first, "seed \(seed)")
    }
}

/// Whether the goal's fit lets the policy move the arm.
@Suite struct PolicyGoalFitTests {
    private func fit(
        _ verdict: GoalFit.Verdict, of goal: String = "goal", _ reason: String = "camera moved 7 px right"
    ) -> GoalFit {
        let reasons = verdict == .green ? [] : [GoalFit.Reason(verdict: verdict, text: reason)]
        return GoalFit(
            goalID: goal, goalName: goal, verdict: verdict,
            cameras: [.init(camera: "primary", verdict: verdict, reasons: reasons)],
            time: .zero)
    }

    /// Tells the fit and runs a tick.
    private func step(
        _ scene: inout Scene, _ verdict: GoalFit.Verdict?, of goal: String = "goal", _ value: UInt8
    ) throws -> PolicyNodeCore.Request? {
        let now = scene.core.nextTick ?? .zero
        if let verdict { scene.core.receive(fit(verdict, of: goal), at: now) }
        return request(in: try scene.step(value))
    }

    @Test(arguments: [
        (GoalFit.Verdict.green, GoalFit.Verdict.green, true), (.green, .amber, false), (.green, .red, false),
        (.green, .unknown, false),
        (.amber, .green, true), (.amber, .amber, true), (.amber, .red, false), (.amber, .unknown, false),
    ]) func theArmBeginsOnlyWhenTheGoalFitsAsWellAsRequired(
        _ required: GoalFit.Verdict, _ found: GoalFit.Verdict, _ begins: Bool
    ) throws {
        var scene = Scene(fitRules: .init(required: required, pausesOnDrift: false))
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        #expect(scene.core.obstacle?.description == "waiting for the goal's fit", "nothing is known yet")
        let started = try step(&scene, found, 2)
        #expect((started != nil) == begins)
        if !begins {
            let words = scene.core.obstacle?.description ?? ""
            #expect(
                words.contains("policy.require_goal_fit is \(required)") && words.contains("camera moved 7 px right"),
                "\(words)")
        }
    }

    @Test func aFitOfAnotherGoalOrOfLongAgoDoesNotCount() throws {
        var scene = Scene(fitRules: .init(required: .amber, pausesOnDrift: false))
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        #expect(try step(&scene, .green, of: "other", 2) == nil)
        scene.core.receive(fit(.green), at: .zero)
        // 3 s later it says nothing about the scene.
        for value in 3..<25 { _ = try scene.step(UInt8(value)) }
        var late = Scene(fitRules: .init(required: .amber, pausesOnDrift: false))
        late.core.receive(late.goal())
        late.core.receive(fit(.green), at: .zero)
        for value in 1..<16 {
            _ = value;
            late.core.receive(
                late.frame(UInt8(value), captured: .milliseconds(200 * value)), at: .zero + .milliseconds(200 * value))
        }
        _ = late.core.tick(at: .zero + .seconds(4))
        #expect(late.core.obstacle?.description == "waiting for the goal's fit")
    }

    @Test func onceBegunOnlyRedPausesAndOnlyWhereAsked() throws {
        for pauses in [true, false] {
            var scene = Scene(fitRules: .init(required: .green, pausesOnDrift: pauses))
            scene.core.receive(scene.goal())
            _ = try scene.step(1)
            #expect(try step(&scene, .green, 2) != nil)
            _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([1, 2]), at: .zero)
            #expect(try step(&scene, .amber, 3) != nil, "an arm that is on its way is not stopped for amber")
            // The network is at work when the camera is pushed: its chunk must not go out.
            let held = try step(&scene, .red, 4)
            let (chunk, _) = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([1, 2]), at: .zero)
            #expect((chunk == nil) == pauses)
            #expect(held == nil, "the network was busy")
            if pauses {
                #expect(
                    scene.core.obstacle?.description.hasPrefix(
                        "paused: the goal does not fit the scene any more: camera moved") == true)
                #expect(try step(&scene, .red, 5) == nil)
                #expect(try step(&scene, .amber, 6) != nil, "it goes on when it fits again")
            } else {
                #expect(scene.core.obstacle == nil)
                let now = try #require(scene.core.nextTick)
                #expect(scene.core.warning(at: now)?.contains("camera moved 7 px right") == true)
            }
        }
    }

    @Test func aNewGoalHasToFitAnew() throws {
        var scene = Scene(fitRules: .init(required: .green, pausesOnDrift: false))
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        #expect(try step(&scene, .green, 2) != nil)
        _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([1, 2]), at: .zero)
        scene.core.receive(scene.goal("next"))
        #expect(try step(&scene, .amber, of: "next", 3) == nil)
        #expect(try step(&scene, .green, of: "next", 4) != nil)
    }

    @Test func withoutPicturesThereIsNothingToFit() throws {
        var scene = Scene(texts: try SampleTexts.reading(), fitRules: .init(required: .green, pausesOnDrift: true))
        scene.core.receive(Goal(id: "t", name: "t", views: [], text: "go"))
        #expect(request(in: try scene.step(1)) != nil)
    }
}

@Suite struct GoalSensitivityTests {
    private static let horizon = 4

    /// Chunks that scatter by 1 in each of two dimensions, moved by `shift`.
    private func chunks(_ shift: Double, seed: UInt64, scatter: Double = 1) -> [[Float]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<64).map { _ in
            (0..<Self.horizon * 2).map { _ in
                // The sum of twelve uniform numbers is nearly normal, with variance 1.
                let normal = (0..<12).reduce(0.0) { sum, _ in sum + .random(in: 0..<1, using: &generator) } - 6
                return Float(normal * scatter + shift)
            }
        }
    }

    private func sensitivity(_ black: Double, _ present: Double) -> GoalSensitivity {
        GoalSensitivity(
            goal: chunks(0, seed: 1), black: chunks(black, seed: 1), present: chunks(present, seed: 1), dimension: 2,
            floor: [0, 0])
    }

    @Test func differencesAreInUnitsOfTheScatter() {
        let found = sensitivity(3, 0.5)
        #expect(abs(found.againstBlack - 3) < 0.3 && abs(found.againstPresent - 0.5) < 0.05, "\(found)")
        #expect(found.scatter.allSatisfy { abs($0 - 1) < 0.2 })
    }

    @Test func theVerdictGoesByTheSmallerDifference() {
        #expect(sensitivity(3, 2).verdict == .listens)
        #expect(sensitivity(3, 0.5).verdict == .hardly, "from the present view it cannot tell the goal")
        #expect(sensitivity(0, 0).verdict == .deaf)
        for verdict in [sensitivity(3, 2), sensitivity(3, 0.5), sensitivity(0, 0)] {
            #expect(verdict.words.contains("listen"))
        }
    }

    @Test func aHeadWithoutASamplerIsMeasuredByTheFloor() {
        let steady = [[Float]](repeating: [1, 1, 1, 1], count: 4)
        let other = [[Float]](repeating: [1.5, 1, 1.5, 1], count: 4)
        let found = GoalSensitivity(goal: steady, black: other, present: steady, dimension: 2, floor: [0.5, 0.5])
        #expect(found.scatter == [0.5, 0.5])
        #expect(abs(found.againstBlack - 0.5.squareRoot()) < 1e-6 && found.againstPresent == 0)
    }
}
