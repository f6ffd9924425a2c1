import Datasets
import Files
import Images
import TestSupport
import Testing

@Suite struct RLDSEpisodeTests {
    private let generator: SeededGenerator
    private let episode: RLDSEpisode
    private let features = RLDSFeatures.small

    init() throws {
        var chance = SeededGenerator(seed: 7)
        episode = try RLDSEpisode.made(steps: 4, using: &chance)
        generator = chance
    }

    private func floats(_ example: TrainingExample, _ key: String) -> [Float]? {
        if case .floats(let list)? = example[key] { list } else { nil }
    }
    private func integers(_ example: TrainingExample, _ key: String) -> [Int64]? {
        if case .integers(let list)? = example[key] { list } else { nil }
    }

    @Test func flagsAndRewardsFollowFromOrderAndSuccess() {
        #expect(episode.steps.map(\.isFirst) == [true, false, false, false])
        #expect(episode.steps.map(\.isLast) == [false, false, false, true])
        #expect(episode.steps.map(\.isTerminal) == [false, false, false, true])
        #expect(episode.steps.map(\.reward) == [0, 0, 0, 1])
        #expect(episode.steps.map(\.discount) == [1, 1, 1, 1])
        var metadata = episode.metadata
        metadata.success = false
        let failed = RLDSEpisode(recorded: episode.steps, metadata: metadata)
        #expect(failed.steps.map(\.reward) == [0, 0, 0, 0] && failed.steps.last?.isLast == true)
        #expect(failed.steps.allSatisfy { !$0.isTerminal })
        let single = RLDSEpisode(recorded: Array(episode.steps.prefix(1)), metadata: episode.metadata)
        #expect(single.steps[0].isFirst && single.steps[0].isLast)
    }

