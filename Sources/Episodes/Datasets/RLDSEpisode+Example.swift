import Files
import Images

/// Why a record is not an episode of its dataset; `key` is the feature's name in the record.
package struct RLDSRecordProblem: Error, Equatable, Sendable {
    package let key: String
    package let found: String
    package let expected: String

    package init(key: String, found: String, expected: String) {
        self.key = key
        self.found = found
        self.expected = expected
    }
}

extension RLDSEpisode {
    private enum Key {
        static let action = "steps/action"
        static let state = "steps/observation/state"
        static let instruction = "steps/language_instruction"
        static let isFirst = "steps/is_first"
        static let isLast = "steps/is_last"
        static let isTerminal = "steps/is_terminal"
        static let reward = "steps/reward"
        static let discount = "steps/discount"
        static let timestamp = "steps/timestamp_ns"
        static let perturbed = "steps/perturbed"
        static let truth = "steps/truth"
        static let otherActions = "steps/other_actions"
        static let otherTruths = "episode_metadata/other_truths"
        static let otherStates = "episode_metadata/other_states"
        static let filePath = "episode_metadata/file_path"
        static let episodeID = "episode_metadata/episode_id"
        static let success = "episode_metadata/success"
        static let seed = "episode_metadata/seed"
        static let hasLanguage = "episode_metadata/has_language"
        static func picture(_ key: String) -> String { "steps/observation/" + key }
        static func goal(_ key: String) -> String { "episode_metadata/" + key }
        static func has(_ key: String) -> String { "episode_metadata/has_" + key }
    }

    /// The episode as one record: every feature of a step stands once, the values of all steps one after the other.
    /// Source: the RLDS layout as TFDS 4.9 reads it.
    /// - Throws: `Problem`s, all of them, as `RLDSError.episode`.
    package func example(for features: RLDSFeatures) throws(RLDSError) -> TrainingExample {
        let problems = problems(for: features)
        guard problems.isEmpty else { throw .episode(metadata.filePath, problems) }
        var example = TrainingExample()
        for picture in features.pictures {
            example[Key.picture(picture.key)] = .bytes(
                steps.map { $0.pictures[picture.key].map { Array($0.bytes) } ?? [] })
        }
        func flags(_ value: (Step) -> Bool) -> TrainingExample.Feature { .integers(steps.map { value($0) ? 1 : 0 }) }
        func flag(_ value: Bool) -> TrainingExample.Feature { .integers([value ? 1 : 0]) }
        example[Key.state] = .floats(steps.flatMap(\.state))
        example[Key.action] = .floats(steps.flatMap(\.action))
        example[Key.instruction] = .bytes(steps.map { Array($0.languageInstruction.utf8) })
        example[Key.isFirst] = flags(\.isFirst)
        example[Key.isLast] = flags(\.isLast)
        example[Key.isTerminal] = flags(\.isTerminal)
        example[Key.reward] = .floats(steps.map(\.reward))
        example[Key.discount] = .floats(steps.map(\.discount))
        if features.hasTimestamps { example[Key.timestamp] = .integers(steps.map { $0.timestampNanoseconds ?? 0 }) }
        if features.hasPerturbations { example[Key.perturbed] = flags(\.isPerturbed) }
        if features.hasTruth { example[Key.truth] = .floats(steps.flatMap(\.truth)) }
        example[Key.filePath] = .bytes([Array(metadata.filePath.utf8)])
        example[Key.episodeID] = .integers([Int64(metadata.episodeID)])
        example[Key.success] = flag(metadata.success)
        example[Key.seed] = .integers([metadata.seed])
        let declared = features.pictures.map(\.key)
        for key in RLDSFeatures.flaggedPictures { example[Key.has(key)] = flag(declared.contains(key)) }
        example[Key.hasLanguage] = flag(steps.contains { !$0.languageInstruction.isEmpty })
        if let goal = features.goal {
            example[Key.goal(goal.key)] = .bytes([metadata.goal.map { Array($0.bytes) } ?? []])
        }
        if let others = features.otherGoals {
            example[Key.otherActions] = .floats(steps.flatMap(\.otherActions))
            example[Key.otherTruths] = .floats(metadata.otherGoals.flatMap(\.truth))
            example[Key.otherStates] = .floats(metadata.otherGoals.flatMap(\.state))
            for (goal, picture) in zip(metadata.otherGoals, others.pictures) {
                example[Key.goal(picture.key)] = .bytes([Array(goal.picture.bytes)])
            }
        }
        return example
    }

