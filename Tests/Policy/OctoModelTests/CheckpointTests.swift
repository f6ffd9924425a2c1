import Foundation
import JSONTree
import OctoModel
import TestSupport
import Testing

/// A copy of a recorded checkpoint that a test may damage.
final class CheckpointCopy {
    let folder: URL

    init(of golden: GoldenCase = .first) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("octo-model-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: golden.checkpointFolder, to: folder)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func url(_ name: String) -> URL { folder.appendingPathComponent(name) }
    var parameters: URL { url("300000/default/checkpoint") }

    /// Replaces text in a file; fails if it is not there.
    func edit(_ name: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOf: url(name), encoding: .utf8)
        try #require(text.contains(old), "no \(old) in \(name)")
        try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: url(name))
    }

    /// The error opening it gives, or nil.
    func refusal(step: Int? = nil) -> CheckpointError? {
        do throws(CheckpointError) {
            _ = try Checkpoint(folder: folder.path, step: step)
            return nil
        } catch {
            return error
        }
    }
}

@Suite struct CheckpointTests {
    @Test func describesWhatItFound() throws {
        let checkpoint = try GoldenCase(folder: "case3_two_cams_goal_text").checkpoint()
        let model = checkpoint.description
        #expect(checkpoint.step == 300_000)
        #expect(model.cameras.map(\.key) == ["image_primary", "image_wrist"])
        #expect(model.cameras.map(\.name) == ["primary", "wrist"])
        #expect(model.cameras.map(\.width) == [128, 64])
        #expect(model.cameras.map(\.height) == [128, 64])
        #expect(model.cameras.allSatisfy { $0.fusesGoal })
        #expect(model.tokenizers.map(\.tokens) == [64, 16, 16])
        #expect(
            model.hasLanguage && model.usesCorrectAttention && model.repeatsTaskTokens && !model.usesAttentionPooling)
        #expect(model.windowSize == 2 && model.maximumHorizon == 3)
        #expect(model.actionHorizon == 4 && model.actionDimension == 7 && model.diffusionSteps == 20)
        #expect(model.headName == "DiffusionActionHead" && model.textTokenizer == "t5-base")
        #expect(
            model.tokenEmbeddingSize == 96 && model.layers == 2 && model.attentionHeads == 6 && model.mlpSize == 192)
        #expect(Set(model.datasets) == ["bridge_dataset", "other_dataset"])
        #expect(model.sequenceLength == 210)
        #expect(model.parameterCount > model.parameterCountWithoutT5)
    }

    @Test func windowAndAttentionRuleComeFromTheFiles() throws {
        #expect(try GoldenCase.first.checkpoint().description.windowSize == 1)
        let old = try GoldenCase(folder: "case7_octo10_attention").checkpoint().description
        #expect(!old.usesCorrectAttention && !old.repeatsTaskTokens)
        #expect(try GoldenCase(folder: "case9_diffusion_masked_dims").checkpoint().description.usesAttentionPooling)
    }

    /// Sizes of the released models, from the official code.
    @Test(arguments: [(Checkpoint.RandomShape.octoSmall, 27_042_060), (.octoBase, 92_830_092)])
    func releasedSizesHaveTheOfficialNumberOfParameters(shape: Checkpoint.RandomShape, count: Int) throws {
        let model = try Checkpoint.random(shape: shape, seed: 0).description
        #expect(model.parameterCountWithoutT5 == count)
        #expect(model.sequenceLength == 690)
    }

    @Test func somethingElseThanAFolderIsRefused() throws {
        #expect(throws: CheckpointError.notAFolder(path: "/nonexistent/model", found: "nothing")) {
            try Checkpoint(folder: "/nonexistent/model")
        }
        let file = GoldenCase.first.checkpointFolder.appendingPathComponent("config.json").path
        #expect(throws: CheckpointError.notAFolder(path: file, found: "a file")) { try Checkpoint(folder: file) }
    }

    @Test(arguments: ["config.json", "dataset_statistics.json", "example_batch.msgpack"])
    func aMissingFileIsNamed(name: String) throws {
        let copy = try CheckpointCopy()
        try FileManager.default.removeItem(at: copy.url(name))
        guard case .missingFile(let path, _, _) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(path == copy.url(name).path)
    }

    @Test func theFolderAboveOrBelowIsPointedOut() throws {
        let folder = GoldenCase.first.checkpointFolder
        #expect { try Checkpoint(folder: folder.appendingPathComponent("300000").path) } throws: {
            "\($0)".contains("give '\(folder.path)'")
        }
        #expect { try Checkpoint(folder: folder.deletingLastPathComponent().path) } throws: {
            "\($0)".contains("give '\(folder.path)'")
        }
    }

    @Test(arguments: ["config.json", "dataset_statistics.json"])
    func brokenJSONIsNamedWithItsLine(name: String) throws {
        let copy = try CheckpointCopy()
        try Data("{\n  \"model\": [}\n".utf8).write(to: copy.url(name))
        guard case .notJSON(let path, let problem) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(path == copy.url(name).path && problem.line == 2)
    }

    // MARK: - Steps and layouts

    @Test func theLastStepIsTakenUnlessOneIsNamed() throws {
        let copy = try CheckpointCopy()
        try FileManager.default.copyItem(at: copy.url("300000"), to: copy.url("9000"))
        try FileManager.default.createDirectory(at: copy.url("state"), withIntermediateDirectories: false)
        #expect(try Checkpoint(folder: copy.folder.path).step == 300_000)
        #expect(try Checkpoint(folder: copy.folder.path, step: 9000).step == 9000)
        #expect(copy.refusal(step: 5) == .noSuchStep(folder: copy.folder.path, wanted: 5, available: [9000, 300_000]))
        try FileManager.default.removeItem(at: copy.url("9000"))
        try FileManager.default.removeItem(at: copy.url("300000"))
        #expect(copy.refusal() == .noSuchStep(folder: copy.folder.path, wanted: nil, available: []))
    }

    @Test(arguments: [("ocdbt", ForeignLayout.ocdbt, "OCDBT"), ("zarr", .zarr, "zarr")])
    func foreignLayoutsAreRefusedByName(name: String, layout: ForeignLayout, word: String) throws {
        let copy = try CheckpointCopy()
        try FileManager.default.removeItem(at: copy.url("300000"))
        try FileManager.default.copyItem(at: Fixture.url("octo/layouts/\(name)/7"), to: copy.url("7"))
        let refusal = try #require(copy.refusal())
        #expect(refusal == .foreignLayout(path: copy.url("7/default").path, layout: layout))
        #expect("\(refusal)".contains("save_pretrained") && "\(refusal)".contains(word))
    }

    @Test func parametersInPlaceholdersAreRefused() throws {
        let copy = try CheckpointCopy()
        let bytes = MessagePackWriter.map([("w", MessagePackWriter.string("PLACEHOLDER://w"))])
        try Data(bytes).write(to: copy.parameters)
        #expect(copy.refusal() == .foreignLayout(path: copy.parameters.path, layout: .zarr))
    }

    @Test func anEmptyStepSaysWhatItFound() throws {
        let copy = try CheckpointCopy()
        try FileManager.default.removeItem(at: copy.parameters)
        #expect(
            copy.refusal()
                == .foreignLayout(path: copy.url("300000/default").path, layout: .unknown(found: ["_METADATA"])))
    }

    @Test func theOlderFormWithoutDefaultIsRead() throws {
        let copy = try CheckpointCopy()
        try FileManager.default.moveItem(at: copy.parameters, to: copy.url("300000/checkpoint"))
        try FileManager.default.removeItem(at: copy.url("300000/default"))
        #expect(try Checkpoint(folder: copy.folder.path).step == 300_000)
    }

    // MARK: - Parameters

    @Test func allWrongParametersAreNamedTogether() throws {
        let copy = try CheckpointCopy()
        try copy.edit("config.json", "\"mlp_dim\": 128", "\"mlp_dim\": 64")
        guard case .unusableParameters(let path, let problems) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(path == copy.parameters.path)
        // Three per block and two blocks: both kernels and the first bias.
        #expect(problems.count == 6)
        let block = "octo_transformer/BlockTransformer_0/Transformer_0/encoderblock_0/MlpBlock_0"
        #expect(
            problems.contains(
                ParameterProblem(parameter: "\(block)/Dense_0/kernel", found: .shape([64, 128]), expected: [64, 64])))
    }

    @Test func aMissingParameterIsNamed() throws {
        let copy = try CheckpointCopy()
        var bytes = try Data(contentsOf: copy.parameters)
        // The same length, so that the file stays whole.
        let name = try #require(bytes.range(of: Data("encoder_norm".utf8)))
        bytes.replaceSubrange(name, with: Data("encoder_gone".utf8))
        try bytes.write(to: copy.parameters)
        guard case .unusableParameters(_, let problems) = copy.refusal() else {
            Issue.record("\(String(describing: copy.refusal()))")
            return
        }
        #expect(problems.map(\.found) == [.nothing, .nothing])
        #expect(problems.allSatisfy { $0.parameter.contains("encoder_norm") })
        #expect("\(problems[0])".contains("missing"))
    }

    @Test func aParameterOfWholeNumbersIsRefused() throws {
        let copy = try CheckpointCopy()
        var bytes = try Data(contentsOf: copy.parameters)
        let place = try #require(bytes.range(of: Data("float32".utf8)))
        // "int32" is two characters shorter: rewrite the string header with a name of the same length.
        bytes.replaceSubrange(place, with: Data("float23".utf8))
        try bytes.write(to: copy.parameters)
        #expect("\(try #require(copy.refusal()))".contains("float23"))
    }

    // MARK: - Statistics

    @Test func statisticsAreFoundByName() throws {
        let checkpoint = try GoldenCase.first.checkpoint()
        let recorded = try GoldenCase.first.recorded()
        let statistics = try checkpoint.actionStatistics(dataset: "bridge_dataset")
        #expect(try largestDifference(statistics.mean, recorded.floats("in.unnorm.mean")) < 1e-7)
        #expect(try largestDifference(statistics.std, recorded.floats("in.unnorm.std")) < 1e-7)
        #expect(statistics.mask == [true, true, true, true, true, true, false])
        for name in [nil, "bridge"] as [String?] {
            #expect { try checkpoint.actionStatistics(dataset: name) } throws: { "\($0)".contains("bridge_dataset") }
        }
    }

    @Test func flatStatisticsNeedNoName() throws {
        let copy = try CheckpointCopy()
        try Data(#"{"action": {"mean": [1, 2], "std": [3, 4]}, "num_transitions": 5}"#.utf8)
            .write(to: copy.url("dataset_statistics.json"))
        let checkpoint = try Checkpoint(folder: copy.folder.path)
        #expect(checkpoint.description.datasets == [])
        let expected = ActionStatistics(mean: [1, 2], std: [3, 4])
        #expect(try checkpoint.actionStatistics(dataset: nil) == expected)
        // Which of several it was thought to be nobody can tell: the arm would go by the wrong numbers.
        #expect { try checkpoint.actionStatistics(dataset: "my_robot") } throws: {
            "\($0)".contains("'my_robot'") && "\($0)".contains("no data set to be named")
        }
    }

    @Test func theConfigurationSaysHowActionsWereNormalised() throws {
        let copy = try CheckpointCopy()
        let path = copy.url("config.json")
        let text = try String(contentsOf: path, encoding: .utf8)
        let place = try #require(text.firstIndex(of: "{"))
        let nested = #""dataset_kwargs": {"common": {"action_proprio_normalization_type": "bounds"}}, "#
        try Data((text[...place] + nested + text[text.index(after: place)...]).utf8).write(to: path)
        try Data(#"{"action": {"mean": [1], "std": [3], "p01": [-2], "p99": [6]}}"#.utf8)
            .write(to: copy.url("dataset_statistics.json"))
        let checkpoint = try Checkpoint(folder: copy.folder.path)
        #expect(checkpoint.normalization == .bounds)
        #expect(
            try checkpoint.actionStatistics(dataset: nil).unnormalise([-1, 0, 1], actionDimension: 1) == [-2, 2, 6])
        // The manifest has the last word.
        let normal = try checkpoint.actionStatistics(dataset: nil, normalization: .normal)
        #expect(normal.unnormalise([-1, 0, 1], actionDimension: 1) == [-2, 1, 4])
        try Data(#"{"action": {"mean": [1], "std": [3]}}"#.utf8).write(to: copy.url("dataset_statistics.json"))
        #expect { try Checkpoint(folder: copy.folder.path).actionStatistics(dataset: nil) } throws: {
            "\($0)".contains("no p01 or no p99 of 'action'")
        }
    }

    /// Taken for another, every action would be wrong.
    @Test func aNormalisationThatIsNotKnownIsRefused() throws {
        let copy = try CheckpointCopy()
        let path = copy.url("config.json")
        let text = try String(contentsOf: path, encoding: .utf8)
        let place = try #require(text.firstIndex(of: "{"))
        let nested = #""dataset_kwargs": {"action_proprio_normalization_type": "quantile"}, "#
        try Data((text[...place] + nested + text[text.index(after: place)...]).utf8).write(to: path)
        let refusal = try #require(copy.refusal())
        #expect(
            "\(refusal)".contains(
                #"action_proprio_normalization_type: found "quantile", expected 'normal' or 'bounds'"#),
            "\(refusal)")
    }

    /// Data sets of December 2023 close with -1; the arm is told 0 ... 1 by all of them.
    @Test func aGripperFromMinusOneIsSeenAndTurned() throws {
        let copy = try CheckpointCopy()
        func statistics(_ least: Double, _ most: Double) throws -> ActionStatistics {
            let rows = [("mean", 0.1), ("std", 1.0)].map { "\"\($0.0)\": \(Array(repeating: $0.1, count: 7))" }
            let ends = [("min", least), ("max", most)].map {
                "\"\($0.0)\": \(Array(repeating: -0.3, count: 6) + [$0.1])"
            }
            let mask = "\"mask\": [true, true, true, true, true, true, false]"
            try Data("{\"action\": {\((rows + ends + [mask]).joined(separator: ", "))}}".utf8)
                .write(to: copy.url("dataset_statistics.json"))
            return try Checkpoint(folder: copy.folder.path).actionStatistics(dataset: nil)
        }
        let chunk: [Float] = [0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0.5]
        let signed = try statistics(-1, 1)
        #expect(signed.hasSignedGripper)
        let told = signed.withGripperFromZero(signed.unnormalise(chunk, actionDimension: 7) ?? [])
        #expect([told[6], told[13]] == [0, 0.75] && told[5] == 0.1)
        for (least, most) in [(0.0, 1.0), (-0.76, 0.93), (-1.09, 0.75)] {
            let usual = try statistics(least, most)
            #expect(!usual.hasSignedGripper && usual.withGripperFromZero(chunk) == chunk)
        }
    }

    @Test func proprioceptionByBoundsIsCut() {
        var statistics = ProprioStatistics(
            mean: [0, 0], std: [1, 1], mask: [true, false], p01: [-2, 0], p99: [6, 1])
        statistics.normalization = .bounds
        #expect(
            zip(statistics.normalise([2, 7, 4, 8, 99, 9]), [0, 7, 0.5, 8, 1, 9]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test(arguments: ["config.json", "dataset_statistics.json", "example_batch.msgpack"])
    func whatGitHasNotFetchedIsToldByName(file: String) throws {
        let copy = try CheckpointCopy()
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123456\n"
        try Data(pointer.utf8).write(to: copy.url(file))
        #expect(copy.refusal() == .gitLFSPointer(path: copy.url(file).path, bytes: 123456))
    }

    @Test(arguments: [
        (#"[]"#, "array"), (#"{}"#, "no data set"), (#"{"a": {}}"#, "'a'"), (#"{"action": {"mean": [1]}}"#, "std"),
        (#"{"action": {"mean": [1], "std": [1, 2]}}"#, "2 values"),
        (#"{"action": {"mean": ["x"], "std": [1]}}"#, "action.mean"),
        (#"{"action": {"mean": [1], "std": [1], "mask": [1]}}"#, "mask"),
        (#"{"action": {"mean": [1e300], "std": [1]}}"#, "finite"),
        (#"{"action": {"mean": [1], "std": [-1]}}"#, "-1.0 in 'action.std'"),
    ])
    func unusableStatisticsAreRefused(text: String, complaint: String) throws {
        let copy = try CheckpointCopy()
        try Data(text.utf8).write(to: copy.url("dataset_statistics.json"))
        let refusal = try #require(copy.refusal())
        #expect("\(refusal)".contains(complaint))
        guard case .unusableStatistics = refusal else {
            Issue.record("\(refusal)")
            return
        }
    }

    @Test func statisticsOfMoreDimensionsThanTheHeadAreRefused() throws {
        let copy = try CheckpointCopy()
        let eight = "[\([String](repeating: "1", count: 8).joined(separator: ","))]"
        try Data(#"{"action": {"mean": \#(eight), "std": \#(eight)}}"#.utf8).write(
            to: copy.url("dataset_statistics.json"))
        let checkpoint = try Checkpoint(folder: copy.folder.path)
        #expect { try checkpoint.actionStatistics(dataset: nil) } throws: { "\($0)".contains("8 action dimensions") }
    }
}
