import Files
import Foundation
import Images
import Messages
import OctoModel
import Policy
import TestSupport
import Testing
import Time

/// The engine on a golden case: what the network infers must come through un-changed by what surrounds it.
@Suite struct PolicyEngineTests {
    private let checkpoint: Checkpoint
    private let recorded: SafetensorsFile

    init() throws {
        checkpoint = try Checkpoint(folder: Fixture.url("octo/case1_primary_goal_w1/checkpoint").path)
        recorded = try SafetensorsFile(path: Fixture.url("octo/case1_primary_goal_w1/io.safetensors").path)
    }

    private func engine() throws -> PolicyEngine {
        PolicyEngine(
            network: try FastNetwork(checkpoint, team: WorkerTeam(threads: 1)),
            statistics: try checkpoint.actionStatistics(dataset: "bridge_dataset"))
    }

    private func image(_ tensor: String) throws -> RGBImage {
        RGBImage(width: 256, height: 256, pixels: SharedBytes(copying: try recorded.uint8(tensor)))
    }

    private func request(goal: RGBImage?, counter: UInt64 = 3) throws -> PolicyNodeCore.Request {
        let view = PolicyObservation.View(
            camera: "primary", width: 256, height: 256, pixels: try image("in.obs.image_primary").pixels,
            captureTime: .zero)
        return .init(
            observation: PolicyObservation(tick: 0, time: .zero, goalID: "g", views: [view], timestepPadMask: [true]),
            goal: .init(id: "g", images: goal.map { ["primary": $0] } ?? [:]), captureTime: .zero, noiseSeed: 11,
            noiseCounter: counter)
    }

    @Test func equalsTheNetworkWithTheSameImagesAndNoise() throws {
        var engine = try engine()
        let actions = try engine.run(try request(goal: try image("in.task.image_primary")))
        let network = try FastNetwork(checkpoint, team: WorkerTeam(threads: 1))
        let task = try network.prepare(
            TaskInput(goalImages: ["image_primary": try recorded.uint8("in.task.image_primary")]))
        let normalised = try network.infer(
            ObservationInput(
                images: ["image_primary": try recorded.uint8("in.obs.image_primary")], timestepPadMask: [true]),
            task: task, noise: network.makeNoise(seed: 11, counter: 3), embodimentDimension: 7)
        let statistics = try checkpoint.actionStatistics(dataset: "bridge_dataset")
        #expect(actions == statistics.unnormalise(normalised, actionDimension: 7))
        #expect(actions.count == 4 * 7)
        #expect(engine.actionDimension == 7)
    }

    @Test func theGoalImageMattersAndIsNotKeptFromTheFormerGoal() throws {
        var engine = try engine()
        let goal = try image("in.task.image_primary")
        let towardsGoal = try engine.run(try request(goal: goal))
        let towardsBlack = try engine.run(try request(goal: nil))
        #expect(towardsGoal != towardsBlack)
        #expect(try engine.run(try request(goal: goal)) == towardsGoal)
        // A goal that was never given is a black image, as in the official code.
        #expect(try engine.run(try request(goal: RGBImage(width: 256, height: 256, filledWith: 0))) == towardsBlack)
    }

    @Test func theNoiseCounterMatters() throws {
        var engine = try engine()
        let goal = try image("in.task.image_primary")
        #expect(try engine.run(try request(goal: goal)) != engine.run(try request(goal: goal, counter: 4)))
    }

