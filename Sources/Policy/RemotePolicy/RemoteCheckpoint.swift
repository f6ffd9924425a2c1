import Files
import JSONTree
import Manifests
import Messages
import OctoModel
import Policy

/// What came over a link is not what this version says.
package struct RemoteWordError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, and where.
    package let found: String
    package var description: String { found }

    init(_ found: String) { self.found = found }
}

/// What a robot has to know of a checkpoint that another machine has loaded: everything of its configuration that does
/// not come from the robot's own manifest.
package struct RemoteCheckpoint: Sendable {
    package var cameras: [PolicyCamera]
    package var windowSize: Int
    package var actionDimension: Int
    package var proprio: ProprioReading?
    package var taskNumbers: TaskNumbers
    package var texts: Texts
    /// Folder and step, for people.
    package var name: String

    /// How sentences become numbers.
    package enum Texts: Sendable {
        case none
        /// A tokenizer would have been at this path of the other machine.
        case missing(String)
        /// Bytes of a sentencepiece model, its path on the other machine, and the number of tokens of a text.
        case model(SharedBytes, path: String, length: Int)
    }

    /// The most that is believed of another machine.
    enum Limit {
        static let cameras = 16
        static let side = 2_048
        static let window = 64
        static let numbers = 1_024
        static let tokens = 1_024
        static let model = 16 << 20
    }

    /// Takes what there is to know of a policy that was loaded here.
    /// - Throws: `FileError` where the tokenizer's file cannot be read.
    package init(_ configuration: PolicyConfiguration, texts: TaskTextReading, name: String) throws(FileError) {
        cameras = configuration.cameras
        windowSize = configuration.windowSize
        actionDimension = configuration.actionDimension
        proprio = configuration.proprio
        taskNumbers = configuration.taskNumbers
        self.name = name
        if let tokenizer = texts.tokenizer {
            let model = try FileSystem.read(tokenizer.path, limit: Limit.model)
            self.texts = .model(SharedBytes(copying: model), path: tokenizer.path, length: tokenizer.length)
        } else if let path = texts.missingTokenizer {
            self.texts = .missing(path)
        } else {
            self.texts = .none
        }
    }

    /// The policy's configuration, with what the robot's manifest says.
    package func configuration(_ section: Manifest.Policy, goalUse: GoalUse) -> PolicyConfiguration {
        PolicyConfiguration(
            cameras: cameras, windowSize: windowSize, actionDimension: actionDimension,
            actionSpace: section.actionSpace, rate: section.rate, preprocessing: section.preprocessing,
            requiresGoal: section.requiresGoal, fitRules: GoalFitRules(section),
            maximumFrameAge: section.maximumFrameAge, noiseSeed: section.seed, proprio: proprio, goalUse: goalUse,
            taskNumbers: taskNumbers)
    }

    /// How sentences are read.
    /// - Throws: `TextTokenizerError` for bytes that are no model.
    package func textReading() throws -> TaskTextReading {
        switch texts {
        case .none: .none
        case .missing(let path): TaskTextReading(withoutTokenizerAt: path)
        case .model(let bytes, let path, let length):
            try TaskTextReading(model: Array(bytes.bytes), path: path, length: length)
        }
    }
}

// MARK: - As words

extension RemoteCheckpoint {
    /// As it is said over a link.
    package var words: (body: JSONNode, parts: [SharedBytes]) {
        var members: [JSONNode.Member] = [
            .init(
                key: "cameras",
                value: JSONNode(
                    .array(
                        cameras.map { camera in
                            .object([
                                "name": JSONNode(camera.name), "width": JSONNode(camera.width),
                                "height": JSONNode(camera.height), "takes_goal": JSONNode(.bool(camera.takesGoal)),
                                "is_optional": JSONNode(.bool(camera.isOptional)),
                            ])
                        }))),
            .init(key: "window", value: JSONNode(windowSize)),
            .init(key: "action_dimension", value: JSONNode(actionDimension)),
            .init(key: "name", value: JSONNode(name)),
            .init(
                key: "task_vectors",
                value: JSONNode(
                    .array(
                        taskNumbers.vectors.map { .object(["key": JSONNode($0.key), "count": JSONNode($0.count)]) }))),
            .init(
                key: "task_numbers",
                value: JSONNode(
                    .object(
                        taskNumbers.given.sorted { $0.key < $1.key }
                            .map { .init(key: $0.key, value: Self.node($0.value)) }))),
        ]
        if let proprio { members.append(.init(key: "proprio", value: Self.node(proprio))) }
        var parts: [SharedBytes] = []
        switch texts {
        case .none: break
        case .missing(let path): members.append(.init(key: "texts", value: .object(["missing": JSONNode(path)])))
        case .model(let bytes, let path, let length):
            parts.append(bytes)
            members.append(
                .init(key: "texts", value: .object(["path": JSONNode(path), "length": JSONNode(length)])))
        }
        return (JSONNode(.object(members)), parts)
    }

