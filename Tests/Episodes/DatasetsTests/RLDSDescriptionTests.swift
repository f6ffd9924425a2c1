import Datasets
import JSONTree
import TestSupport
import Testing

@Suite struct RLDSDescriptionTests {
    private func info(_ text: String) throws -> RLDSInfo { try RLDSInfo(JSONNode(parsing: text.utf8)) }
    private func tree(_ text: String) throws -> FeatureNode { try FeatureNode(JSONNode(parsing: text.utf8)) }

    private func problem<Value>(_ body: () throws -> Value) -> RLDSJSONProblem? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? RLDSJSONProblem
        }
    }

    // MARK: dataset_info.json

    /// The least that TFDS opens.
    private let least = """
        { "name": "my_ds", "version": "1.0.0", "fileFormat": "tfrecord",
          "splits": [ { "name": "train", "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                        "numBytes": "416424", "shardLengths": ["2", "1"] } ] }
        """

    private var leastInfo: RLDSInfo {
        RLDSInfo(
            name: "my_ds", version: "1.0.0", splits: [.init(name: "train", shardLengths: [2, 1], byteCount: 416_424)])
    }

    @Test func readsTheLeastThatTFDSOpens() throws {
        #expect(try info(least) == leastInfo && leastInfo.splits[0].episodes == 3)
        let bare = #"{"name": "a", "version": "1.0.0", "splits": [{"name": "val", "shardLengths": [4]}]}"#
        #expect(try info(bare).splits == [.init(name: "val", shardLengths: [4], byteCount: 0)])
    }

    @Test func writesNumbersAsStrings() throws {
        let json = leastInfo.json
        let split = json["splits"]?.array?.first
        #expect(split?["numBytes"] == "416424" && split?["shardLengths"] == ["2", "1"])
        #expect(split?["filepathTemplate"] == "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}")
        #expect(json["name"] == "my_ds" && json["version"] == "1.0.0" && json["fileFormat"] == "tfrecord")
        #expect(try RLDSInfo(json) == leastInfo)
    }

    @Test func shardFilesAreNumberedWithFiveDigits() {
        #expect(
            RLDSInfo.shardFileName(dataset: "d", split: "val", shard: 3, of: 12) == "d-val.tfrecord-00003-of-00012")
        #expect(
            RLDSInfo.shardFileName(dataset: "d", split: "s", shard: 0, of: 123_456) == "d-s.tfrecord-00000-of-123456")
    }

    @Test func wrongInfoIsNamedByItsPlace() {
        func split(_ body: String) -> String { #"{"name": "a", "version": "1.0.0", "splits": [\#(body)]}"# }
        for (text, place) in [
            ("{}", "name"), (#"{"name": "a/b", "version": "1.0.0", "splits": []}"#, "name"),
            (#"{"name": "a", "splits": []}"#, "version"), (#"{"name": "a", "version": "1.0.0"}"#, "splits"),
            (#"{"name": "a", "version": "1", "fileFormat": "array_record", "splits": []}"#, "fileFormat"),
            (split("{}"), "splits[0].name"), (split(#"{"name": "../x"}"#), "splits[0].name"),
            (split(#"{"name": "t"}"#), "splits[0].shardLengths"),
            (split(#"{"name": "t", "shardLengths": ["-1"]}"#), "splits[0].shardLengths"),
            (split(#"{"name": "t", "shardLengths": ["99999999999999999999"]}"#), "splits[0].shardLengths"),
            (split(#"{"name": "t", "shardLengths": ["4294967296"]}"#), "splits[0].shardLengths"),
            (split(#"{"name": "t", "shardLengths": [], "numBytes": true}"#), "splits[0].numBytes"),
            (split(#"{"name": "t", "filepathTemplate": "{SPLIT}"}"#), "splits[0].filepathTemplate"),
        ] {
            #expect(problem { try info(text) }?.at == place, "\(text)")
        }
    }

    // MARK: features.json

    /// As the sheet of TFDS's class names has them.
    @Test func writesTheClassNamesThatTFDSKnows() throws {
        let features = RLDSFeatures(
            pictures: [
                .init("image_0", width: 320, height: 240), .init("image_1", width: 128, height: 128, encoding: .png),
            ],
            hasTimestamps: true)
        func node(_ path: String...) -> JSONNode? {
            var node: JSONNode? = features.tree.json
            for name in path { node = (node?["sequence"]?["feature"] ?? node)?["featuresDict"]?["features"]?[name] }
            return node
        }
        let classes = "tensorflow_datasets.core.features."
        #expect(features.tree.json["pythonClassName"] == JSONNode(classes + "features_dict.FeaturesDict"))
        #expect(node("steps")?["pythonClassName"] == JSONNode(classes + "dataset_feature.Dataset"))
        #expect(node("steps")?["sequence"]?["length"] == "-1")
        #expect(
            node("steps", "action")
                == .object([
                    "pythonClassName": JSONNode(classes + "tensor_feature.Tensor"),
                    "tensor": .object(["shape": .object(["dimensions": ["7"]]), "dtype": "float32", "encoding": "none"]
                    ),
                ]))
        #expect(
            node("steps", "is_last")
                == .object([
                    "pythonClassName": JSONNode(classes + "scalar.Scalar"),
                    "tensor": .object(["shape": .object([:]), "dtype": "bool", "encoding": "none"]),
                ]))
        #expect(
            node("steps", "language_instruction")
                == .object([
                    "pythonClassName": JSONNode(classes + "text_feature.Text"), "text": .object([:]),
                ]))
        #expect(
            node("steps", "observation", "image_0")
                == .object([
                    "pythonClassName": JSONNode(classes + "image_feature.Image"),
                    "image": .object([
                        "shape": .object(["dimensions": ["240", "320", "3"]]), "dtype": "uint8",
                        "encodingFormat": "jpeg",
                    ]),
                ]))
        #expect(node("steps", "observation", "image_1")?["image"]?["encodingFormat"] == "png")
        #expect(node("steps", "timestamp_ns")?["tensor"]?["dtype"] == "int64")
        #expect(node("episode_metadata", "episode_id")?["tensor"]?["dtype"] == "int32")
        #expect(node("episode_metadata", "has_image_3") != nil && node("episode_metadata", "has_language") != nil)
    }

    @Test(arguments: [
        RLDSFeatures(), .small, RLDSFeatures(pictures: [], actionCount: 14, stateCount: 1),
        RLDSFeatures(pictures: [.init("image_2", width: 1, height: 2, encoding: .png)], hasTimestamps: true),
    ])
    func whatIsWrittenIsRead(_ features: RLDSFeatures) throws {
        let text = features.tree.json.text(columns: 100)
        let back = try tree(text)
        #expect(back == features.tree)
        #expect(try RLDSFeatures(tree: back) == features)
    }

    @Test func featuresThatHaveNoPlaceArePassedBy() throws {
        guard case .dictionary(let top) = RLDSFeatures().tree else { return }
        let more = FeatureNode.dictionary([.init("extra", .other("my.Own"))] + top)
        #expect(try RLDSFeatures(tree: tree(more.json.text())) == RLDSFeatures())
        let zipped = #"{"pythonClassName": "x.Tensor", "tensor": {"shape": {}, "dtype": "int8", "encoding": "zlib"}}"#
        #expect(try tree(zipped) == .other("x.Tensor"))
        let ragged = #"{"tensor": {"shape": {"dimensions": ["-1"]}, "dtype": "int8"}}"#
        #expect(try tree(ragged) == .other("a tensor of an unusual kind"))
        let open = #"{"image": {"shape": {"dimensions": ["-1", 8, "3"]}, "encodingFormat": "png"}}"#
        #expect(try tree(open) == .image(shape: [nil, 8, 3], encoding: "png"))
    }

    @Test func wrongFeaturesAreNamedByTheirPlace() throws {
        #expect(problem { try tree("[]") }?.at == "the top")
        #expect(problem { try tree(#"{"featuresDict": {"features": {"a": 5}}}"#) }?.at == "the top/a")
        #expect(problem { try tree(#"{"featuresDict": {}}"#) }?.expected == "an object of features")
        #expect(problem { try tree(#"{"tensor": {"shape": {"dimensions": ["x"]}}}"#) }?.found == #"the dimension "x""#)

        func features(_ step: [FeatureNode.Member]) -> RLDSJSONProblem? {
            problem { try RLDSFeatures(tree: .dictionary([.init("steps", .sequence(.dictionary(step)))])) }
        }
        let text = FeatureNode.Member("language_instruction", .text)
        let action = FeatureNode.Member("action", .tensor(shape: [7], type: "float32"))
        let state = FeatureNode.Member("state", .tensor(shape: [7], type: "float32"))
        #expect(problem { try RLDSFeatures(tree: .text) }?.at == "steps")
        #expect(features([])?.at == "steps/language_instruction")
        #expect(features([text])?.at == "steps/action")
        #expect(features([text, .init("action", .tensor(shape: [7], type: "float64"))])?.at == "steps/action")
        #expect(features([text, .init("action", .tensor(shape: [0], type: "float32"))])?.at == "steps/action")
        #expect(features([text, action])?.at == "steps/observation/state")
        #expect(features([text, action, .init("observation", .dictionary([state]))]) == nil)
        let open = FeatureNode.Member("image_0", .image(shape: [nil, nil, 3], encoding: "jpeg"))
        #expect(
            features([text, action, .init("observation", .dictionary([state, open]))])?.at
                == "steps/observation/image_0")
    }
}