    @Test func aRobotWithoutACameraOfTheCheckpointIsRefusedByName() throws {
        #expect(throws: PolicyEngineError.missingCamera(wanted: ["primary"], given: ["overhead"])) {
            try PolicyConfiguration.absentCameras(of: checkpoint.description, in: ["overhead"])
        }
    }

    @Test func ofTwoCamerasOneMayBeAbsent() throws {
        let both = try Checkpoint(folder: Fixture.url("octo/case10_wrist_left_out/checkpoint").path)
        #expect(try PolicyConfiguration.absentCameras(of: both.description, in: ["wrist", "primary", "spare"]).isEmpty)
        let absent = try PolicyConfiguration.absentCameras(of: both.description, in: ["primary", "spare"])
        #expect(absent.map(\.name) == ["wrist"])
        let one = try both.leavingOut(["image_wrist"])
        let (cameras, _) = try PolicyConfiguration.cameras(of: one.description, in: ["primary"], window: nil)
        #expect(cameras.map(\.name) == ["primary"])
        #expect(one.description.sequenceLength < both.description.sequenceLength)
        #expect(one.description.ignoredParameters == both.description.ignoredParameters)
        #expect(
            throws: CheckpointError.cannotLeaveOut(["image_primary", "image_wrist"], reason: "it would see nothing")
        ) {
            try both.leavingOut(["image_primary", "image_wrist"])
        }
    }

    /// A camera that is masked counts for nothing: what its pixels are does not matter, and black ones with a mask are
    /// another thing than black ones without.
    @Test func aMaskedCameraIsNotSeen() throws {
        let both = try Checkpoint(folder: Fixture.url("octo/case10_wrist_left_out/checkpoint").path)
        let (cameras, _) = try PolicyConfiguration.cameras(of: both.description, in: ["primary", "wrist"], window: 1)
        var engine = PolicyEngine(
            network: try FastNetwork(both, team: WorkerTeam(threads: 1)),
            statistics: try both.actionStatistics(dataset: "bridge_dataset"))
        func actions(wrist: UInt8, mask: [Bool]) throws -> [Float] {
            let views = cameras.map { camera in
                let value: UInt8 = camera.name == "wrist" ? wrist : 90
                return PolicyObservation.View(
                    camera: camera.name, width: camera.width, height: camera.height,
                    pixels: RGBImage(width: camera.width, height: camera.height, filledWith: value).pixels,
                    captureTime: .zero,
                    padMask: camera.name == "wrist" ? mask : [])
            }
            return try engine.run(
                PolicyNodeCore.Request(
                    observation: PolicyObservation(
                        tick: 0, time: .zero, goalID: "", views: views, timestepPadMask: [true]),
                    goal: .init(id: "", images: [:]), captureTime: .zero, noiseSeed: 1, noiseCounter: 0))
        }
        let masked = try actions(wrist: 0, mask: [false])
        #expect(try actions(wrist: 200, mask: [false]) == masked)
        #expect(try actions(wrist: 0, mask: []) != masked)
        #expect(try actions(wrist: 0, mask: [true]) == actions(wrist: 0, mask: []))
    }

    @Test func whatCannotBeMaskedIsRefusedByName() throws {
        let both = try Checkpoint(folder: Fixture.url("octo/case10_wrist_left_out/checkpoint").path)
        try both.checkMaskable(["image_wrist"])
        try both.checkMaskable([])
        // Trained so that black pictures are looked at.
        let folder = try TemporaryFolder()
        let copy = URL(fileURLWithPath: folder.file("checkpoint"))
        try FileManager.default.copyItem(at: Fixture.url("octo/case10_wrist_left_out/checkpoint"), to: copy)
        let config = copy.appendingPathComponent("config.json")
        let keys = #""obs_stack_keys": ["image_wrist"]"#
        let text = try String(contentsOf: config, encoding: .utf8)
        #expect(text.contains(keys))
        try Data(text.replacing(keys, with: keys + #", "proper_pad_mask": false"#).utf8).write(to: config)
        let refusal = CheckpointError.cannotMask(
            ["image_wrist"], reason: "'wrist' was trained without masks (proper_pad_mask)")
        #expect(throws: refusal) { try Checkpoint(folder: copy.path).checkMaskable(["image_wrist"]) }
    }

    private func conditioned() throws -> Checkpoint {
        var variation = Checkpoint.RandomVariation()
        variation.usesFilm = true
        return try Checkpoint.random(shape: .tiny, seed: 1, variation: variation)
    }

    @Test func aCheckpointThatReadsNumbersOfTheTaskIsRefusedWithoutThemOrWithOthers() throws {
        let model = try conditioned().description
        func refusal(_ given: [String: [Double]]) -> PolicyEngineError? {
            do throws(PolicyEngineError) {
                _ = try TaskNumbers(of: model, given: given)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal([:]) == .missingTaskNumbers(key: "place", count: 2))
        #expect(refusal(["place": [1, 2], "sped": [1]]) == .missingTaskNumbers(key: "speed", count: 5))
        #expect(refusal(["place": [1], "speed": [1]]) == .wrongTaskNumbers(key: "place", found: 1, expected: 2))
        let words = try #require(refusal([:])).description
        #expect(words.contains("Set policy.task_numbers.place to a list of 2"))
        #expect(
            PolicyEngineError.wrongTaskNumbers(key: "place", found: 1, expected: 2).description.contains(
                "has 1 numbers"))
        // What nobody reads is left out.
        #expect(try TaskNumbers(of: checkpoint.description, given: ["speed": [1]]).given.isEmpty)
        // What is missing may come with a goal, what is there must fit.
        #expect(try TaskNumbers(of: model, given: ["place": [1, 2]], isComplete: false).given == ["place": [1, 2]])
        #expect(throws: PolicyEngineError.wrongTaskNumbers(key: "place", found: 1, expected: 2)) {
            try TaskNumbers(of: model, given: ["place": [1]], isComplete: false)
        }
    }

    @Test func theTasksNumbersReachTheImageEncoder() throws {
        let checkpoint = try conditioned()
        let statistics = ActionStatistics(mean: [Float](repeating: 0, count: 7), std: [Float](repeating: 1, count: 7))
        let image = RGBImage(width: 64, height: 64, filledWith: 90)
        let view = PolicyObservation.View(
            camera: "primary", width: 64, height: 64, pixels: image.pixels, captureTime: .zero)
        func actions(_ numbers: [String: [Double]], goal own: [String: [Float]] = [:]) throws -> [Float] {
            let given = try TaskNumbers(of: checkpoint.description, given: numbers, isComplete: false).given
            var engine = PolicyEngine(
                network: try FastNetwork(checkpoint, team: WorkerTeam(threads: 1)), statistics: statistics,
                taskNumbers: given)
            return try engine.run(
                PolicyNodeCore.Request(
                    observation: PolicyObservation(
                        tick: 0, time: .zero, goalID: "g", views: [view], timestepPadMask: [true]),
                    goal: .init(id: "g", images: ["primary": image], taskNumbers: own), captureTime: .zero,
                    noiseSeed: 1,
                    noiseCounter: 0))
        }
        let slow = try actions(["speed": [1, 0, 0, 0, 0], "place": [0, 1]])
        #expect(try actions(["speed": [1, 0, 0, 0, 0], "place": [0, 1]]) == slow)
        #expect(try actions(["speed": [0, 0, 0, 0, 3], "place": [0, 1]]) != slow)
        // Those of the goal come first; what nobody reads is left out.
        let own: [String: [Float]] = ["speed": [1, 0, 0, 0, 0], "weight": [1]]
        #expect(try actions(["speed": [0, 0, 0, 0, 3], "place": [0, 1]], goal: own) == slow)
        #expect(try actions(["place": [0, 1]], goal: own) == slow)
    }

    @Test func aGoalWithoutTheNumbersOfTheTaskOrWithOthersIsNotGoneFor() throws {
        let numbers = try TaskNumbers(of: conditioned().description, given: ["place": [1, 2]], isComplete: false)
        let image = RGBImage(width: 64, height: 64, filledWith: 90)
        let configuration = PolicyConfiguration(
            cameras: [PolicyCamera(name: "primary", width: 64, height: 64, takesGoal: true)], windowSize: 1,
            actionDimension: 7,
            actionSpace: .eefDelta, rate: Rate(hertz: 5), preprocessing: .resize, requiresGoal: false,
            maximumFrameAge: .seconds(1), noiseSeed: 1, taskNumbers: numbers)
        func obstacle(_ own: [String: [Float]]) -> PolicyNodeCore.Obstacle? {
            var core = PolicyNodeCore(configuration, texts: .none)
            core.receive(
                Goal(id: "g", name: "cup", views: [.init(camera: "primary", image: image)], text: nil, taskNumbers: own)
            )
            let frame = CameraFrame(
                camera: "primary", deviceID: "test", sequence: 0, captureTime: .zero, pixels: .rgb8(image),
                contentHash: 0)
            core.receive(frame, at: .zero)
            if let due = core.nextTick { _ = core.tick(at: due) }
            return core.obstacle
        }
        guard case .unusableGoal(let missing) = obstacle([:]), case .unusableGoal(let wrong) = obstacle(["speed": [1]])
        else {
            Issue.record("found \(String(describing: obstacle([:]))), \(String(describing: obstacle(["speed": [1]])))")
            return
        }
        #expect(
            missing.contains("'cup' brings no numbers") && missing.contains("--numbers speed=")
                && wrong.contains("1 numbers as 'speed'"))
        #expect(obstacle(["speed": [1, 0, 0, 0, 0]]) == nil)
        #expect(obstacle(["speed": [1, 0, 0, 0, 0], "place": [1]]) != nil, "what it says itself must fit, too")
    }

    @Test func theWindowIsTheCheckpointsUnlessTheManifestSaysOtherwise() throws {
        let model = checkpoint.description
        let (cameras, window) = try PolicyConfiguration.cameras(of: model, in: ["primary", "spare"], window: nil)
        #expect(window == 1)
        #expect(cameras == [PolicyCamera(name: "primary", width: 256, height: 256, takesGoal: true)])
        #expect(try PolicyConfiguration.cameras(of: model, in: ["primary"], window: 3).window == 3)
        for wrong in [0, 4] {
            #expect(throws: PolicyEngineError.windowTooLong(wanted: wrong, maximum: 3)) {
                try PolicyConfiguration.cameras(of: model, in: ["primary"], window: wrong)
            }
        }
    }

    @Test func everyErrorSaysWhatToDo() {
        #expect(
            PolicyEngineError.missingCamera(wanted: ["wrist"], given: ["primary"]).description.contains(
                "Name one of the manifest's cameras so"))
        #expect(PolicyEngineError.windowTooLong(wanted: 9, maximum: 3).description.contains("1...3"))
    }
}
