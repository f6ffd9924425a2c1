import Images
import Messages
import Policy
import Testing
import Time

/// Which goals the policy acts on, and which hold the arm.
@Suite struct PolicyGoalTests {
    @Test func holdsWithoutAGoalWhenOneIsRequired() throws {
        var scene = PolicyScene(requiresGoal: true)
        let result = try scene.step(1)
        #expect(observation(in: result) != nil)
        #expect(request(in: result) == nil)
        #expect(scene.core.obstacle == .noGoal)
        scene.core.receive(scene.goal())
        #expect(request(in: try scene.step(2))?.goal.id == "goal")
    }

    @Test func runsOnABlackGoalWhenToldToAndSaysSo() throws {
        var scene = PolicyScene(requiresGoal: false)
        let request = try #require(request(in: try scene.step(1)))
        #expect(request.goal.images.isEmpty)
        #expect(scene.core.isUnconditioned)
        scene.core.receive(scene.goal())
        #expect(!scene.core.isUnconditioned)
    }

    @Test func aGoalOfAnotherCameraIsRefusedByName() throws {
        var scene = PolicyScene(requiresGoal: false)
        scene.core.receive(scene.goal(camera: "overhead"))
        #expect(request(in: try scene.step(1)) == nil)
        #expect("\(try #require(scene.core.obstacle))".contains("overhead"))
    }

    @Test func besideAPictureASentenceIsLeftOutAndThatIsSaid() throws {
        for texts in [TaskTextReading.none, try SampleTexts.reading()] {
            var scene = PolicyScene(texts: texts)
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
        var scene = PolicyScene(goalUse: .both)
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
        var scene = PolicyScene(cameras: ["primary", "wrist"], texts: try SampleTexts.reading(), goalUse: .both)
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
        var scene = PolicyScene(requiresGoal: false, texts: try SampleTexts.reading())
        scene.core.receive(Goal(id: "t", name: "t", views: [], text: SampleTexts.untokenizable))
        #expect(request(in: try scene.step(1)) == nil)
        #expect("\(try #require(scene.core.obstacle))" == "it cannot be read. Give another.")
        #expect(!scene.core.isUnconditioned)
    }

    @Test(arguments: [(8, 4), (4, 3), (8, 8), (1, 1)])
    func aGoalOfAnotherSizeThanTheFramesHoldsTheArm(width: Int, height: Int) throws {
        var scene = PolicyScene()
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
        var scene = PolicyScene(cameras: ["primary", "wrist"])
        scene.core.receive(scene.goal())
        #expect(scene.core.camerasWithoutGoal == ["wrist"])
    }

    @Test func aNewGoalHoldsFromTheNextTickAndTheHistoryGoesOn() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal("first"))
        let first = try #require(request(in: try scene.step(1)))
        _ = scene.core.inferenceFinished(Result<[Float], NetworkFailure>.success([0, 0]), at: first.observation.time)
        scene.core.receive(scene.goal("second", value: 9))
        let second = try #require(request(in: try scene.step(2)))
        #expect(second.goal.id == "second")
        #expect(second.observation.timestepPadMask == [true, true])
    }
}
