import Files
import Images

/// One robot episode as a record of a dataset: the steps, and what is known of all of them.
package struct RLDSEpisode: Equatable, Sendable {
    /// One timestep: what was observed, and the action taken then.
    package struct Step: Equatable, Sendable {
        /// The action. For Bridge: x y z (metres), roll pitch yaw (radians) as increments, the gripper as target, 1
        /// open.
        package var action: [Float]
        /// The arm's state. For Bridge: where the tool is, in the same seven numbers.
        package var state: [Float]
        /// JPEG or PNG files by key, of the sizes that the dataset's features name.
        package var pictures: [String: SharedBytes]
        /// Sentence for what was to be done; empty when nobody said it.
        package var languageInstruction: String
        package var isFirst = false
        package var isLast = false
        /// The task came to its end in this step; a last step that is not terminal was cut short.
        package var isTerminal = false
        package var reward: Float = 0
        package var discount: Float = 1
        /// Time at which the observation was true, nanoseconds; nil where the dataset has no time stamps.
        package var timestampNanoseconds: Int64?
        /// A burst of noise was added to what was carried out in this step; `action` is without it. The actions of the
        /// steps after it answer to something that could not be foreseen before.
        package var isPerturbed: Bool
        /// Place of the task's object in a simulated world: x y z (metres) and yaw (radians); empty: nobody says.
        package var truth: [Float]
        /// What would be done now and in the next steps for each of the episode's other goals, one after the other;
        /// empty where the dataset has none.
        package var otherActions: [Float]

        package init(
            action: [Float], state: [Float], pictures: [String: SharedBytes], languageInstruction: String = "",
            timestampNanoseconds: Int64? = nil, isPerturbed: Bool = false, truth: [Float] = [],
            otherActions: [Float] = []
        ) {
            self.action = action
            self.state = state
            self.pictures = pictures
            self.languageInstruction = languageInstruction
            self.timestampNanoseconds = timestampNanoseconds
            self.isPerturbed = isPerturbed
            self.truth = truth
            self.otherActions = otherActions
        }
    }

    /// How the same task ended in another scene.
    package struct OtherGoal: Equatable, Sendable {
        /// Picture of the world when the goal was reached.
        package var picture: SharedBytes
        /// Place of the object then: x y z (metres), yaw (radians).
        package var truth: [Float]
        /// The arm's state, as a step has it.
        package var state: [Float]

        package init(picture: SharedBytes, truth: [Float], state: [Float]) {
            self.picture = picture
            self.truth = truth
            self.state = state
        }
    }

    /// What is known of the episode as a whole.
    package struct Metadata: Equatable, Sendable {
        /// Origin of the episode: the recording's path or name.
        package var filePath: String
        package var episodeID: Int32
        package var success: Bool
        /// Seed of the policy's noise; 0 for episodes driven by hand.
        package var seed: Int64
        /// A picture of how the world is to look in the end, where the dataset has such.
        package var goal: SharedBytes?
        /// Goals of other scenes, where the dataset has such.
        package var otherGoals: [OtherGoal]

        package init(
            filePath: String, episodeID: Int32, success: Bool, seed: Int64 = 0, goal: SharedBytes? = nil,
            otherGoals: [OtherGoal] = []
        ) {
            self.filePath = filePath
            self.episodeID = episodeID
            self.success = success
            self.seed = seed
            self.goal = goal
            self.otherGoals = otherGoals
        }
    }

    package var steps: [Step]
    package var metadata: Metadata

    /// The steps as they are, flags and rewards too.
    package init(steps: [Step], metadata: Metadata) {
        self.steps = steps
        self.metadata = metadata
    }

    /// An episode from its first step to its last: flags and discounts follow from the order, the reward is 1 for the
    /// last step of a success and 0 else. The end is terminal if it is a success: an episode that failed or was stopped
    /// might have gone on.
    package init(recorded steps: [Step], metadata: Metadata) {
        self.init(steps: steps, metadata: metadata)
        for index in steps.indices {
            let isLast = index == steps.count - 1
            self.steps[index].isFirst = index == 0
            self.steps[index].isLast = isLast
            self.steps[index].isTerminal = isLast && metadata.success
            self.steps[index].reward = isLast && metadata.success ? 1 : 0
            self.steps[index].discount = 1
        }
    }

    /// Something by which an episode does not fit its dataset. Steps count from 0.
    package enum Problem: Error, Equatable, Sendable {
        case noSteps
        /// The pictures have more bytes than a record may have.
        case tooLarge(bytes: Int, limit: Int)
        case count(step: Int, of: String, found: Int, expected: Int)
        case notFinite(step: Int, of: String)
        case missingPicture(step: Int, key: String)
        case undeclaredPicture(step: Int, key: String)
        case picture(ImageError)
        case pictureSize(step: Int, key: String, found: Size, expected: Size)
        case pictureFormat(step: Int, key: String, found: ImageFormat, expected: String)
        case missingTimestamp(step: Int)
        case undeclaredTimestamp(step: Int)
        case timestampOrder(step: Int)
        case undeclaredPerturbation(step: Int)
        case missingGoal
        case undeclaredGoal
        case otherGoals(found: Int, expected: Int)
    }

    /// Size of a picture, in pixels.
    package struct Size: Equatable, Sendable {
        /// Width of the picture, pixels.
        package let width: Int
        /// Height of the picture, pixels.
        package let height: Int

        package init(width: Int, height: Int) {
            self.width = width
            self.height = height
        }
    }

    /// Most bytes of an episode's pictures. Protobuf messages end at 2 GiB; what is written must be within what is read
    /// again, with room for the numbers.
    package static let pictureBytesLimit = TFRecordReader.lengthLimit - (64 << 20)

    /// Lists all that keeps the episode out of a dataset with these features, step by step; empty when it fits.
    package func problems(for features: RLDSFeatures) -> [Problem] {
        var problems: [Problem] = steps.isEmpty ? [.noSteps] : []
        let bytes = steps.reduce(0) { $1.pictures.values.reduce($0) { $0 + $1.count } }
        if bytes > Self.pictureBytesLimit { problems.append(.tooLarge(bytes: bytes, limit: Self.pictureBytesLimit)) }
        switch (metadata.goal, features.goal) {
        case (let bytes?, let picture?): problems += Self.problem(with: bytes, for: picture, step: 0).map { [$0] } ?? []
        case (nil, _?): problems.append(.missingGoal)
        case (_?, nil): problems.append(.undeclaredGoal)
        case (nil, nil): break
        }
        problems += otherGoalProblems(for: features)
        var before: Int64?
        for (index, step) in steps.enumerated() {
            for (name, values, count) in [
                ("action", step.action, features.actionCount), ("state", step.state, features.stateCount),
                ("truth", step.truth, features.hasTruth ? RLDSFeatures.truthCount : 0),
                ("other actions", step.otherActions, features.otherActionCount),
            ] {
                if values.count != count {
                    problems.append(.count(step: index, of: name, found: values.count, expected: count))
                }
                if !values.allSatisfy(\.isFinite) { problems.append(.notFinite(step: index, of: name)) }
            }
            if !step.reward.isFinite || !step.discount.isFinite {
                problems.append(.notFinite(step: index, of: "reward or discount"))
            }
            for picture in features.pictures {
                guard let bytes = step.pictures[picture.key] else {
                    problems.append(.missingPicture(step: index, key: picture.key))
                    continue
                }
                if let problem = Self.problem(with: bytes, for: picture, step: index) { problems.append(problem) }
            }
            let declared = features.pictures.map(\.key)
            for key in step.pictures.keys.sorted() where !declared.contains(key) {
                problems.append(.undeclaredPicture(step: index, key: key))
            }
            switch (step.timestampNanoseconds, features.hasTimestamps) {
            case (nil, true): problems.append(.missingTimestamp(step: index))
            case (.some, false): problems.append(.undeclaredTimestamp(step: index))
            case (let now?, true):
                if let before, now <= before { problems.append(.timestampOrder(step: index)) }
                before = now
            case (nil, false): break
            }
            if step.isPerturbed, !features.hasPerturbations { problems.append(.undeclaredPerturbation(step: index)) }
        }
        return problems
    }

    private func otherGoalProblems(for features: RLDSFeatures) -> [Problem] {
        let count = features.otherGoals?.count ?? 0
        guard metadata.otherGoals.count == count else {
            return [.otherGoals(found: metadata.otherGoals.count, expected: count)]
        }
        return zip(metadata.otherGoals, features.otherGoals?.pictures ?? []).flatMap { goal, picture in
            var problems = Self.problem(with: goal.picture, for: picture, step: 0).map { [$0] } ?? []
            for (name, values, count) in [
                ("an other goal's truth", goal.truth, RLDSFeatures.truthCount),
                ("an other goal's state", goal.state, features.stateCount),
            ] {
                if values.count != count {
                    problems.append(.count(step: 0, of: name, found: values.count, expected: count))
                }
                if !values.allSatisfy(\.isFinite) { problems.append(.notFinite(step: 0, of: name)) }
            }
            return problems
        }
    }

    private static func problem(with bytes: SharedBytes, for picture: RLDSFeatures.Picture, step: Int) -> Problem? {
        let header: ImageHeader
        do {
            header = try ImageHeader(of: bytes.bytes, source: "'\(picture.key)' of step \(step)")
        } catch {
            return .picture(error)
        }
        let format: ImageFormat = picture.encoding == .jpeg ? .jpeg : .png
        if header.format != format {
            return .pictureFormat(step: step, key: picture.key, found: header.format, expected: format.rawValue)
        }
        guard header.width != picture.width || header.height != picture.height else { return nil }
        return .pictureSize(
            step: step, key: picture.key, found: Size(width: header.width, height: header.height),
            expected: Size(width: picture.width, height: picture.height))
    }
}