    /// Reads a record of a dataset with these features, ours or another's. What the record does not have of flags,
    /// rewards and metadata takes the values of an episode that nobody has judged: discount 1, all else 0 or empty.
    /// Pictures are not decoded.
    package init(_ example: TrainingExample, features: RLDSFeatures) throws(RLDSRecordProblem) {
        let record = RecordValues(example: example)
        let instructions = try record.texts(Key.instruction)
        let count = instructions.count
        let actions = try record.rows(Key.action, of: features.actionCount, count: count)
        let states = try record.rows(Key.state, of: features.stateCount, count: count)
        let isFirst = try record.flags(Key.isFirst, count: count)
        let isLast = try record.flags(Key.isLast, count: count)
        let isTerminal = try record.flags(Key.isTerminal, count: count)
        let rewards = try record.floats(Key.reward, count: count, else: 0)
        let discounts = try record.floats(Key.discount, count: count, else: 1)
        let timestamps = features.hasTimestamps ? try record.integers(Key.timestamp, count: count) : []
        let perturbed = try record.flags(Key.perturbed, count: count)
        let truths = features.hasTruth ? try record.rows(Key.truth, of: RLDSFeatures.truthCount, count: count) : []
        let otherActions =
            features.otherGoals == nil
            ? [] : try record.rows(Key.otherActions, of: features.otherActionCount, count: count)
        var pictures = [[String: SharedBytes]](repeating: [:], count: count)
        for picture in features.pictures {
            for (step, file) in try record.pictures(Key.picture(picture.key), count: count).enumerated() {
                pictures[step][picture.key] = SharedBytes(copying: file)
            }
        }
        let steps = (0..<count).map { index in
            var step = Step(
                action: actions[index], state: states[index], pictures: pictures[index],
                languageInstruction: instructions[index],
                timestampNanoseconds: features.hasTimestamps ? timestamps[index] : nil)
            step.isPerturbed = features.hasPerturbations && perturbed[index]
            if features.hasTruth { step.truth = truths[index] }
            if features.otherGoals != nil { step.otherActions = otherActions[index] }
            step.isFirst = isFirst[index]
            step.isLast = isLast[index]
            step.isTerminal = isTerminal[index]
            step.reward = rewards[index]
            step.discount = discounts[index]
            return step
        }
        let episodeID = try record.integer(Key.episodeID)
        guard let episodeID = Int32(exactly: episodeID) else {
            throw .init(key: Key.episodeID, found: "\(episodeID)", expected: "an integer of 32 bits")
        }
        let goal = try features.goal.map { picture throws(RLDSRecordProblem) in
            SharedBytes(copying: try record.pictures(Key.goal(picture.key), count: 1)[0])
        }
        self.init(
            steps: steps,
            metadata: Metadata(
                filePath: example[Key.filePath] == nil ? "" : try record.texts(Key.filePath, count: 1)[0],
                episodeID: episodeID, success: try record.integer(Key.success) != 0, seed: try record.integer(Key.seed),
                goal: goal, otherGoals: try Self.otherGoals(of: record, features: features)))
    }

    private static func otherGoals(
        of record: RecordValues, features: RLDSFeatures
    ) throws(RLDSRecordProblem) -> [OtherGoal] {
        guard let others = features.otherGoals else { return [] }
        let truths = try record.rows(Key.otherTruths, of: RLDSFeatures.truthCount, count: others.count)
        let states = try record.rows(Key.otherStates, of: features.stateCount, count: others.count)
        var goals: [OtherGoal] = []
        for (index, picture) in others.pictures.enumerated() {
            let file = try record.pictures(Key.goal(picture.key), count: 1)[0]
            goals.append(OtherGoal(picture: SharedBytes(copying: file), truth: truths[index], state: states[index]))
        }
        return goals
    }
}

/// Takes the features of a record as what they should be.
private struct RecordValues {
    let example: TrainingExample

    private func mismatch(_ key: String, _ expected: String) -> RLDSRecordProblem {
        RLDSRecordProblem(key: key, found: example[key].map(\.kind) ?? "nothing", expected: expected)
    }

    /// The byte strings of a feature, which are a picture each.
    /// - Parameter count: number of strings that there must be; nil for any number above 0.
    func pictures(_ key: String, count: Int?) throws(RLDSRecordProblem) -> [[UInt8]] {
        guard case .bytes(let list)? = example[key], !list.isEmpty, list.count == count ?? list.count else {
            throw mismatch(key, "\(count.map(String.init) ?? "some") byte strings")
        }
        return list
    }

    func texts(_ key: String, count: Int? = nil) throws(RLDSRecordProblem) -> [String] {
        var texts: [String] = []
        for bytes in try pictures(key, count: count) {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .init(key: key, found: "bytes that are not UTF-8", expected: "UTF-8")
            }
            texts.append(text)
        }
        return texts
    }

    func rows(_ key: String, of length: Int, count: Int) throws(RLDSRecordProblem) -> [[Float]] {
        // Divided, not multiplied: a file's sizes must not overflow.
        guard case .floats(let list)? = example[key], list.count % length == 0, list.count / length == count else {
            throw mismatch(key, "\(count) × \(length) floats")
        }
        return (0..<count).map { Array(list[$0 * length..<($0 + 1) * length]) }
    }

    func floats(_ key: String, count: Int, else value: Float) throws(RLDSRecordProblem) -> [Float] {
        guard example[key] != nil else { return Array(repeating: value, count: count) }
        guard case .floats(let list)? = example[key], list.count == count else {
            throw mismatch(key, "\(count) floats")
        }
        return list
    }

    func integers(_ key: String, count: Int) throws(RLDSRecordProblem) -> [Int64] {
        guard case .integers(let list)? = example[key], list.count == count else {
            throw mismatch(key, "\(count) integers")
        }
        return list
    }

    func flags(_ key: String, count: Int) throws(RLDSRecordProblem) -> [Bool] {
        guard example[key] != nil else { return Array(repeating: false, count: count) }
        return try integers(key, count: count).map { $0 != 0 }
    }

    func integer(_ key: String) throws(RLDSRecordProblem) -> Int64 {
        guard example[key] != nil else { return 0 }
        return try integers(key, count: 1)[0]
    }
}
