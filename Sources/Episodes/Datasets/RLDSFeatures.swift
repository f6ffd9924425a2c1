/// What each step of a dataset holds, and in what sizes. Octo's data loader takes `action`, `observation/state`,
/// pictures by key and `language_instruction`; everything else it passes by. Source: the RLDS layout as TFDS 4.9 reads
/// it.
package struct RLDSFeatures: Equatable, Sendable {
    /// One picture of a step, by its key.
    package struct Picture: Equatable, Sendable {
        package enum Encoding: String, Sendable { case jpeg, png }

        /// Key of the picture: `image_0` is what Octo calls primary, `image_1` secondary; a wrist camera may have any
        /// of them.
        package let key: String
        package let width: Int
        package let height: Int
        package let encoding: Encoding

        /// Makes the description of one picture of a step.
        /// - Parameters width, height: pixels. Octo was trained with 256×256 (primary) and 128×128 (wrist).
        package init(_ key: String, width: Int, height: Int, encoding: Encoding = .jpeg) {
            self.key = key
            self.width = width
            self.height = height
            self.encoding = encoding
        }

        fileprivate var feature: FeatureNode { .image(shape: [height, width, 3], encoding: encoding.rawValue) }
    }

    /// Goals beside an episode's own, of the same task in other scenes, and what would be done for them at each step:
    /// what teaches a policy that the goal decides.
    package struct OtherGoals: Equatable, Sendable {
        /// Number of goals of an episode.
        package let count: Int
        /// Number of actions that each step has for each goal.
        package let horizon: Int
        /// Width of each goal's picture, pixels; `height` likewise.
        package let width: Int
        package let height: Int

        package init(count: Int, horizon: Int, width: Int, height: Int) {
            precondition(count > 0 && horizon > 0, "there is a goal, and something to do for it")
            self.count = count
            self.horizon = horizon
            self.width = width
            self.height = height
        }

        /// Their pictures, beside the episode's steps.
        var pictures: [Picture] { (0..<count).map { Picture("other_goal_\($0)", width: width, height: height) } }

        fileprivate func shape(of numbers: Int) -> [Int] { [count, horizon, numbers] }
    }

    /// The cameras, sorted by their keys, which are unique.
    package let pictures: [Picture]
    /// Number of numbers in an action and in a state; 7 each for Bridge.
    package let actionCount: Int
    package let stateCount: Int
    /// Whether steps say when they were true, in nanoseconds. Whole numbers, as a record keeps no float64: TFDS reads
    /// one back as float32, which near 10⁵ seconds is off by 8 ms.
    package let hasTimestamps: Bool
    /// Whether steps say if a burst of noise was added to what was carried out (`perturbed`).
    package let hasPerturbations: Bool
    /// Whether steps say where the task's object is (`truth`: x y z, metres, yaw, radians): something that a simulated
    /// world knows.
    package let hasTruth: Bool
    /// Picture of its goal that each episode has beside its steps; nil for none.
    package let goal: Picture?
    /// Goals of other scenes; nil for none. Their truth is a step's, their state an observation's.
    package let otherGoals: OtherGoals?

    package init(
        pictures: [Picture] = [Picture("image_0", width: 256, height: 256)], actionCount: Int = 7, stateCount: Int = 7,
        hasTimestamps: Bool = false, hasPerturbations: Bool = false, hasTruth: Bool = false, goal: Picture? = nil,
        otherGoals: OtherGoals? = nil
    ) {
        precondition(Set(pictures.map(\.key)).count == pictures.count, "each picture needs a key of its own")
        precondition(actionCount > 0 && stateCount > 0, "an action and a state have at least one number")
        self.pictures = pictures.sorted { $0.key < $1.key }
        self.actionCount = actionCount
        self.stateCount = stateCount
        self.hasTimestamps = hasTimestamps
        self.hasPerturbations = hasPerturbations
        self.hasTruth = hasTruth
        self.goal = goal
        self.otherGoals = otherGoals
    }

    /// Pictures of which Bridge says whether an episode has them: `image_0` to `image_3`.
    static let flaggedPictures = (0..<4).map { "image_\($0)" }

    /// Numbers of a step's truth.
    static let truthCount = 4

    /// Numbers that a step has for the goals of other scenes.
    var otherActionCount: Int { otherGoals.map { $0.shape(of: actionCount).reduce(1, *) } ?? 0 }

    /// The tree for `features.json`.
    package var tree: FeatureNode {
        var observation = pictures.map { picture in
            FeatureNode.Member(picture.key, picture.feature)
        }
        observation.append(.init("state", .tensor(shape: [stateCount], type: "float32")))
        var step: [FeatureNode.Member] = [
            .init("observation", .dictionary(observation)),
            .init("action", .tensor(shape: [actionCount], type: "float32")),
            .init("language_instruction", .text),
            .init("is_first", .scalar("bool")), .init("is_last", .scalar("bool")),
            .init("is_terminal", .scalar("bool")),
            .init("reward", .scalar("float32")), .init("discount", .scalar("float32")),
        ]
        if hasTimestamps { step.append(.init("timestamp_ns", .scalar("int64"))) }
        if hasPerturbations { step.append(.init("perturbed", .scalar("bool"))) }
        if hasTruth { step.append(.init("truth", .tensor(shape: [Self.truthCount], type: "float32"))) }
        if let otherGoals {
            step.append(.init("other_actions", .tensor(shape: otherGoals.shape(of: actionCount), type: "float32")))
        }
        var metadata: [FeatureNode.Member] = [
            .init("file_path", .text), .init("episode_id", .scalar("int32")), .init("success", .scalar("bool")),
            .init("seed", .scalar("int64")),
        ]
        metadata += Self.flaggedPictures.map { .init("has_" + $0, .scalar("bool")) }
        metadata.append(.init("has_language", .scalar("bool")))
        if let goal { metadata.append(.init(goal.key, goal.feature)) }
        if let otherGoals {
            metadata += otherGoals.pictures.map { .init($0.key, $0.feature) }
            metadata.append(
                .init("other_truths", .tensor(shape: [otherGoals.count, Self.truthCount], type: "float32")))
            metadata.append(.init("other_states", .tensor(shape: [otherGoals.count, stateCount], type: "float32")))
        }
        return .dictionary([
            .init("steps", .sequence(.dictionary(step))), .init("episode_metadata", .dictionary(metadata)),
        ])
    }

    /// Reads the features of another's tree by which an episode can be read; features that have no place here are
    /// passed by.
    /// - Throws: `RLDSJSONProblem` when action, state or instruction is missing or of another kind.
    package init(tree: FeatureNode) throws(RLDSJSONProblem) {
        guard case .sequence(let step)? = tree["steps"] else {
            throw .init(at: "steps", found: "no sequence of steps", expected: "steps, as RLDS has them")
        }
        let observation = step["observation"]
        guard step["language_instruction"] == .text else {
            throw .init(at: "steps/language_instruction", found: "no text", expected: "a text for each step")
        }
        let pictures = try Self.pictures(in: observation, at: "steps/observation/")
        self.pictures = pictures.sorted { $0.key < $1.key }
        actionCount = try Self.count(step["action"], at: "steps/action")
        stateCount = try Self.count(observation?["state"], at: "steps/observation/state")
        hasTimestamps = step["timestamp_ns"] == .scalar("int64")
        hasPerturbations = step["perturbed"] == .scalar("bool")
        hasTruth = step["truth"] == .tensor(shape: [Self.truthCount], type: "float32")
        let kept = try Self.pictures(in: tree["episode_metadata"], at: "episode_metadata/")
        goal = kept.first { $0.key.hasPrefix("goal_") }
        otherGoals =
            if case .tensor(let shape, "float32")? = step["other_actions"], shape.count == 3,
                shape.allSatisfy({ $0 > 0 }),
                let first = kept.first(where: { $0.key == "other_goal_0" })
            {
                OtherGoals(count: shape[0], horizon: shape[1], width: first.width, height: first.height)
            } else {
                nil
            }
    }

    private static func pictures(in node: FeatureNode?, at place: String) throws(RLDSJSONProblem) -> [Picture] {
        guard case .dictionary(let members)? = node else { return [] }
        var pictures: [Picture] = []
        for member in members {
            guard case .image(let shape, let encoding) = member.feature else { continue }
            guard let encoding = Picture.Encoding(rawValue: encoding), shape.count == 3, let height = shape[0],
                let width = shape[1], width > 0, height > 0
            else {
                throw .init(
                    at: place + member.name, found: "an image of shape \(shape), encoded as '\(encoding)'",
                    expected: "a fixed height and width, encoded as jpeg or png")
            }
            pictures.append(Picture(member.name, width: width, height: height, encoding: encoding))
        }
        return pictures
    }

    private static func count(_ feature: FeatureNode?, at place: String) throws(RLDSJSONProblem) -> Int {
        guard case .tensor(let shape, "float32")? = feature, shape.count == 1, shape[0] > 0 else {
            throw .init(
                at: place, found: feature.map { "\($0)" } ?? "nothing", expected: "a float32 tensor of one dimension")
        }
        return shape[0]
    }
}
