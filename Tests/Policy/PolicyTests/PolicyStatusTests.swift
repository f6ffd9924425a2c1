import Messages
import Policy
import Testing
import Time

/// What the policy node says of itself, and when it says in the log that the goal holds the arm.
@Suite struct PolicyStatusTests {
    private func told(_ scene: PolicyScene, at now: MonotonicTime = .zero) -> (NodeStatus.State, String) {
        let status = scene.core.status(model: "octo/base step 3", at: now)
        return (status.state, status.headline)
    }

    @Test func whatCountsIsInTheStatusByName() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        let request = try #require(request(in: try scene.step(1)))
        _ = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.success([1, 2]), at: request.observation.time + .milliseconds(40))
        let status = scene.core.status(model: "octo", at: .zero)
        #expect(status.node == "policy" && status.node == PolicyNodeCore.node)
        let counters = Dictionary(uniqueKeysWithValues: status.counters.map { ($0.name, $0.value) })
        #expect(
            counters == [
                "ticks": 1, "observations": 1, "invalid_ticks": 0, "missed_ticks": 0, "chunks": 1, "overtaken": 0,
                "failed_inferences": 0, "unreadable_frames": 0, "mended_frames": 0,
            ])
        #expect(status.latencies.map(\.name) == ["inference", "frame_to_chunk", "camera_skew"])
        #expect(status.latencies.allSatisfy { $0.count == 1 })
    }

    @Test func beforeTheFirstFrameNothingIsWrongYet() {
        #expect(told(PolicyScene()) == (.ready, "waiting for the first frame of camera 'primary'"))
    }

    @Test func withAGoalItRunsAndNamesItsCheckpoint() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        #expect(told(scene) == (.ready, "running octo/base step 3"))
        var both = scene.goal("both")
        both.text = "put the block into the tray"
        scene.core.receive(both)
        #expect(
            told(scene) == (
                .ready,
                "running octo/base step 3; of the goal its pictures are used, not its sentence (goal.use)"
            ))
    }

    @Test func whateverKeepsItFromMakingChunksIsDegradedInTheObstaclesWords() throws {
        var scene = PolicyScene()
        _ = try scene.step(1)
        #expect(scene.core.obstacle == .noGoal)
        #expect(told(scene) == (.degraded, PolicyNodeCore.Obstacle.noGoal.description))
        // The camera is silent for three ticks.
        for _ in 0..<3 { _ = scene.core.tick(at: try #require(scene.core.nextTick)) }
        let (state, headline) = told(scene)
        #expect(state == .degraded && headline.hasPrefix("the newest frame of camera 'primary' is "), "\(headline)")
    }

    @Test func aBlackGoalIsDegradedWholeOrInPart() throws {
        var scene = PolicyScene(requiresGoal: false)
        _ = try scene.step(1)
        #expect(told(scene) == (.degraded, "unconditioned: no goal is set, the network sees a black image"))
        var two = PolicyScene(cameras: ["primary", "wrist"])
        two.core.receive(two.goal())
        two.core.receive(two.frame(1, camera: "wrist", captured: .milliseconds(5)), at: .zero)
        _ = try two.step(1)
        #expect(told(two) == (.degraded, "no goal image for wrist: the network sees a black one"))
    }

    /// A failure comes first: it is what has to be mended.
    @Test func aFailedInferenceIsToldUntilOneSucceeds() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        let failed = try #require(request(in: try scene.step(1)))
        _ = scene.core.inferenceFinished(
            Result<[Float], NetworkFailure>.failure(NetworkFailure()), at: failed.observation.time)
        #expect(told(scene) == (.degraded, "inference fails: NetworkFailure()"))
        let next = try #require(request(in: try scene.step(2)))
        _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([1, 2]), at: next.observation.time)
        #expect(told(scene) == (.ready, "running octo/base step 3"))
    }

    @Test func aWarningIsDegradedAlthoughChunksAreMade() throws {
        var scene = PolicyScene(cameras: ["primary", "wrist"], goalUse: .images, optional: ["wrist"])
        var goal = scene.goal()
        goal.views.append(scene.goal(camera: "wrist").views[0])
        scene.core.receive(goal)
        #expect(request(in: try scene.step(1)) != nil)
        let (state, headline) = told(scene)
        #expect(state == .degraded && headline.hasPrefix("without camera 'wrist'"), "\(headline)")
    }

    // MARK: The log

    @Test func theLogHasOneEventForEachTimeTheGoalHoldsTheArmOrLetsItGo() throws {
        var scene = PolicyScene(fitRules: .init(required: nil, pausesOnDrift: true))
        let held = try #require(event(in: try scene.step(1)))
        #expect(held.kind == .policyHeld && held.node == "policy" && held.subject == "")
        #expect(held.text == PolicyNodeCore.Obstacle.noGoal.description && held.time == .zero + .milliseconds(30))
        #expect(event(in: try scene.step(2)) == nil, "it is held for the same reason")

        scene.core.receive(scene.goal())
        scene.core.receive(scene.fit(.green), at: try #require(scene.core.nextTick))
        let released = try #require(event(in: try scene.step(3)))
        #expect(released.kind == .policyReleased && released.text == "the policy goes on")
        #expect(event(in: try scene.step(4)) == nil)

        for (pixels, isNews) in [(7, true), (8, false)] {
            let now = try #require(scene.core.nextTick)
            scene.core.receive(scene.fit(.red, "camera moved \(pixels) px right"), at: now)
            let event = event(in: try scene.step(UInt8(pixels)))
            #expect((event?.kind == .policyHeld) == isNews, "another number of pixels is no news")
        }
    }

    @Test func aCameraThatIsSilentIsNoHoldingByTheGoal() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        #expect(event(in: try scene.step(1)) == nil, "nothing held it before")
        for _ in 0..<4 {
            #expect(event(in: scene.core.tick(at: try #require(scene.core.nextTick))) == nil)
        }
        #expect(scene.core.counters.invalidTicks > 0)
        #expect(event(in: try scene.step(2)) == nil)
    }
}
