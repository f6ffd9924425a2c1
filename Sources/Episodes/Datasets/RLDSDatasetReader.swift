import Files
import Glibc
import Images
import JSONTree

/// A dataset folder, ours or one that TFDS wrote: what is in it, and its episodes one after the other.
package struct RLDSDatasetReader: Sendable {
    package let folder: String
    package let info: RLDSInfo
    package let features: RLDSFeatures
    /// All features, also those that an episode has no place for.
    package let tree: FeatureNode

    /// Opens a dataset by reading its descriptions.
    /// - Parameter folder: path of the folder with the version's number, in which `dataset_info.json` lies.
    package init(folder: String) throws(RLDSError) {
        self.folder = folder
        info = try Self.read(RLDSInfo.fileName, in: folder) { node throws(RLDSJSONProblem) in try RLDSInfo(node) }
        let (tree, features) = try Self.read(RLDSInfo.featuresFileName, in: folder) { node throws(RLDSJSONProblem) in
            let tree = try FeatureNode(node)
            return (tree, try RLDSFeatures(tree: tree))
        }
        self.tree = tree
        self.features = features
    }

    private static func read<Value>(
        _ name: String, in folder: String, as make: (JSONNode) throws(RLDSJSONProblem) -> Value
    ) throws(RLDSError) -> Value {
        let path = ImageFolder.join(folder, name)
        let text: SharedBytes
        do {
            text = try SharedBytes(contentsOf: path, limit: 16 << 20)
        } catch {
            throw RLDSError(error, step: "reading the dataset's")
        }
        let node: JSONNode
        do {
            node = try JSONNode(parsing: text.bytes)
        } catch {
            throw .notJSON(path: path, error)
        }
        do {
            return try make(node)
        } catch {
            throw .description(path: path, error)
        }
    }

    /// The episodes of a split, in the order of the files.
    package func episodes(of split: String) throws(RLDSError) -> RLDSEpisodeCursor {
        guard let found = info.splits.first(where: { $0.name == split }) else {
            throw .noSuchSplit(split, known: info.splits.map(\.name))
        }
        let count = found.shardLengths.count
        let shards = found.shardLengths.enumerated().map { index, length in
            let name = RLDSInfo.shardFileName(dataset: info.name, split: split, shard: index, of: count)
            return RLDSEpisodeCursor.Shard(path: ImageFolder.join(folder, name), length: length)
        }
        return RLDSEpisodeCursor(shards: shards, features: features)
    }
}

/// Reads episodes from shard files, one file at a time; checks each record's checksums and each file's length.
package final class RLDSEpisodeCursor {
    struct Shard {
        let path: String
        let length: Int
    }

    private let shards: [Shard]
    private let features: RLDSFeatures
    private var shard = 0
    private var record = 0
    private var records = TFRecordReader()
    private var file: Int32 = -1
    private var piece = [UInt8](repeating: 0, count: 1 << 20)

    init(shards: [Shard], features: RLDSFeatures) {
        self.shards = shards
        self.features = features
    }

    deinit { if file >= 0 { close(file) } }

    /// The next episode; nil after the last. Damage of a file ends the reading: it throws the same again. A record that
    /// is whole but no episode is thrown once and passed by.
    package func next() throws(RLDSError) -> RLDSEpisode? {
        guard let (example, path, index) = try nextRecord() else { return nil }
        do {
            return try RLDSEpisode(example, features: features)
        } catch {
            throw .notAnEpisode(path: path, record: index, error)
        }
    }

    /// The next record with all its features, instead of `next`.
    package func nextExample() throws(RLDSError) -> TrainingExample? { try nextRecord()?.example }

    private func nextRecord() throws(RLDSError) -> (example: TrainingExample, path: String, index: Int)? {
        while shard < shards.count {
            let current = shards[shard]
            guard let data = try nextData(of: current) else {
                guard record == current.length else {
                    throw .shardLength(path: current.path, found: record, expected: current.length)
                }
                close(file)
                file = -1
                shard += 1
                record = 0
                records = TFRecordReader()
                continue
            }
            defer { record += 1 }
            do {
                return (try TrainingExample(decoding: data), current.path, record)
            } catch {
                throw .record(path: current.path, record: record, error)
            }
        }
        return nil
    }

    /// Reads the next bytes of a shard; nil at the end of the file. open(2), read(2).
    private func nextData(of shard: Shard) throws(RLDSError) -> [UInt8]? {
        if file < 0 {
            file = open(shard.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            if file < 0 { throw .file(path: shard.path, step: "reading the shard", errno: errno) }
        }
        while true {
            do {
                if let data = try records.next() { return data }
            } catch {
                throw .shard(path: shard.path, error)
            }
            let got = read(file, &piece, piece.count)
            if got > 0 {
                records.append(piece[..<got])
            } else if got == 0 {
                break
            } else if errno != EINTR {
                throw .file(path: shard.path, step: "reading the shard", errno: errno)
            }
        }
        do {
            try records.finish()
        } catch {
            throw .shard(path: shard.path, error)
        }
        return nil
    }
}
