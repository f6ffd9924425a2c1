import OctoModel
import TestSupport
import Testing

@Suite struct OctoNetworkTests {
    private let network: OctoNetwork
    private let camera: ModelDescription.Camera

    init() throws {
        network = try OctoNetwork(.random(shape: .tiny, seed: 3))
        camera = try #require(network.description.cameras.first)
    }

    private func pixels(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    private var frameBytes: Int { camera.width * camera.height * 3 }

    private func observation(timesteps: Int = 2, mask: [Bool]? = nil, seed: UInt64 = 1) -> ObservationInput {
        ObservationInput(
            images: [camera.key: pixels(timesteps * frameBytes, seed: seed)],
            timestepPadMask: mask ?? [Bool](repeating: true, count: timesteps))
    }

    private func chunk(
        _ observation: ObservationInput, goal: [UInt8]? = nil, text: TokenizedText? = nil, counter: UInt64 = 0
    ) throws -> [Float] {
        let task = try network.prepare(TaskInput(goalImages: goal.map { [camera.key: $0] } ?? [:], text: text))
        return try network.infer(observation, task: task, noise: network.makeNoise(seed: 9, counter: counter))
    }

    private var text: TokenizedText {
        TokenizedText(ids: [5, 6, 7, 1] + [Int32](repeating: 0, count: 12), attentionMask: (0..<16).map { $0 < 4 })
    }

    // MARK: - What the chunk depends on

    @Test func theSameInputsGiveTheSameChunkBitForBit() throws {
        let goal = pixels(frameBytes, seed: 4)
        let first = try chunk(observation(), goal: goal, text: text)
        for _ in 0..<3 { #expect(try chunk(observation(), goal: goal, text: text) == first) }
        let again = try OctoNetwork(.random(shape: .tiny, seed: 3))
        let task = try again.prepare(TaskInput(goalImages: [camera.key: goal], text: text))
        #expect(try again.infer(observation(), task: task, noise: again.makeNoise(seed: 9, counter: 0)) == first)
        #expect(first.count == network.description.actionHorizon * network.description.actionDimension)
        #expect(first.allSatisfy { abs($0) <= 5 })
    }

    @Test func recordingChangesNothing() throws {
        let task = try network.prepare(TaskInput())
        let noise = network.makeNoise(seed: 1, counter: 1)
        let recorder = ActivationRecorder()
        let recorded = try network.infer(observation(), task: task, noise: noise, recorder: recorder)
        #expect(try network.infer(observation(), task: task, noise: noise) == recorded)
        #expect(recorder.activations["out.readout"]?.shape == [2, 1, 64])
        #expect(recorder.activations["out.denoise.x"]?.shape == [20, 28])
    }

    @Test func everyInputMatters() throws {
        let goal = pixels(frameBytes, seed: 4)
        let reference = try chunk(observation(), goal: goal)
        #expect(try chunk(observation(seed: 2), goal: goal) != reference)
        #expect(try chunk(observation(), goal: pixels(frameBytes, seed: 5)) != reference)
        #expect(try chunk(observation(), goal: goal, text: text) != reference)
        #expect(try chunk(observation(), goal: goal, counter: 1) != reference)
        #expect(try chunk(observation(mask: [false, true]), goal: goal) != reference)
    }

    @Test func aMissingGoalIsABlackOne() throws {
        let black = [UInt8](repeating: 0, count: frameBytes)
        #expect(try chunk(observation(), goal: nil) == chunk(observation(), goal: black))
        #expect(try network.prepare(TaskInput()).blackGoals == [camera.key])
        #expect(try network.prepare(TaskInput(goalImages: [camera.key: black])).blackGoals == [])
    }

    @Test func theImageOfAPaddedTimestepHasNoInfluence() throws {
        var padded = observation(mask: [false, true])
        let reference = try chunk(padded)
        padded.images[camera.key]?.replaceSubrange(0..<frameBytes, with: pixels(frameBytes, seed: 77))
        // Hidden keys have the weight 0 exactly.
        #expect(try chunk(padded) == reference)
    }

    @Test func aMaskedCameraHasNoInfluence() throws {
        var masked = observation()
        masked.padMasks = [camera.key: [true, false]]
        let reference = try chunk(masked)
        masked.images[camera.key]?.replaceSubrange(frameBytes..<2 * frameBytes, with: pixels(frameBytes, seed: 77))
        #expect(try chunk(masked) == reference)
        masked.padMasks = [:]
        #expect(try chunk(masked) != reference)
    }

    @Test func oneTimestepIsNotAPaddedWindow() throws {
        let newest = pixels(frameBytes, seed: 8)
        let single = ObservationInput(images: [camera.key: newest], timestepPadMask: [true])
        let padded = ObservationInput(images: [camera.key: newest + newest], timestepPadMask: [false, true])
        #expect(try chunk(single) != chunk(padded))
    }

    @Test func dimensionsTheRobotLacksAreNoise() throws {
        let task = try network.prepare(TaskInput())
        let noise = network.makeNoise(seed: 1, counter: 1)
        let whole = try network.infer(observation(), task: task, noise: noise)
        let cut = try network.infer(observation(), task: task, noise: noise, embodimentDimension: 5)
        let last = Array(noise.steps.suffix(28))
        let spread = (1 - DiffusionSchedule(steps: 20).alphaHats[0]).squareRoot()
        for i in 0..<28 where i % 7 >= 5 { #expect(cut[i] == spread * last[i]) }
        #expect((0..<28).contains { $0 % 7 < 5 && cut[$0] != whole[$0] })
        #expect(try network.infer(observation(), task: task, noise: noise, embodimentDimension: 7) == whole)
    }

    // MARK: - What is refused

    private func refusal(_ body: () throws(InferenceError) -> Void) -> InferenceError? {
        do throws(InferenceError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func unusableObservationsAreRefused() throws {
        let task = try network.prepare(TaskInput())
        let noise = network.makeNoise(seed: 0, counter: 0)
        func refusal(_ change: (inout ObservationInput) -> Void) -> InferenceError? {
            var input = observation()
            change(&input)
            return self.refusal { () throws(InferenceError) in _ = try network.infer(input, task: task, noise: noise) }
        }
        let key = camera.key
        #expect(refusal { $0.images = ["image_top": []] } == .missingCamera(key: key, given: ["image_top"]))
        #expect(refusal { $0.images["image_top"] = [] } == .unexpectedCamera(key: "image_top", known: [key]))
        #expect(
            refusal { _ = $0.images[key]?.removeLast() }
                == .wrongImageSize(key: key, bytes: 2 * frameBytes - 1, expected: [2, 64, 64, 3]))
        #expect(refusal { $0.timestepPadMask = [] } == .wrongTimestepCount(0, maximum: 10))
        #expect(
            refusal { $0.timestepPadMask = [Bool](repeating: true, count: 11) } == .wrongTimestepCount(11, maximum: 10))
        #expect(
            refusal { $0.padMasks = [key: [true]] } == .wrongPadMask(key: key, count: 1, timesteps: 2))
        #expect(
            refusal { $0.padMasks = ["image_top": [true, true]] }
                == .wrongPadMask(key: "image_top", count: 2, timesteps: 2))
    }

    @Test func unusableTasksAreRefused() {
        func refusal(_ task: TaskInput) -> InferenceError? {
            self.refusal { () throws(InferenceError) in _ = try network.prepare(task) }
        }
        let key = camera.key
        #expect(refusal(TaskInput(goalImages: ["image_top": []])) == .unexpectedGoal(key: "image_top", known: [key]))
        #expect(
            refusal(TaskInput(goalImages: [key: [1]])) == .wrongImageSize(key: key, bytes: 1, expected: [64, 64, 3]))
        #expect(
            refusal(TaskInput(text: TokenizedText(ids: [1], attentionMask: [true])))
                == .wrongTextLength(ids: 1, mask: 1, expected: 16))
        for id in [-1, 64, Int32.max] {
            var words = text
            words.ids[3] = id
            #expect(refusal(TaskInput(text: words)) == .unknownToken(id: id, vocabulary: 64))
        }
    }

    @Test func unusableNoiseAndForeignTasksAreRefused() throws {
        let task = try network.prepare(TaskInput())
        var noise = network.makeNoise(seed: 0, counter: 0)
        let foreign = try OctoNetwork(.random(shape: .tiny, seed: 3)).prepare(TaskInput())
        #expect(
            refusal { () throws(InferenceError) in _ = try network.infer(observation(), task: foreign, noise: noise) }
                == .taskOfAnotherNetwork)
        for dimension in [0, 8] {
            #expect(
                refusal { () throws(InferenceError) in
                    _ = try network.infer(observation(), task: task, noise: noise, embodimentDimension: dimension)
                } == .wrongEmbodimentDimension(dimension, actionDimension: 7))
        }
        noise.steps.removeLast()
        #expect(
            refusal { () throws(InferenceError) in _ = try network.infer(observation(), task: task, noise: noise) }
                == .wrongNoise(initial: 28, steps: 559, expectedInitial: 28, expectedSteps: 560))
    }

    @Test func productsAreCountedWhileATallyIsBound() throws {
        let task = try network.prepare(TaskInput())
        let noise = network.makeNoise(seed: 0, counter: 0)
        let tally = BLAS.Tally()
        try BLAS.$tally.withValue(tally) { _ = try network.infer(observation(), task: task, noise: noise) }
        let counted = tally.products.reduce(0) { $0 + $1.count }
        // Two layers of width 64 with four heads: q, k, v, out, two MLP layers, two products per head.
        let transformer = 2 * (4 + 2 + 2 * 4)
        // Five convolutions for each of two timesteps and one projection; twenty steps of 1 + 3 × 2 + 1 layers.
        #expect(counted == transformer + 2 * 5 + 1 + 20 * 8)
        _ = try network.infer(observation(), task: task, noise: noise)
        #expect(tally.products.reduce(0) { $0 + $1.count } == counted)
        #expect(!BLAS.coreName.isEmpty && BLAS.threads >= 1)
    }
}

