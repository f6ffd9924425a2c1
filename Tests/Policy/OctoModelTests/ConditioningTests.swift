import Foundation
import OctoModel
import TestSupport
import Testing

/// Whole models whose image encoder is conditioned on numbers of the task.
@Suite struct ConditioningTests {
    private func network() throws -> OctoNetwork {
        var variation = Checkpoint.RandomVariation()
        variation.usesFilm = true
        return try OctoNetwork(.random(shape: .tiny, seed: 4, variation: variation))
    }

    private func observation(_ network: OctoNetwork) -> ObservationInput {
        let camera = network.description.cameras[0]
        return ObservationInput(
            images: [camera.key: (0..<camera.width * camera.height * 3).map { UInt8($0 % 251) }],
            timestepPadMask: [true])
    }

    @Test func theVectorsOfATaskMatter() throws {
        let network = try network()
        let noise = network.makeNoise(seed: 1, counter: 0)
        func chunk(_ task: TaskInput) throws -> [Float] {
            try network.infer(observation(network), task: network.prepare(task), noise: noise)
        }
        let (speed, place): ([Float], [Float]) = ([1, 2, 3, 4, 5], [6, 7])
        let chunks = [
            try chunk(TaskInput(vectors: ["speed": speed, "place": place])),
            try chunk(TaskInput(vectors: ["speed": speed, "place": [7, 6]])),
            try chunk(TaskInput(vectors: ["speed": speed.map { -$0 }, "place": place])),
        ]
        #expect(Set(chunks).count == 3)
        // A task without any goal has zeros.
        let zeros = try chunk(TaskInput(vectors: ["speed": [0, 0, 0, 0, 0], "place": [0, 0]]))
        #expect(try chunk(TaskInput()) == zeros)
    }

    @Test func vectorsThatDoNotFitAreRefused() throws {
        let network = try network()
        let key = network.description.cameras[0].key
        let goal = [key: [UInt8](repeating: 0, count: 64 * 64 * 3)]
        #expect(network.description.taskVectors.map(\.key) == ["place", "speed"])
        #expect(network.description.taskVectors.map(\.count) == [2, 5])
        #expect(throws: InferenceError.missingTaskVector(key: "place", count: 2)) {
            try network.prepare(TaskInput(goalImages: goal))
        }
        #expect(throws: InferenceError.missingTaskVector(key: "speed", count: 5)) {
            try network.prepare(TaskInput(vectors: ["place": [1, 2]]))
        }
        #expect(throws: InferenceError.wrongTaskVector(key: "place", count: 3, expected: 2)) {
            try network.prepare(TaskInput(vectors: ["place": [1, 2, 3], "speed": [1, 2, 3, 4, 5]]))
        }
        #expect(throws: InferenceError.wrongTaskVector(key: "place", count: 2, expected: 2)) {
            try network.prepare(TaskInput(vectors: ["place": [1, .nan], "speed": [1, 2, 3, 4, 5]]))
        }
        #expect(throws: InferenceError.unexpectedTaskVector(key: "mood", known: ["place", "speed"])) {
            try network.prepare(TaskInput(vectors: ["mood": [1]]))
        }
    }

    /// The example batch shows which vectors there are; the parameters then lack what FiLM needs, by name.
    @Test func aVectorOfTheExampleBatchIsFollowed() throws {
        let copy = try CheckpointCopy()
        let image = MessagePackWriter.array([1, 1, 128, 128, 3], "uint8", [UInt8](repeating: 0, count: 128 * 128 * 3))
        let goal = MessagePackWriter.array([1, 128, 128, 3], "uint8", [UInt8](repeating: 0, count: 128 * 128 * 3))
        let vector = MessagePackWriter.array([1, 3], "float32", MessagePackWriter.floats([1, 2, 3]))
        let bytes = MessagePackWriter.map([
            ("observation", MessagePackWriter.map([("image_primary", image)])),
            ("task", MessagePackWriter.map([("image_primary", goal), ("speed", vector)])),
        ])
        try Data(bytes).write(to: copy.url("example_batch.msgpack"))
        try copy.edit("config.json", "\"num_features\": 64", "\"num_features\": 64, \"use_film\": true")
        try copy.edit("config.json", "\"task_stack_keys\"", "\"task_film_keys\": [\"speed\"], \"task_stack_keys\"")
        guard case .unusableParameters(_, let problems) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        let film = "octo_transformer/observation_tokenizers_primary/SmallStem16_0/FilmConditioning_0"
        for layer in ["Dense_0", "Dense_1"] {
            #expect(
                problems.contains(
                    ParameterProblem(parameter: "\(film)/\(layer)/kernel", found: .nothing, expected: [3, 64])))
        }
    }

    @Test func aTokenLearnerIsLookedForWhereItBelongs() throws {
        let copy = try CheckpointCopy()
        try copy.edit(
            "config.json", "\"task_stack_keys\"", "\"use_token_learner\": true, \"num_tokens\": 5, \"task_stack_keys\"")
        guard case .unusableParameters(_, let problems) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        let learner = "octo_transformer/observation_tokenizers_primary/TokenLearner_0"
        #expect(
            problems.contains {
                $0.parameter == "\(learner)/MAPHead_0/probe" && $0.found == .nothing && $0.expected == [1, 5, 64]
            })
        #expect(
            problems.contains { $0.parameter == "octo_transformer/obs_primary_pos_embedding" && $0.expected[2] == 5 })
    }
}
