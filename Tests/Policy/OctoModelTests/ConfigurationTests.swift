import Foundation
import OctoModel
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    /// What is changed in `config.json`, where it is then refused, and the words the message has.
    struct Change: CustomTestStringConvertible, Sendable {
        var old: String
        var new: String
        var path: String
        var words: [String]
        var testDescription: String { new }
    }

    @Test(arguments: [
        Change(
            old: "\"ImageTokenizer\"", new: "\"AudioTokenizer\"", path: "model.observation_tokenizers.primary",
            words: ["AudioTokenizer", "ImageTokenizer or LowdimObsTokenizer"]),
        Change(
            old: "\"ImageTokenizer\"", new: "\"LowdimObsTokenizer\"",
            path: "model.observation_tokenizers.primary.kwargs.obs_keys", words: ["at least one observation key"]),
        Change(
            old: "\"SmallStem16\"", new: "\"ResNet50\"", path: "model.observation_tokenizers.primary.kwargs.encoder",
            words: ["ResNet50", "SmallStem16", "ResNet26FILM"]),
        Change(
            old: "\"SmallStem16\"", new: "\"ResNet26FILM\"",
            path: "model.observation_tokenizers.primary.kwargs.encoder.kwargs.use_film",
            words: ["true with no task_film_keys", "task_film_keys of the tokenizer"]),
        Change(
            old: "\"SmallStem16\"", new: "\"ViTResnet\"",
            path: "model.observation_tokenizers.primary.kwargs.encoder.kwargs.num_features", words: ["does not know"]),
        Change(
            old: "\"LanguageTokenizer\"", new: "\"SpeechTokenizer\"", path: "model.task_tokenizers.language",
            words: ["SpeechTokenizer"]),
        Change(
            old: "\"DiffusionActionHead\"", new: "\"FlowActionHead\"", path: "model.heads.action",
            words: ["FlowActionHead", "DiffusionActionHead", "TokenPerDimActionHead"]),
        Change(
            old: "\"DiffusionActionHead\"", new: "\"UNetDDPMActionHead\"", path: "model.heads.action",
            words: ["UNetDDPMActionHead", "official code", "another head"]),
        Change(
            old: "\"DiffusionActionHead\"", new: "\"L1ActionHead\"", path: "model.heads.action.kwargs.hidden_dim",
            words: ["does not know", "max_action"]),
        Change(
            old: "\"readout_key\": \"readout_action\"", new: "\"readout_key\": \"task_language\"",
            path: "model.heads.action.kwargs.readout_key",
            words: ["task_language", "readout_action", "\"obs\"", "obs_primary", "obs_task_language"]),
        Change(
            old: "\"hidden_dim\": 64", new: "\"hidden_dim\": 64, \"sampler\": \"ddim\"",
            path: "model.heads.action.kwargs.sampler", words: ["does not know", "ddim"]),
        Change(
            old: "\"add_position_embedding\": false", new: "\"add_position_embedding\": true",
            path: "model.transformer_kwargs.add_position_embedding", words: ["true", "false"]),
        Change(
            old: "\"num_features\": 64", new: "\"num_features\": 64, \"use_film\": true",
            path: "model.observation_tokenizers.primary.kwargs.encoder.kwargs.use_film", words: ["true"]),
        Change(
            old: "\"num_features\": 64", new: "\"num_features\": 64, \"img_norm_type\": \"clip\"",
            path: "model.observation_tokenizers.primary.kwargs.encoder.kwargs.img_norm_type",
            words: ["clip", "imagenet"]),
        Change(
            old: "\"task_stack_keys\": [\"image_primary\"]", new: "\"task_stack_keys\": [\"image_(left|right)\"]",
            path: "model.observation_tokenizers.primary.kwargs.task_stack_keys",
            words: ["image_(left|right)", "pattern"]),
        Change(
            old: "\"task_stack_keys\": [\"image_primary\"]", new: "\"task_stack_keys\": [\"image_top\"]",
            path: "model.observation_tokenizers.primary.kwargs.task_stack_keys", words: ["no goal image"]),
        Change(
            old: "\"task_stack_keys\"", new: "\"use_token_learner\": true, \"num_tokens\": 0, \"task_stack_keys\"",
            path: "model.observation_tokenizers.primary.kwargs.num_tokens", words: ["0", "from 1 to 4096"]),
        Change(
            old: "\"num_features\": 64",
            new: "\"num_features\": 60}}, \"use_token_learner\": true, \"x\": {\"y\": {\"z\": 1",
            path: "model.observation_tokenizers.primary.kwargs.use_token_learner",
            words: ["60 numbers", "multiple of 8"]),
        Change(
            old: "\"task_stack_keys\"", new: "\"task_film_keys\": [\"language_instruction\"], \"task_stack_keys\"",
            path: "model.observation_tokenizers.primary.kwargs.task_film_keys",
            words: ["language_instruction", "text model that no checkpoint contains"]),
        Change(
            old: "\"task_stack_keys\"", new: "\"task_film_keys\": [\"proprio\"], \"task_stack_keys\"",
            path: "model.observation_tokenizers.primary.kwargs.task_film_keys", words: ["proprio", "no such vector"]),
        Change(
            old: "\"obs_stack_keys\": [\"image_primary\"]", new: "\"obs_stack_keys\": [\"image_top\"]",
            path: "model.observation_tokenizers", words: ["example batch"]),
        Change(
            old: "\"num_attention_heads\": 4", new: "\"num_attention_heads\": 5",
            path: "model.transformer_kwargs.num_attention_heads", words: ["5", "64"]),
        Change(
            old: "\"num_layers\": 2", new: "\"num_layers\": 99999999999999999999",
            path: "model.transformer_kwargs.num_layers",
            words: ["99999999999999999999", "whole number"]),
        Change(
            old: "\"token_embedding_size\": 64", new: "\"token_embedding_size\": \"64\"",
            path: "model.token_embedding_size",
            words: ["\"64\"", "whole number"]),
        Change(
            old: "\"args\": []", new: "\"args\": [1]", path: "model.observation_tokenizers.primary.args",
            words: ["kwargs"]),
        Change(
            old: "\"features\": [32, 32, 64, 64]", new: "\"features\": [32, 32, 64, 50]",
            path: "model.observation_tokenizers.primary.kwargs.encoder.kwargs.features", words: ["multiples of 32"]),
        Change(
            old: "\"features\": [32, 32, 64, 64]", new: "\"features\": [32, 32, 64]",
            path: "model.observation_tokenizers.primary.kwargs.encoder.kwargs", words: ["different lengths"]),
        Change(old: "\"model\":", new: "\"mobel\":", path: "model", words: ["nothing", "object"]),
        Change(old: "\"readouts\"", new: "\"readins\"", path: "model.readouts", words: ["nothing", "object"]),
    ])
    func whatCannotBeFollowedIsRefusedByName(change: Change) throws {
        let copy = try CheckpointCopy()
        try copy.edit("config.json", change.old, change.new)
        let refusal = try #require(copy.refusal())
        guard case .unusableConfiguration(let path, let problems) = refusal else {
            Issue.record("\(refusal)")
            return
        }
        #expect(path == copy.url("config.json").path)
        let problem = try #require(problems.first { $0.path == change.path }, "\(problems)")
        for word in change.words { #expect("\(problem)".contains(word), "\(problem)") }
        #expect("\(refusal)".contains(change.path))
    }

    @Test(arguments: [
        Change(
            old: "\"bin_type\": \"normal\"", new: "\"bin_type\": \"log\"",
            path: "model.observation_tokenizers.proprio.kwargs.bin_type", words: ["log", "uniform", "normal"]),
        Change(
            old: "\"bin_type\": \"normal\"", new: "\"low\": 3.0, \"high\": -3.0",
            path: "model.observation_tokenizers.proprio.kwargs.low", words: ["less than high"]),
        Change(
            old: "\"obs_keys\": [\"proprio\"]", new: "\"obs_keys\": [\"image_.*\"]",
            path: "model.observation_tokenizers.proprio.kwargs.obs_keys", words: ["the image 'image_primary'"]),
        Change(
            old: "\"obs_keys\": [\"proprio\"]", new: "\"obs_keys\": [\"timestep_pad_mask\"]",
            path: "model.observation_tokenizers.proprio.kwargs.obs_keys", words: ["timestep_pad_mask", "[1, 1]"]),
        Change(
            old: "\"vocab_size\": 32", new: "\"token_per\": \"joint\"", path: "model.heads.action.kwargs.token_per",
            words: ["joint", "action_horizon"]),
        Change(
            old: "\"vocab_size\": 32", new: "\"token_per\": \"action_horizon\"", path: "model.readouts.action",
            words: ["14", "2 tokens"]),
        Change(
            old: "\"readout_key\": \"readout_action\"", new: "\"readout_key\": \"obs\"",
            path: "model.heads.action.kwargs.readout_key", words: ["264 tokens", "14 tokens"]),
    ])
    func numbersAndDiscreteHeadsThatCannotBeFollowedAreRefusedByName(change: Change) throws {
        let copy = try CheckpointCopy(of: GoldenCase(folder: "case8_discrete_bins"))
        try copy.edit("config.json", change.old, change.new)
        guard case .unusableConfiguration(_, let problems)? = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        let problem = try #require(problems.first { $0.path == change.path }, "\(problems)")
        for word in change.words { #expect("\(problem)".contains(word), "\(problem)") }
    }

    @Test func aTokenizerOfNumbersThatAreNotThereIsLeftOut() throws {
        let copy = try CheckpointCopy(of: GoldenCase(folder: "case8_discrete_bins"))
        try copy.edit("config.json", "\"obs_keys\": [\"proprio\"]", "\"obs_keys\": [\"torque\"]")
        let model = try Checkpoint(folder: copy.folder.path).description
        #expect(model.skippedTokenizers == ["proprio"] && model.lowdimKeys.isEmpty)
        #expect(model.sequenceLength == 270)
    }

    @Test func allProblemsAreReportedTogether() throws {
        let copy = try CheckpointCopy()
        try copy.edit("config.json", "\"SmallStem16\"", "\"ViT\"")
        try copy.edit("config.json", "\"DiffusionActionHead\"", "\"UNetDDPMActionHead\"")
        try copy.edit("config.json", "\"repeat_task_tokens\": true", "\"repeat_task_tokens\": 1")
        guard case .unusableConfiguration(_, let problems) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(
            Set(problems.map(\.path)).isSuperset(of: [
                "model.observation_tokenizers.primary.kwargs.encoder", "model.heads.action", "model.repeat_task_tokens",
            ]))
    }

    @Test func thePredictionHorizonHasAnOlderName() throws {
        let copy = try CheckpointCopy()
        try copy.edit("config.json", "\"action_horizon\": 4", "\"pred_horizon\": 4")
        #expect(try Checkpoint(folder: copy.folder.path).description.actionHorizon == 4)
    }

    @Test func aTokenizerWithoutItsCameraIsLeftOut() throws {
        let copy = try CheckpointCopy(of: GoldenCase(folder: "case3_two_cams_goal_text"))
        try copy.edit("config.json", "\"obs_stack_keys\": [\"image_wrist\"]", "\"obs_stack_keys\": [\"image_side\"]")
        let model = try Checkpoint(folder: copy.folder.path).description
        #expect(model.cameras.map(\.name) == ["primary"])
        #expect(model.skippedTokenizers == ["wrist"])
        #expect(model.sequenceLength == 178)
    }

    @Test func anExampleWithoutImagesIsRefused() throws {
        let copy = try CheckpointCopy()
        try Data(MessagePackWriter.map([])).write(to: copy.url("example_batch.msgpack"))
        guard case .unusableExample(let path, let found, _) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(path == copy.url("example_batch.msgpack").path && found.contains("no observation image"))
    }

    @Test func anExampleOfAnotherImageSizeNoLongerFitsTheParameters() throws {
        let copy = try CheckpointCopy()
        let image = MessagePackWriter.array([1, 1, 64, 64, 3], "uint8", [UInt8](repeating: 0, count: 64 * 64 * 3))
        let bytes = MessagePackWriter.map([("observation", MessagePackWriter.map([("image_primary", image)]))])
        try Data(bytes).write(to: copy.url("example_batch.msgpack"))
        guard case .unusableParameters(_, let problems) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(problems.map(\.parameter) == ["octo_transformer/obs_primary_pos_embedding"])
    }

    @Test(arguments: [
        ("image_primary", "image_primary", true), ("image_primary", "image_primary_2", true),
        ("image_primary", "image_wrist", false), ("image_.*", "image_wrist", true), ("image_.*", "depth_wrist", false),
        ("image_primary$", "image_primary_2", false), ("^image_p", "image_primary", true),
        (".*wrist", "image_wrist", true),
        ("a*b*c", "abbc", true), ("a*b*c", "abb", false), ("", "anything", true), ("i.age\\.x", "image.x", true),
        ("i.age\\.x", "image_x", false),
    ])
    func keyPatternsAreAnchoredAtTheStart(pattern: String, key: String, matches: Bool) throws {
        #expect(try #require(KeyPattern(pattern)).matches(start: key) == matches)
    }

    @Test(arguments: ["a+", "(a|b)", "[ab]", "a{2}", "*", "a**", "\\d"])
    func otherPatternsAreNotGuessedAt(pattern: String) {
        #expect(KeyPattern(pattern) == nil)
    }

    @Test func noPatternTakesLong() throws {
        let pattern = try #require(KeyPattern(String(repeating: "a*", count: 200) + "b"))
        #expect(!pattern.matches(start: String(repeating: "a", count: 200)))
    }
}
