import Files
import Foundation
import Images
import JSONTree
import Messages
import OctoModel
import Policy
import TestSupport
import Testing
import TextTokenizer

/// A stand-in tokenizer: one id for each byte of the text.
enum SampleTexts {
    static let untokenizable = "?"

    static func model(_ name: String = "case4_text_only") throws -> ModelDescription {
        try Checkpoint(folder: Fixture.url("octo/\(name)/checkpoint").path).description
    }

    static func tokenizer(vocabularySize: Int = 512) -> TaskTokenizer {
        TaskTokenizer(path: "some.model", vocabularySize: vocabularySize) { text, length in
            text == untokenizable
                ? .failure(.notTokenized(problem: "it cannot be read. Give another."))
                : .success(tokens(of: text, length: length))
        }
    }

    static func reading() throws -> TaskTextReading {
        try TaskTextReading(of: model(), tokenizer: tokenizer(), expectedAt: "spiece.model")
    }

    static func tokens(of text: String, length: Int = 16) -> TokenizedText {
        let ids = text.utf8.map { Int32($0) }
        return TokenizedText(
            ids: ids + [Int32](repeating: 0, count: length - ids.count),
            attentionMask: (0..<length).map { $0 < ids.count })
    }
}

@Suite struct TaskTextReadingTests {
    @Test func theCheckpointSaysHowManyIdsAndWhich() throws {
        let model = try SampleTexts.model()
        #expect(model.textLength == 16)
        #expect(model.textVocabulary == 512)
    }

    @Test func withoutATokenizerATextIsRefusedWithTheMend() throws {
        let reading = try TaskTextReading(of: SampleTexts.model(), tokenizer: nil, expectedAt: "/c/spiece.model")
        let error = #expect(throws: TaskTextError.noTokenizer(text: "go", expectedAt: "/c/spiece.model")) {
            try reading.tokens(of: "go")
        }
        for part in ["\"go\"", "policy.tokenizer", "/c/spiece.model"] {
            #expect(error?.description.contains(part) == true)
        }
    }

    @Test func aVocabularyThatTheCheckpointDoesNotKnowIsRefused() throws {
        let model = try SampleTexts.model()
        #expect(throws: TaskTextError.vocabularyTooLarge(path: "some.model", ids: 513, checkpoint: 512)) {
            try TaskTextReading(of: model, tokenizer: SampleTexts.tokenizer(vocabularySize: 513), expectedAt: "")
        }
        // The released T5 has more embeddings than ids.
        _ = try TaskTextReading(of: model, tokenizer: SampleTexts.tokenizer(vocabularySize: 400), expectedAt: "")
    }

    @Test func aLongTextIsShortInErrors() {
        let text = String(repeating: "put it there ", count: 5000)
        #expect(TaskTextError.noLanguage(text: text).description.count < 400)
        #expect(TaskTextError.noTokenizer(text: text, expectedAt: "p").description.count < 400)
        #expect(throws: TaskTextError.noLanguage(text: "go")) { try TaskTextReading.none.tokens(of: "go") }
        #expect(
            TaskTextError.vocabularyTooLarge(path: "p", ids: 9, checkpoint: 5).description.contains("policy.tokenizer"))
    }

    /// From words to actions: the recorded case gives its text, its ids, and what the network makes of them.
    @Test(arguments: ["case3_two_cams_goal_text", "case4_text_only"])
    func aRecordedTextGivesItsIdsAndItsActions(name: String) throws {
        let checkpoint = try Checkpoint(folder: Fixture.url("octo/\(name)/checkpoint").path)
        let recorded = try SafetensorsFile(path: Fixture.url("octo/\(name)/io.safetensors").path)
        let settings = try JSONNode(parsing: Data(contentsOf: Fixture.url("octo/\(name)/case.json")))
        let tokenizer = try TextTokenizer(modelFile: Fixture.url("octo/tokenizer/spiece.model").path)
        let (ids, attentionMask) = try tokenizer.encode(try #require(settings["text"]?.string), length: 16)
        #expect(ids == (try recorded.int32("in.task.language_instruction.input_ids")))
        let mask = try recorded.int32("in.task.language_instruction.attention_mask")
        #expect(attentionMask == mask.map { $0 == 1 })

        let statistics = try checkpoint.actionStatistics(dataset: "bridge_dataset")
        let network = try FastNetwork(checkpoint, team: WorkerTeam(threads: 1))
        var engine = PolicyEngine(network: network, statistics: statistics)
        let text = TokenizedText(ids: ids, attentionMask: attentionMask)
        let blank = PolicyNodeCore.Request.black(checkpoint.description)
        var request = blank
        request.goal = .init(id: "t", images: [:], text: text)
        let actions = try engine.run(request)
        let observation = ObservationInput(
            images: Dictionary(
                uniqueKeysWithValues: blank.observation.views.map { ("image_\($0.camera)", $0.pixels.array) }),
            timestepPadMask: blank.observation.timestepPadMask)
        let normalised = try network.infer(
            observation, task: network.prepare(TaskInput(text: text)), noise: network.makeNoise(seed: 5, counter: 0),
            embodimentDimension: statistics.dimension)
        #expect(actions == statistics.unnormalise(normalised, actionDimension: 7))
        // Without the text, and with another, it is another task; the first comes back when it is asked for again.
        #expect(try engine.run(blank) != actions)
        request.goal.text = TokenizedText(ids: [3] + ids.dropFirst(), attentionMask: attentionMask)
        request.goal.id = "u"
        #expect(try engine.run(request) != actions)
        request.goal = .init(id: "t", images: [:], text: text)
        #expect(try engine.run(request) == actions)
    }
}

extension PolicyNodeCore.Request {
    /// Black images of the checkpoint's sizes, no goal.
    fileprivate static func black(_ model: ModelDescription) -> Self {
        let views = model.cameras.map { camera in
            PolicyObservation.View(
                camera: camera.name, width: camera.width, height: camera.height,
                pixels: SharedBytes(
                    copying: repeatElement(0, count: model.windowSize * camera.width * camera.height * 3)),
                captureTime: .zero)
        }
        return Self(
            observation: PolicyObservation(
                tick: 0, time: .zero, goalID: "", views: views,
                timestepPadMask: [Bool](repeating: true, count: model.windowSize)),
            goal: .init(id: "", images: [:]), captureTime: .zero, noiseSeed: 5, noiseCounter: 0)
    }
}
