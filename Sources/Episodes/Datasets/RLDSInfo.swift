import JSONTree

/// The `dataset_info.json` of a TFDS folder: which splits there are, in how many shards of how many records. Source:
/// the RLDS layout as TFDS 4.9 reads it.
package struct RLDSInfo: Equatable, Sendable {
    package static let fileName = "dataset_info.json"
    package static let featuresFileName = "features.json"

    /// One split of the dataset, with its files.
    package struct Split: Equatable, Sendable {
        /// Name of the split: "train", "val".
        package let name: String
        /// Numbers of records in the shard files, one entry a file. TFDS refuses to read if they are wrong.
        package let shardLengths: [Int]
        /// Bytes of all records, without their frames.
        package let byteCount: Int

        package init(name: String, shardLengths: [Int], byteCount: Int) {
            self.name = name
            self.shardLengths = shardLengths
            self.byteCount = byteCount
        }

        package var episodes: Int { shardLengths.reduce(0, +) }
    }

    package let name: String
    /// Version of the dataset, three numbers: "1.0.0".
    package let version: String
    package let splits: [Split]

    package init(name: String, version: String, splits: [Split]) {
        self.name = name
        self.version = version
        self.splits = splits
    }

    /// The name of a shard's file. Source: the RLDS layout as TFDS 4.9 reads it.
    package static func shardFileName(dataset: String, split: String, shard: Int, of count: Int) -> String {
        "\(dataset)-\(split).tfrecord-\(digits(shard))-of-\(digits(count))"
    }

    /// The number in decimal, with at least five digits.
    static func digits(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }

    /// The description as JSON; numbers are strings, as in all of protobuf's JSON.
    package var json: JSONNode {
        let splits = splits.map { split in
            JSONNode.object([
                "name": JSONNode(split.name),
                "filepathTemplate": JSONNode(Self.template),
                "numBytes": JSONNode(String(split.byteCount)),
                "shardLengths": JSONNode(.array(split.shardLengths.map { JSONNode(String($0)) })),
            ])
        }
        return .object([
            "name": JSONNode(name), "version": JSONNode(version), "fileFormat": "tfrecord",
            "description": "Robot episodes, one record each.", "splits": JSONNode(.array(splits)),
        ])
    }

    private static let template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"

    /// Reads the content of `dataset_info.json`.
    /// - Throws: `RLDSJSONProblem`, also for folders of another file format or another way to name files.
    package init(_ node: JSONNode) throws(RLDSJSONProblem) {
        func text(_ key: String) throws(RLDSJSONProblem) -> String {
            guard let text = node[key]?.string, !text.isEmpty, !text.contains("/") else {
                throw .init(at: key, found: node[key]?.text() ?? "nothing", expected: "a string without '/'")
            }
            return text
        }
        name = try text("name")
        version = try text("version")
        if let format = node["fileFormat"], format != "tfrecord" {
            throw .init(at: "fileFormat", found: format.text(), expected: "\"tfrecord\"")
        }
        guard let nodes = node["splits"]?.array else {
            throw .init(at: "splits", found: node["splits"]?.kind ?? "nothing", expected: "an array")
        }
        var splits: [Split] = []
        for (index, split) in nodes.enumerated() {
            let place = "splits[\(index)]"
            guard let name = split["name"]?.string, !name.isEmpty, !name.contains("/") else {
                throw .init(
                    at: place + ".name", found: split["name"]?.text() ?? "nothing", expected: "a string without '/'")
            }
            if let template = split["filepathTemplate"]?.string, !template.isEmpty, template != Self.template {
                throw .init(at: place + ".filepathTemplate", found: template, expected: Self.template)
            }
            guard let lengths = split["shardLengths"]?.array else {
                throw .init(
                    at: place + ".shardLengths", found: "nothing", expected: "an array of whole numbers in quotes")
            }
            var shardLengths: [Int] = []
            for length in lengths {
                shardLengths.append(try Self.count(length, below: 1 << 32, at: place + ".shardLengths"))
            }
            let byteCount = try split["numBytes"].map { bytes throws(RLDSJSONProblem) in
                try Self.count(bytes, below: 1 << 56, at: place + ".numBytes")
            }
            splits.append(Split(name: name, shardLengths: shardLengths, byteCount: byteCount ?? 0))
        }
        self.splits = splits
    }

    /// A count, which TFDS writes in quotes.
    /// - Parameter limit: a number above all that can be; it keeps sums of what a damaged file says from overflow.
    private static func count(_ node: JSONNode, below limit: Int, at place: String) throws(RLDSJSONProblem) -> Int {
        guard let count = node.string.flatMap({ Int($0) }) ?? node.int, (0..<limit).contains(count) else {
            throw .init(at: place, found: node.text(), expected: "a whole number in quotes")
        }
        return count
    }
}
