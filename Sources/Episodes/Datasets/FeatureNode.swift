import JSONTree

/// The tree in a TFDS folder's `features.json`: which features a record has, and how they lie in it. Class names are
/// TFDS's own. Source: the RLDS layout as TFDS 4.9 reads it.
package indirect enum FeatureNode: Equatable, Sendable {
    /// Features by name, in the order given.
    case dictionary([Member])
    /// Any number of the feature, one after the other: the steps of an episode.
    case sequence(FeatureNode)
    /// Numbers of a NumPy type, such as "float32", with fixed dimensions; none for a single one.
    case tensor(shape: [Int], type: String)
    case text
    /// A picture. `shape`: height, width, channels; nil where a side may be anything. `encoding`: "jpeg", "png".
    case image(shape: [Int?], encoding: String)
    /// A class that is not read here, by its Python name.
    case other(String)

    /// A feature with its name.
    package struct Member: Equatable, Sendable {
        package let name: String
        package let feature: FeatureNode

        package init(_ name: String, _ feature: FeatureNode) {
            self.name = name
            self.feature = feature
        }
    }

    package static func scalar(_ type: String) -> Self { .tensor(shape: [], type: type) }

    /// The member of that name, of a dictionary.
    package subscript(name: String) -> FeatureNode? {
        guard case .dictionary(let members) = self else { return nil }
        return members.first { $0.name == name }?.feature
    }

    // MARK: Text

    private static let classes = "tensorflow_datasets.core.features."

    /// The feature as TFDS reads it: dimensions are strings, there too.
    package var json: JSONNode {
        switch self {
        case .dictionary(let members):
            let features = members.map { JSONNode.Member(key: $0.name, value: $0.feature.json) }
            return Self.node(
                "features_dict.FeaturesDict", "featuresDict", .object(["features": JSONNode(.object(features))]))
        case .sequence(let feature):
            return Self.node("dataset_feature.Dataset", "sequence", .object(["feature": feature.json, "length": "-1"]))
        case .tensor(let shape, let type):
            let body = JSONNode.object(["shape": Self.json(of: shape), "dtype": JSONNode(type), "encoding": "none"])
            return Self.node(shape.isEmpty ? "scalar.Scalar" : "tensor_feature.Tensor", "tensor", body)
        case .text:
            return Self.node("text_feature.Text", "text", .object([:]))
        case .image(let shape, let encoding):
            let body = JSONNode.object([
                "shape": Self.json(of: shape), "dtype": "uint8", "encodingFormat": JSONNode(encoding),
            ])
            return Self.node("image_feature.Image", "image", body)
        case .other(let name):
            return .object(["pythonClassName": JSONNode(name)])
        }
    }

    private static func node(_ name: String, _ kind: String, _ body: JSONNode) -> JSONNode {
        JSONNode(
            .object([.init(key: "pythonClassName", value: JSONNode(classes + name)), .init(key: kind, value: body)]))
    }

    private static func json(of shape: [Int?]) -> JSONNode {
        guard !shape.isEmpty else { return .object([:]) }
        return .object(["dimensions": JSONNode(.array(shape.map { JSONNode(String($0 ?? -1)) }))])
    }

    // MARK: Reading

    /// Reads a feature's description from JSON.
    /// - Parameter at: path of the node, for errors.
    /// - Throws: `RLDSJSONProblem`; kinds that are not known become `other`.
    package init(_ node: JSONNode, at place: String = "the top") throws(RLDSJSONProblem) {
        if let body = node["featuresDict"] {
            guard let features = body["features"]?.object else {
                throw .init(at: place, found: "no 'features'", expected: "an object of features")
            }
            var members: [Member] = []
            for feature in features {
                members.append(Member(feature.key, try FeatureNode(feature.value, at: place + "/" + feature.key)))
            }
            self = .dictionary(members)
        } else if let feature = node["sequence"]?["feature"] {
            self = .sequence(try FeatureNode(feature, at: place))
        } else if let body = node["tensor"] {
            let shape = try Self.shape(of: body, at: place)
            let sides = shape.compactMap { $0 }
            guard let type = body["dtype"]?.string, sides.count == shape.count,
                body["encoding"]?.string ?? "none" == "none"
            else {
                self = .other(node["pythonClassName"]?.string ?? "a tensor of an unusual kind")
                return
            }
            self = .tensor(shape: sides, type: type)
        } else if node["text"] != nil {
            self = .text
        } else if let body = node["image"] {
            self = .image(shape: try Self.shape(of: body, at: place), encoding: body["encodingFormat"]?.string ?? "")
        } else if let name = node["pythonClassName"]?.string {
            self = .other(name)
        } else {
            throw .init(at: place, found: node.kind, expected: "an object with a 'pythonClassName'")
        }
    }

    private static func shape(of body: JSONNode, at place: String) throws(RLDSJSONProblem) -> [Int?] {
        guard let node = body["shape"]?["dimensions"] else { return [] }
        var shape: [Int?] = []
        for side in node.array ?? [] {
            guard let length = side.string.flatMap({ Int($0) }) ?? side.int, (-1...1 << 32).contains(length) else {
                throw .init(at: place, found: "the dimension \(side.text())", expected: "a whole number in quotes")
            }
            shape.append(length < 0 ? nil : length)
        }
        return shape
    }
}

/// What is wrong at one place of a JSON file.
package struct RLDSJSONProblem: Error, Equatable, Sendable {
    package let at: String
    package let found: String
    package let expected: String

    package init(at: String, found: String, expected: String) {
        self.at = at
        self.found = found
        self.expected = expected
    }
}
