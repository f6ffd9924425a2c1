/// Token ids of a task's text with their attention mask, as the checkpoint's tokenizer makes them.
package struct TokenizedText: Equatable, Sendable {
    /// `[textLength]`, padded with 0.
    package var ids: [Int32]
    /// `[textLength]`, false for padding.
    package var attentionMask: [Bool]

    package init(ids: [Int32], attentionMask: [Bool]) {
        self.ids = ids
        self.attentionMask = attentionMask
    }

    /// What the official code puts in place of a text that was not given: the end-of-text token alone.
    static func empty(length: Int) -> TokenizedText {
        TokenizedText(ids: (0..<length).map { $0 == 0 ? 1 : 0 }, attentionMask: (0..<length).map { $0 == 0 })
    }
}

/// What is asked of the policy: goal images, a text, both, or nothing.
package struct TaskInput: Equatable, Sendable {
    /// Goal images by observation key (`image_primary`): `[height, width, 3]` RGB of the camera's size. One that is not
    /// given is black (0, which the network sees as -1), as in the official code.
    package var goalImages: [String: [UInt8]]
    package var text: TokenizedText?
    /// Numbers by task key, for checkpoints with FiLM conditioning (`ModelDescription.taskVectors`). Without any goal
    /// they are zeros, as in the official code; beside goal images all are needed.
    package var vectors: [String: [Float]]

    package init(goalImages: [String: [UInt8]] = [:], text: TokenizedText? = nil, vectors: [String: [Float]] = [:]) {
        self.goalImages = goalImages
        self.text = text
        self.vectors = vectors
    }
}

/// What the policy sees: the last T timesteps, oldest first, 1 ≤ T ≤ the checkpoint's maximum horizon.
package struct ObservationInput: Equatable, Sendable {
    /// Images by observation key (`image_primary`): `[T, height, width, 3]` RGB. Every camera of the checkpoint is
    /// needed.
    package var images: [String: [UInt8]]
    /// Numbers that are no image, such as proprioception, by observation key: `[T, P]`, normalised as in training
    /// (`ProprioStatistics`). Every key of the checkpoint is needed.
    package var lowdim: [String: [Float]]
    /// `[T]`, false marks slots that repeat the first image at the start of an episode.
    package var timestepPadMask: [Bool]
    /// `[T]` by observation key, false where a camera has no image. Absent keys are masked nowhere.
    package var padMasks: [String: [Bool]]

    package init(
        images: [String: [UInt8]], timestepPadMask: [Bool], padMasks: [String: [Bool]] = [:],
        lowdim: [String: [Float]] = [:]
    ) {
        self.images = images
        self.lowdim = lowdim
        self.timestepPadMask = timestepPadMask
        self.padMasks = padMasks
    }
}

extension ObservationInput {
    /// The timesteps the next window begins with, when it moves on by one; nil if it has none.
    package var withoutOldest: ObservationInput? {
        let T = timestepPadMask.count
        if T < 2 { return nil }
        return ObservationInput(
            images: images.mapValues { Array($0.dropFirst($0.count / T)) },
            timestepPadMask: Array(timestepPadMask.dropFirst()), padMasks: padMasks.mapValues { Array($0.dropFirst()) },
            lowdim: lowdim.mapValues { Array($0.dropFirst($0.count / T)) })
    }
}

/// A task after the work that is needed once: checked goal images, and text that went through T5.
package struct PreparedTask: Sendable {
    struct Language: Sendable {
        /// `[tokens, width of T5]`; nil in place of a text that is not there, which T5 was not run for.
        var encoded: [Float]?
        /// `[tokens, D]`, projected, with position embedding; zeros if T5 was not run.
        var tokens: [Float]
        /// Mask of the text's tokens: 1 if there is a text.
        var mask: UInt8
    }
    /// One image per goal key of the network.
    let goals: [String: [UInt8]]
    /// What FiLM layers read, by key.
    let vectors: [String: [Float]]
    /// One per language tokenizer.
    let languages: [Language]
    /// The network it was prepared for.
    let network: ObjectIdentifier
    /// Cameras whose goal image was not given.
    package let blackGoals: [String]
}