@Suite struct ActionStatisticsTests {
    private let statistics = ActionStatistics(
        mean: [1, 2, 3], std: [10, 20, 30], mask: [true, true, false], p01: [-1, 0, 5], p99: [1, 4, 9])

    @Test func meanAndStdAreUndoneWhereTheMaskSays() {
        #expect(statistics.unnormalise([1, -1, 0.5, 0, 0, 1], actionDimension: 3) == [11, -18, 0.5, 1, 2, 1])
    }

    @Test func percentilesAreUndoneWhereTheMaskSays() {
        #expect(statistics.unnormalise([-1, -1, -1, 1, 1, 1], actionDimension: 3, .bounds) == [-1, 0, -1, 1, 4, 1])
        #expect(ActionStatistics(mean: [0], std: [1]).unnormalise([0], actionDimension: 1, .bounds) == nil)
    }

    @Test func dimensionsBeyondTheStatisticsAreCutOff() {
        #expect(statistics.unnormalise([0, 0, 0, 99, 0, 0, 0, 99], actionDimension: 4) == [1, 2, 0, 1, 2, 0])
    }

    @Test func maskedCaseAgreesWithTheOfficialCode() throws {
        let recorded = try GoldenCase(folder: "case9_diffusion_masked_dims").recorded()
        let statistics = ActionStatistics(
            mean: try recorded.floats("in.unnorm.mean"), std: try recorded.floats("in.unnorm.std"),
            mask: try recorded.uint8("in.unnorm.mask").map { $0 != 0 })
        let actions = try #require(
            statistics.unnormalise(try recorded.floats("out.action_normalized"), actionDimension: 7))
        #expect(actions.count == 15)
        #expect(try largestDifference(actions, recorded.floats("out.action")) < 1e-6)
    }
}