extension RLDSEpisode.Problem: CustomStringConvertible {
    /// Words for what was found and what was expected; `RLDSError.episode` says the rest.
    package var description: String {
        switch self {
        case .noSteps: "it has no steps, expected at least one"
        case .tooLarge(let bytes, let limit):
            "its pictures have \(bytes) bytes, expected at most \(limit) in a record: an episode that long is better "
                + "cut in two"
        case .count(let step, let name, let found, let expected):
            "step \(step) has \(found) numbers of \(name), expected \(expected)"
        case .notFinite(let step, let name): "step \(step) has a \(name) that is no finite number, expected one"
        case .missingPicture(let step, let key): "step \(step) has no picture '\(key)', expected one in every step"
        case .undeclaredPicture(let step, let key):
            "step \(step) has a picture '\(key)', which the dataset does not declare"
        case .picture(let error): error.description
        case .pictureSize(let step, let key, let found, let expected):
            "picture '\(key)' of step \(step) is \(found.width)x\(found.height), expected "
                + "\(expected.width)x\(expected.height)"
        case .pictureFormat(let step, let key, let found, let expected):
            "picture '\(key)' of step \(step) is a \(found.rawValue), expected a \(expected)"
        case .missingTimestamp(let step): "step \(step) has no time stamp, expected one in every step"
        case .undeclaredTimestamp(let step): "step \(step) has a time stamp, which the dataset does not declare"
        case .undeclaredPerturbation(let step):
            "step \(step) is marked as perturbed, for which the dataset declares no place"
        case .missingGoal: "it has no picture of its goal, expected one"
        case .otherGoals(let found, let expected): "it has \(found) goals of other scenes, expected \(expected)"
        case .undeclaredGoal: "it has a picture of its goal, which the dataset does not declare"
        case .timestampOrder(let step): "step \(step) is not later than the one before, expected rising time stamps"
        }
    }
}