    private static func node(_ numbers: [Float]) -> JSONNode {
        RemoteWords.node(numbers)
    }

    private static func node(_ proprio: ProprioReading) -> JSONNode {
        let statistics = proprio.statistics
        var members: [JSONNode.Member] = [
            .init(key: "key", value: JSONNode(proprio.key)),
            .init(key: "fields", value: JSONNode(.array(proprio.fields.map { JSONNode($0.name) }))),
            .init(key: "joints", value: JSONNode(proprio.joints)),
            .init(key: "mean", value: node(statistics.mean)), .init(key: "std", value: node(statistics.std)),
            .init(key: "mask", value: JSONNode(.array(statistics.mask.map { JSONNode(.bool($0)) }))),
            .init(key: "normalization", value: JSONNode(statistics.normalization.rawValue)),
        ]
        if let p01 = statistics.p01, let p99 = statistics.p99 {
            members.append(.init(key: "p01", value: node(p01)))
            members.append(.init(key: "p99", value: node(p99)))
        }
        return JSONNode(.object(members))
    }

    /// Reads what another machine said.
    /// - Throws: `RemoteWordError`, naming the key.
    package init(body: JSONNode, parts: [SharedBytes]) throws(RemoteWordError) {
        let reader = WordReader(body)
        let cameras = try reader.list("cameras", most: Limit.cameras)
        guard !cameras.isEmpty else { throw RemoteWordError("no cameras") }
        self.cameras = []
        for camera in cameras {
            self.cameras.append(
                PolicyCamera(
                    name: try camera.text("name"), width: try camera.count("width", in: 1...Limit.side),
                    height: try camera.count("height", in: 1...Limit.side), takesGoal: try camera.flag("takes_goal"),
                    isOptional: try camera.flag("is_optional")))
        }
        windowSize = try reader.count("window", in: 1...Limit.window)
        actionDimension = try reader.count("action_dimension", in: 1...Limit.numbers)
        name = try reader.text("name")
        var vectors: [ModelDescription.TaskVector] = []
        for vector in try reader.list("task_vectors", most: Limit.numbers) {
            vectors.append(.init(key: try vector.text("key"), count: try vector.count("count", in: 1...Limit.numbers)))
        }
        taskNumbers = TaskNumbers(
            vectors: vectors, given: try reader.numbersByKey("task_numbers", most: Limit.numbers))
        proprio = try reader.part("proprio").map { reader throws(RemoteWordError) in try Self.proprio(reader) }
        guard let texts = try reader.part("texts") else {
            self.texts = .none
            return
        }
        if texts.has("missing") {
            self.texts = .missing(try texts.text("missing"))
        } else {
            guard let model = parts.first, parts.count == 1, model.count <= Limit.model else {
                throw RemoteWordError("texts: \(parts.count) parts in place of the tokenizer's model")
            }
            self.texts = .model(
                model, path: try texts.text("path"), length: try texts.count("length", in: 1...Limit.tokens))
        }
    }

    private static func proprio(_ reader: WordReader) throws(RemoteWordError) -> ProprioReading {
        let names = try reader.texts("fields", most: Limit.numbers)
        let fields = names.compactMap(ProprioField.init(name:))
        let count = fields.count
        let joints = try reader.count("joints", in: 0...64)
        guard count == names.count, count > 0 else { throw RemoteWordError("proprio.fields: \(names)") }
        for case .joint(let joint) in fields where joint >= joints {
            throw RemoteWordError("proprio.fields: joint \(joint + 1) of \(joints)")
        }
        let hasPercentiles = reader.has("p01")
        var statistics = ProprioStatistics(
            mean: try reader.numbers("mean", exactly: count), std: try reader.numbers("std", exactly: count),
            mask: try reader.flags("mask", exactly: count),
            p01: hasPercentiles ? try reader.numbers("p01", exactly: count) : nil,
            p99: hasPercentiles ? try reader.numbers("p99", exactly: count) : nil)
        guard let normalization = ActionStatistics.Normalization(rawValue: try reader.text("normalization")),
            normalization == .normal || hasPercentiles
        else { throw RemoteWordError("proprio.normalization: without what it needs") }
        statistics.normalization = normalization
        return ProprioReading(key: try reader.text("key"), fields: fields, joints: joints, statistics: statistics)
    }
}
