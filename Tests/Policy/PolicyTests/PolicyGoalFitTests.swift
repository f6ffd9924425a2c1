import Messages
import Policy
import Testing
import Time

/// Whether the goal's fit lets the policy move the arm.
@Suite struct PolicyGoalFitTests {
    /// Tells the fit and runs a tick.
    private func step(
        _ scene: inout PolicyScene, _ verdict: GoalFit.Verdict?, of goal: String = "goal", _ value: UInt8
    ) throws -> PolicyNodeCore.Request? {
        let now = scene.core.nextTick ?? .zero
        if let verdict { scene.core.receive(scene.fit(verdict, of: goal), at: now) }
        return request(in: try scene.step(value))
    }

    @Test(arguments: [
        (GoalFit.Verdict.green, GoalFit.Verdict.green, true), (.green, .amber, false), (.green, .red, false),
        (.green, .unknown, false),
        (.amber, .green, true), (.amber, .amber, true), (.amber, .red, false), (.amber, .unknown, false),
    ]) func theArmBeginsOnlyWhenTheGoalFitsAsWellAsRequired(
        _ required: GoalFit.Verdict, _ found: GoalFit.Verdict, _ begins: Bool
    ) throws {
        var scene = PolicyScene(fitRules: .init(required: required, pausesOnDrift: false))
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
        var scene = PolicyScene(fitRules: .init(required: .amber, pausesOnDrift: false))
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        #expect(try step(&scene, .green, of: "other", 2) == nil)
        scene.core.receive(scene.fit(.green), at: .zero)
        // 3 s later it says nothing about the scene.
        for value in 3..<25 { _ = try scene.step(UInt8(value)) }
        var late = PolicyScene(fitRules: .init(required: .amber, pausesOnDrift: false))
        late.core.receive(late.goal())
        late.core.receive(late.fit(.green), at: .zero)
        for value in 1..<16 {
            late.core.receive(
                late.frame(UInt8(value), captured: .milliseconds(200 * value)), at: .zero + .milliseconds(200 * value))
        }
        _ = late.core.tick(at: .zero + .seconds(4))
        #expect(late.core.obstacle?.description == "waiting for the goal's fit")
    }

    @Test func onceBegunOnlyRedPausesAndOnlyWhereAsked() throws {
        for pauses in [true, false] {
            var scene = PolicyScene(fitRules: .init(required: .green, pausesOnDrift: pauses))
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
        var scene = PolicyScene(fitRules: .init(required: .green, pausesOnDrift: false))
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        #expect(try step(&scene, .green, 2) != nil)
        _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([1, 2]), at: .zero)
        scene.core.receive(scene.goal("next"))
        #expect(try step(&scene, .amber, of: "next", 3) == nil)
        #expect(try step(&scene, .green, of: "next", 4) != nil)
    }

    @Test func withoutPicturesThereIsNothingToFit() throws {
        var scene = PolicyScene(
            texts: try SampleTexts.reading(), fitRules: .init(required: .green, pausesOnDrift: true))
        scene.core.receive(Goal(id: "t", name: "t", views: [], text: "go"))
        #expect(request(in: try scene.step(1)) != nil)
    }
}