/// Why the network cannot run on an input.
package enum InferenceError: Error, Equatable {
    case missingCamera(key: String, given: [String])
    case unexpectedCamera(key: String, known: [String])
    case wrongImageSize(key: String, bytes: Int, expected: [Int])
    case missingNumbers(key: String, given: [String])
    case unexpectedNumbers(key: String, known: [String])
    case wrongNumberCount(key: String, count: Int, expected: [Int])
    /// An input has NaN or infinity.
    case notFinite(key: String)
    /// The action head's output has NaN or infinity.
    case outputNotFinite
    case wrongTimestepCount(Int, maximum: Int)
    case wrongPadMask(key: String, count: Int, timesteps: Int)
    case unexpectedGoal(key: String, known: [String])
    case missingTaskVector(key: String, count: Int)
    case wrongTaskVector(key: String, count: Int, expected: Int)
    case unexpectedTaskVector(key: String, known: [String])
    case noLanguage
    case wrongTextLength(ids: Int, mask: Int, expected: Int)
    case unknownToken(id: Int32, vocabulary: Int)
    case wrongNoise(initial: Int, steps: Int, expectedInitial: Int, expectedSteps: Int)
    case wrongEmbodimentDimension(Int, actionDimension: Int)
    case taskOfAnotherNetwork
}

extension InferenceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingCamera(let key, let given):
            "running the policy: found images of [\(given.joined(separator: ", "))], expected '\(key)' too. "
                + "The checkpoint was trained with that camera: add it."
        case .unexpectedCamera(let key, let known):
            "running the policy: found '\(key)', expected only [\(known.joined(separator: ", "))]. Leave it out."
        case .wrongImageSize(let key, let bytes, let expected):
            "running the policy: found \(bytes) bytes for '\(key)', expected shape \(expected). Resize the image first."
        case .missingNumbers(let key, let given):
            "running the policy: found numbers of [\(given.joined(separator: ", "))], expected '\(key)' too. "
                + "The checkpoint was trained with them: give them, normalised as in training."
        case .unexpectedNumbers(let key, let known):
            "running the policy: found numbers of '\(key)', expected only [\(known.joined(separator: ", "))]. Leave "
                + "them out."
        case .wrongNumberCount(let key, let count, let expected):
            "running the policy: found \(count) numbers of '\(key)', expected shape \(expected). Give all of each "
                + "timestep."
        case .notFinite(let key):
            "running the policy: found NaN or infinity in '\(key)', expected finite numbers. Look at the sensor, and "
                + "at the statistics that normalise it."
        case .outputNotFinite:
            "running the policy: found NaN or infinity in the action head's output, expected finite actions. The "
                + "parameters are damaged, or inputs far beyond those of the training overflowed: no action is given "
                + "out."
        case .wrongTimestepCount(let count, let maximum):
            "running the policy: found \(count) timesteps, expected 1 to \(maximum). Give that many."
        case .wrongPadMask(let key, let count, let timesteps):
            "running the policy: found \(count) entries in the pad mask of '\(key)', expected \(timesteps) and a known "
                + "key. Give one for each timestep."
        case .unexpectedGoal(let key, let known):
            "preparing the task: found a goal image '\(key)', expected only [\(known.joined(separator: ", "))]. "
                + "Leave it out, or use a checkpoint that takes it."
        case .missingTaskVector(let key, let count):
            "preparing the task: found a goal without '\(key)', expected its \(count) numbers: the checkpoint's image "
                + "encoder is conditioned on them (task_film_keys). Give them with the goal."
        case .wrongTaskVector(let key, let count, let expected):
            "preparing the task: found \(count) numbers for '\(key)', expected \(expected) finite ones. Give that many."
        case .unexpectedTaskVector(let key, let known):
            "preparing the task: found numbers for '\(key)', expected only [\(known.joined(separator: ", "))]. Leave "
                + "them out."
        case .noLanguage:
            "preparing the task: found a text, expected none. This checkpoint takes no text: give a goal image."
        case .wrongTextLength(let ids, let mask, let expected):
            "preparing the task: found \(ids) token ids and \(mask) mask entries, expected \(expected) of each. "
                + "Pad or cut the text to that length."
        case .unknownToken(let id, let vocabulary):
            "preparing the task: found the token \(id), expected 0 to \(vocabulary - 1). Use the checkpoint's own "
                + "tokenizer."
        case .wrongNoise(let initial, let steps, let expectedInitial, let expectedSteps):
            "running the policy: found \(initial) and \(steps) noise numbers, expected \(expectedInitial) and "
                + "\(expectedSteps). Draw them with the network's makeNoise."
        case .wrongEmbodimentDimension(let dimension, let actionDimension):
            "running the policy: found \(dimension) action dimensions, expected 1 to \(actionDimension). Use "
                + "statistics that fit the checkpoint."
        case .taskOfAnotherNetwork:
            "running the policy: found a task prepared for another network, expected one of this network. Prepare it "
                + "again."
        }
    }
}