    @Test func aRecordHoldsEachFeatureOnceForAllSteps() throws {
        let example = try episode.example(for: features)
        #expect(floats(example, "steps/action") == episode.steps.flatMap(\.action))
        #expect(floats(example, "steps/observation/state")?.count == 28)
        #expect(floats(example, "steps/reward") == [0, 0, 0, 1] && floats(example, "steps/discount") == [1, 1, 1, 1])
        #expect(integers(example, "steps/is_first") == [1, 0, 0, 0])
        #expect(integers(example, "steps/is_last") == [0, 0, 0, 1])
        #expect(integers(example, "steps/is_terminal") == [0, 0, 0, 1])
        #expect(integers(example, "steps/timestamp_ns")?.last == 1_700_000_000_723_456_792)
        #expect(example["steps/language_instruction"] == .bytes(Array(repeating: Array("wave".utf8), count: 4)))
        #expect(
            example["steps/observation/image_1"] == .bytes(episode.steps.map { $0.pictures["image_1"]?.array ?? [] }))
        #expect(example["episode_metadata/file_path"] == .bytes([Array("logs/1.mcap".utf8)]))
        #expect(integers(example, "episode_metadata/episode_id") == [1])
        #expect(integers(example, "episode_metadata/success") == [1])
        #expect(integers(example, "episode_metadata/seed") == [.min + 1])
        #expect((0..<4).map { integers(example, "episode_metadata/has_image_\($0)") } == [[1], [1], [0], [0]])
        #expect(integers(example, "episode_metadata/has_language") == [1])
    }

    /// TFDS refuses a record that lacks a declared feature.
    @Test func everyDeclaredFeatureIsInTheRecordAndNoOther() throws {
        func names(_ node: FeatureNode, _ prefix: String) -> [String] {
            switch node {
            case .dictionary(let members): members.flatMap { names($0.feature, prefix + "/" + $0.name) }
            case .sequence(let feature): names(feature, prefix)
            case .tensor, .text, .image, .other: [String(prefix.dropFirst())]
            }
        }
        var chance = generator
        let marked = RLDSFeatures(pictures: [], hasPerturbations: true)
        for features in [
            features, marked, RLDSFeatures(pictures: []),
            RLDSFeatures(pictures: [.init("image_2", width: 8, height: 8)]),
        ] {
            let episode = try RLDSEpisode.made(steps: 2, features: features, using: &chance)
            let example = try episode.example(for: features)
            #expect(Set(example.entries.map(\.name)) == Set(names(features.tree, "")))
        }
    }

    @Test func silenceIsAnEmptyInstructionInEveryStep() throws {
        var episode = episode
        for index in episode.steps.indices { episode.steps[index].languageInstruction = "" }
        let example = try episode.example(for: features)
        #expect(example["steps/language_instruction"] == .bytes([[], [], [], []]))
        #expect(integers(example, "episode_metadata/has_language") == [0])
        #expect(try RLDSEpisode(example, features: features) == episode)
    }

    @Test func whatIsWrittenIsRead() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for count in [1, 2, 9] {
            for features in [features, RLDSFeatures(pictures: [], actionCount: 14, stateCount: 6)] {
                let episode = try RLDSEpisode.made(
                    steps: count, success: count == 2, features: features, instruction: "lège \"x\"\n", id: .max,
                    using: &generator)
                let bytes = try episode.example(for: features).encoded()
                let back = try RLDSEpisode(TrainingExample(decoding: bytes), features: features)
                #expect(back == episode, "seed \(generator.seed)")
            }
        }
    }

    @Test func marksAndGoalsAreWrittenAndReadWhereTheDatasetDeclaresThem() throws {
        let rich = RLDSFeatures(
            pictures: features.pictures, hasTimestamps: true, hasPerturbations: true,
            goal: .init("goal_image_0", width: 16, height: 12))
        #expect(try RLDSFeatures(tree: FeatureNode(rich.tree.json)) == rich)
        #expect(try RLDSFeatures(tree: FeatureNode(features.tree.json)) == features)
        var episode = episode
        episode.steps[2].isPerturbed = true
        #expect(episode.problems(for: rich) == [.missingGoal])
        #expect(episode.problems(for: features) == [.undeclaredPerturbation(step: 2)])
        episode.metadata.goal = episode.steps[3].pictures["image_0"]
        let example = try episode.example(for: rich)
        #expect(integers(example, "steps/perturbed") == [0, 0, 1, 0])
        #expect(example["episode_metadata/goal_image_0"] == .bytes([episode.metadata.goal?.array ?? []]))
        #expect(try RLDSEpisode(TrainingExample(decoding: example.encoded()), features: rich) == episode)
        episode.steps[2].isPerturbed = false
        #expect(episode.problems(for: features) == [.undeclaredGoal])
        episode.metadata.goal = try RGBImage.waves(width: 8, height: 8, seed: 0).jpegData()
        #expect(episode.problems(for: rich).count == 1, "another size")
    }

    @Test func truthIsWrittenAndReadWhereTheDatasetDeclaresIt() throws {
        let telling = RLDSFeatures(pictures: features.pictures, hasTimestamps: features.hasTimestamps, hasTruth: true)
        #expect(try RLDSFeatures(tree: FeatureNode(telling.tree.json)) == telling)
        var episode = episode
        #expect(!episode.problems(for: telling).isEmpty, "it says nothing")
        for index in episode.steps.indices { episode.steps[index].truth = [Float(index), 0.5, -1, 2] }
        #expect(!episode.problems(for: features).isEmpty, "nobody asked")
        let example = try episode.example(for: telling)
        #expect(try RLDSEpisode(TrainingExample(decoding: example.encoded()), features: telling) == episode)
    }

    @Test func goalsOfOtherScenesAreWrittenAndReadWhereTheDatasetDeclaresThem() throws {
        let rich = RLDSFeatures(
            pictures: features.pictures, hasTimestamps: features.hasTimestamps,
            otherGoals: .init(count: 2, horizon: 3, width: 16, height: 12))
        #expect(try RLDSFeatures(tree: FeatureNode(rich.tree.json)) == rich)
        var episode = episode
        let picture = try #require(episode.steps[3].pictures["image_0"])
        let other = RLDSEpisode.OtherGoal(
            picture: picture, truth: [1, 2, 3, 4], state: Array(repeating: 0.5, count: 7))
        #expect(episode.problems(for: rich).contains(.otherGoals(found: 0, expected: 2)))
        episode.metadata.otherGoals = [other, other]
        for index in episode.steps.indices {
            episode.steps[index].otherActions = (0..<2 * 3 * 7).map { Float($0 + index) }
        }
        #expect(episode.problems(for: features).contains(.otherGoals(found: 2, expected: 0)), "nobody asked")
        let example = try episode.example(for: rich)
        #expect(try RLDSEpisode(TrainingExample(decoding: example.encoded()), features: rich) == episode)
        episode.metadata.otherGoals[1].state = [.nan]
        #expect(episode.problems(for: rich).count == 2, "a number, and no number")
        episode.metadata.otherGoals[1] = other
        episode.steps[1].otherActions.removeLast()
        #expect(episode.problems(for: rich) == [.count(step: 1, of: "other actions", found: 41, expected: 42)])
    }

    // MARK: Episodes that do not fit

    private func problems(_ change: (inout RLDSEpisode) -> Void) -> [RLDSEpisode.Problem] {
        var changed = episode
        change(&changed)
        return changed.problems(for: features)
    }

    @Test func eachMisfitIsNamed() throws {
        #expect(problems { _ in } == [])
        #expect(problems { $0.steps = [] } == [.noSteps])
        #expect(problems { $0.steps[1].action = [1] } == [.count(step: 1, of: "action", found: 1, expected: 7)])
        #expect(problems { $0.steps[2].state.append(0) } == [.count(step: 2, of: "state", found: 8, expected: 7)])
        #expect(problems { $0.steps[0].action[3] = .nan } == [.notFinite(step: 0, of: "action")])
        #expect(problems { $0.steps[0].state[0] = .infinity } == [.notFinite(step: 0, of: "state")])
        #expect(problems { $0.steps[0].reward = .nan } == [.notFinite(step: 0, of: "reward or discount")])
        #expect(problems { $0.steps[3].pictures["image_1"] = nil } == [.missingPicture(step: 3, key: "image_1")])
        #expect(
            problems { $0.steps[3].pictures["top"] = SharedBytes(copying: []) } == [
                .undeclaredPicture(step: 3, key: "top")
            ])
        #expect(problems { $0.steps[0].timestampNanoseconds = nil } == [.missingTimestamp(step: 0)])
        #expect(problems { $0.steps[2].timestampNanoseconds = 5 } == [.timestampOrder(step: 2)])
        let small = RGBImage.waves(width: 8, height: 8, seed: 0)
        let (jpeg, png) = (try small.jpegData(), try small.pngData())
        #expect(
            problems { $0.steps[1].pictures["image_0"] = jpeg } == [
                .pictureSize(
                    step: 1, key: "image_0", found: .init(width: 8, height: 8), expected: .init(width: 16, height: 12))
            ])
        #expect(
            problems { $0.steps[1].pictures["image_0"] = png } == [
                .pictureFormat(step: 1, key: "image_0", found: .png, expected: "JPEG")
            ])
        #expect(
            problems { $0.steps[1].pictures["image_0"] = SharedBytes(copying: []) } == [
                .picture(.unknownFormat(source: "'image_0' of step 1", start: []))
            ])
        let plain = RLDSFeatures(pictures: features.pictures)
        #expect(episode.problems(for: plain) == (0..<4).map { .undeclaredTimestamp(step: $0) })
    }

    @Test func anEpisodeLargerThanARecordIsRefused() throws {
        // What follows the end of a JPEG is not looked at; all steps share one file.
        let jpeg = try RGBImage.waves(width: 16, height: 12, seed: 0).jpegData().array
        let large = SharedBytes(copying: jpeg + [UInt8](repeating: 0, count: 1 << 20))
        let features = RLDSFeatures(pictures: [.init("image_0", width: 16, height: 12)])
        let zeros = [Float](repeating: 0, count: 7)
        let step = RLDSEpisode.Step(action: zeros, state: zeros, pictures: ["image_0": large])
        func episode(_ count: Int) -> RLDSEpisode {
            RLDSEpisode(recorded: Array(repeating: step, count: count), metadata: self.episode.metadata)
        }
        #expect(episode(10).problems(for: features) == [])
        let limit = RLDSEpisode.pictureBytesLimit
        #expect(episode(1000).problems(for: features) == [.tooLarge(bytes: 1000 * large.count, limit: limit)])
    }

    @Test func allMisfitsAreReportedTogether() {
        var changed = episode
        changed.steps[0].action = []
        changed.steps[3].state = []
        let expected: [RLDSEpisode.Problem] = [
            .count(step: 0, of: "action", found: 0, expected: 7), .count(step: 3, of: "state", found: 0, expected: 7),
        ]
        #expect(throws: RLDSError.episode("logs/1.mcap", expected)) { try changed.example(for: features) }
        let text = RLDSError.episode("logs/1.mcap", expected).description
        #expect(
            text.hasPrefix("adding the episode 'logs/1.mcap' to a dataset: step 0 has 0 numbers of action, expected 7.")
        )
        #expect(text.contains("1 more problem") && text.hasSuffix("as the episode has them."))
    }

    // MARK: Records that are no episode

    private func misfit(_ change: (inout TrainingExample) -> Void) throws -> RLDSRecordProblem? {
        var example = try episode.example(for: features)
        change(&example)
        do {
            _ = try RLDSEpisode(example, features: features)
            return nil
        } catch {
            return error
        }
    }

    @Test func recordsOfOtherCountsAreRefused() throws {
        #expect(try misfit { _ in } == nil)
        for key in [
            "steps/action", "steps/observation/state", "steps/language_instruction", "steps/observation/image_0",
            "steps/timestamp_ns",
        ] {
            #expect(try misfit { $0[key] = nil }?.found == "nothing")
            #expect(try misfit { $0[key] = .unset }?.found == "an empty feature")
            #expect(try misfit { $0[key] = .floats([1]) } != nil && misfit { $0[key] = .bytes([]) } != nil)
        }
        let short = try misfit { $0["steps/action"] = .floats(Array(repeating: 0, count: 27)) }
        #expect(short == .init(key: "steps/action", found: "27 floats", expected: "4 × 7 floats"))
        #expect(try misfit { $0["steps/is_last"] = .integers([1]) }?.expected == "4 integers")
        #expect(try misfit { $0["steps/reward"] = .floats([1]) }?.expected == "4 floats")
        #expect(
            try misfit { $0["episode_metadata/episode_id"] = .integers([1 << 32]) }?.expected == "an integer of 32 bits"
        )
        #expect(try misfit { $0["episode_metadata/file_path"] = .bytes([[0xFF]]) }?.expected == "UTF-8")
        #expect(try misfit { $0["episode_metadata/file_path"] = .bytes([[], []]) }?.found == "2 byte strings")
    }

    @Test func whatARecordDoesNotSayIsNotInvented() throws {
        var example = try episode.example(for: features)
        for key in ["is_first", "is_last", "is_terminal", "reward", "discount"] { example["steps/" + key] = nil }
        for key in ["file_path", "episode_id", "success", "seed"] { example["episode_metadata/" + key] = nil }
        let read = try RLDSEpisode(example, features: features)
        #expect(read.metadata == .init(filePath: "", episodeID: 0, success: false))
        #expect(
            read.steps.allSatisfy { !$0.isFirst && !$0.isLast && !$0.isTerminal && $0.reward == 0 && $0.discount == 1 })
        #expect(read.steps.map(\.action) == episode.steps.map(\.action))
    }
}
