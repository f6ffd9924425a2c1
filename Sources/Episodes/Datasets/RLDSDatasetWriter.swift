import Files
import Glibc
import Images
import JSONTree

/// Writes a dataset folder that TFDS opens, and with it Octo's data loader.
///
/// However it ends, the folder is a whole dataset or none: `dataset_info.json` comes last and without it TFDS sees no
/// dataset. Until `finish` shards have names that end in `.unfinished`; a writer that goes without finishing removes
/// them, one that was killed leaves them to the next.
package final class RLDSDatasetWriter {
    /// How much makes a shard full; it holds at least one episode.
    package enum ShardLimit: Equatable, Sendable {
        case episodes(Int)
        /// Bytes of records, each with its frame. TFDS keeps shards between 64 MiB and 1 GiB.
        case bytes(Int)
    }

    /// The call that writes, write(2); tests put a full disk in its place.
    package typealias WriteCall = (Int32, UnsafeRawPointer?, Int) -> Int

    /// The folder with the version's number: `tfds.builder_from_directory` opens it.
    package let folder: String
    package let features: RLDSFeatures
    private let name: String
    private let version: String
    private let limit: ShardLimit
    private let calls: Draft.Calls
    private var splits: [Split]
    /// Descriptor of the folder, which holds the lock; -1 when closed.
    private var folderDescriptor: Int32

    private struct Split {
        let name: String
        var shardLengths: [Int] = []
        var recordBytes = 0
        var shardBytes = 0
        /// One for each shard; the last is being written.
        var drafts: [Draft] = []
    }

    /// Makes `<dataFolder>/<name>/<version>` ready to be written: `tfds.builder(name, data_dir: dataFolder)`.
    /// - Parameters:
    ///   - name: small letters, digits and `_`.
    ///   - version: three numbers.
    ///   - splits: "train" is needed by Octo; without "val" it takes the last 5 % of train. Splits that stay empty are
    ///     left out.
    ///   - overwriting: takes the place of a finished dataset there, which stays until `finish`.
    package init(
        creating name: String, version: String = "1.0.0", in dataFolder: String, features: RLDSFeatures,
        splits: [String] = ["train"], limit: ShardLimit = .bytes(256 << 20), overwriting: Bool = false,
        writeCall: @escaping WriteCall = { Glibc.write($0, $1, $2) }
    ) throws(RLDSError) {
        try Self.check(name: name, version: version, splits: splits)
        self.name = name
        self.version = version
        self.features = features
        self.limit = limit
        calls = Draft.Calls(write: writeCall)
        self.splits = splits.map { Split(name: $0) }
        folder = ImageFolder.join(ImageFolder.join(dataFolder, name), version)
        folderDescriptor = -1
        try RLDSError.during("making the folder") { [folder] () throws(FileError) in
            try FileSystem.makeFolders(folder)
        }
        folderDescriptor = try RLDSFolder.lock(folder)
        if !overwriting && RLDSFolder.exists(ImageFolder.join(folder, RLDSInfo.fileName)) {
            throw .exists(path: folder)
        }
        for file in try files(where: { $0.hasSuffix(Self.unfinished) }) { try RLDSFolder.remove(file) }
    }

    deinit { giveUp() }

    private static let unfinished = ".unfinished"

    private static func check(name: String, version: String, splits: [String]) throws(RLDSError) {
        func isName(_ text: String) -> Bool {
            let bytes = text.utf8
            let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            guard let first = bytes.first, letters.contains(first) else { return false }
            return bytes.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") }
        }
        let rule = "small letters, digits and '_', with a letter first"
        guard isName(name) else { throw .name(name, of: "name", rule: rule) }
        let numbers = version.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, numbers.allSatisfy({ UInt16($0).map(String.init) == String($0) }) else {
            throw .name(version, of: "version", rule: "three numbers such as 1.0.0")
        }
        // TFDS takes "all" for all splits together.
        for (index, split) in splits.enumerated()
        where !isName(split) || split == "all" || splits[..<index].contains(split) {
            throw .name(split, of: "split", rule: rule + ", once each and not 'all'")
        }
        if splits.isEmpty { throw .name("", of: "split", rule: "at least one") }
    }

    /// Adds an episode as one record.
    ///
    /// An episode that does not fit is refused, the dataset goes on. After a failure of the disk the writer is closed.
    package func append(_ episode: RLDSEpisode, to split: String = "train") throws(RLDSError) {
        guard folderDescriptor >= 0 else { throw .closed(path: folder) }
        guard let place = splits.firstIndex(where: { $0.name == split }) else {
            throw .noSuchSplit(split, known: splits.map(\.name))
        }
        let record = try episode.example(for: features).encoded()
        let frame = TFRecord.encode(record)
        do {
            try makeRoom(for: frame.count, in: place)
            if let draft = splits[place].drafts.last {
                try RLDSError.during("writing") { () throws(FileError) in try draft.write(frame) }
            }
        } catch {
            giveUp()
            throw error
        }
        splits[place].shardLengths[splits[place].shardLengths.count - 1] += 1
        splits[place].shardBytes += frame.count
        splits[place].recordBytes += record.count
    }

    /// Ends the shard if it is full, begins one if there is none.
    private func makeRoom(for count: Int, in place: Int) throws(RLDSError) {
        let split = splits[place]
        if let draft = split.drafts.last, let length = split.shardLengths.last, length > 0 {
            let isFull =
                switch limit {
                case .episodes(let most): length >= most
                case .bytes(let most): split.shardBytes + count > most
                }
            guard isFull else { return }
            try RLDSError.during("writing") { () throws(FileError) in try draft.finish() }
        }
        // Its name in the end tells how many shards there are, which nobody knows yet.
        splits[place].drafts.append(
            try makeDraft("\(name)-\(split.name).tfrecord-\(RLDSInfo.digits(split.shardLengths.count))"))
        splits[place].shardLengths.append(0)
        splits[place].shardBytes = 0
    }

    /// Makes a dataset of what was added. Everything is on the disk before anything of an old dataset goes; then the
    /// shards and `features.json` get their names, `dataset_info.json` as the last.
    /// - Parameter statistics: written beside them, as `dataset_statistics.json`; nil for none.
    /// - Returns: what is in it.
    @discardableResult
    package func finish(statistics: DatasetStatistics? = nil) throws(RLDSError) -> RLDSInfo {
        guard folderDescriptor >= 0 else { throw .closed(path: folder) }
        let written = splits.filter { !$0.shardLengths.isEmpty }
        guard !written.isEmpty else { throw .noEpisodes(path: folder) }
        let info = RLDSInfo(
            name: name, version: version,
            splits: written.map { .init(name: $0.name, shardLengths: $0.shardLengths, byteCount: $0.recordBytes) })
        do {
            for draft in written.compactMap(\.drafts.last) {
                try RLDSError.during("writing") { () throws(FileError) in try draft.finish() }
            }
            var descriptions = [try write(features.tree.json, as: RLDSInfo.featuresFileName)]
            if let statistics { descriptions.append(try write(statistics.json, as: DatasetStatistics.fileName)) }
            let last = try write(info.json, as: RLDSInfo.fileName)
            try takePlace(of: written, descriptions, last: last)
        } catch {
            giveUp()
            throw error
        }
        closeFolder()
        return info
    }

    private func takePlace(of written: [Split], _ descriptions: [Draft], last: Draft) throws(RLDSError) {
        // What was there is no dataset from here on; a crash before the last line leaves none.
        try RLDSFolder.remove(path(RLDSInfo.fileName))
        try sync()
        // With the old shards go their statistics, those that Octo keeps of them too.
        for file in try files(where: {
            ($0.hasPrefix(name + "-") || $0.hasPrefix("dataset_statistics")) && !$0.hasSuffix(Self.unfinished)
        }) {
            try RLDSFolder.remove(file)
        }
        for split in written {
            for (shard, draft) in split.drafts.enumerated() {
                draft.place = path(
                    RLDSInfo.shardFileName(dataset: name, split: split.name, shard: shard, of: split.drafts.count))
            }
        }
        for draft in written.flatMap(\.drafts) + descriptions {
            try RLDSError.during("renaming a file to") { () throws(FileError) in try draft.putInPlace() }
        }
        try sync()
        try RLDSError.during("renaming a file to") { () throws(FileError) in try last.commit() }
    }

    /// Brings the folder's names onto the disk.
    private func sync() throws(RLDSError) {
        try RLDSError.during("writing the folder") { [folder] () throws(FileError) in
            try FileSystem.sync(folder: folder)
        }
    }

    /// Gives up: removes what was written. A dataset that was to be overwritten is still there. After `finish` it does
    /// nothing.
    package func giveUp() {
        guard folderDescriptor >= 0 else { return }
        for draft in splits.flatMap(\.drafts) { draft.giveUp() }
        splits = splits.map { Split(name: $0.name) }
        // A removal may fail as the writing did: the next writer tries again.
        for file in (try? files { $0.hasSuffix(Self.unfinished) }) ?? [] { unlink(file) }
        closeFolder()
    }

    private func closeFolder() {
        if folderDescriptor >= 0 { close(folderDescriptor) }
        folderDescriptor = -1
    }

    private func path(_ file: String) -> String { ImageFolder.join(folder, file) }

    /// A file under its unfinished name.
    private func makeDraft(_ file: String) throws(RLDSError) -> Draft {
        try RLDSError.during("creating") { [calls] () throws(FileError) in
            try Draft(ofFile: path(file), at: path(file + Self.unfinished), calls: calls)
        }
    }

    /// Paths of the folder's files whose names fulfil the condition.
    private func files(where condition: (String) -> Bool) throws(RLDSError) -> [String] {
        do {
            return try ImageFolder(path: folder).allNames.filter(condition).map(path)
        } catch {
            throw RLDSError(error, step: "reading the folder")
        }
    }

    /// Writes the file under its unfinished name.
    private func write(_ node: JSONNode, as file: String) throws(RLDSError) -> Draft {
        let draft = try makeDraft(file)
        try RLDSError.during("writing") { () throws(FileError) in
            try draft.write(Array((node.text(columns: 100) + "\n").utf8))
            try draft.finish()
        }
        return draft
    }
}

extension RLDSError {
    /// Does something with a file, and says which step failed.
    static func during<Result>(_ step: String, _ work: () throws(FileError) -> Result) throws(RLDSError) -> Result {
        do throws(FileError) {
            return try work()
        } catch {
            throw RLDSError(error, step: step)
        }
    }

    /// A file that could not be read, in the words of a dataset.
    init(_ error: FileError, step: String) {
        switch error {
        case .missing(let path): self = .file(path: path, step: step, errno: ENOENT)
        case .unreadable(let path, let errno), .notWritten(let path, let errno):
            self = .file(path: path, step: step, errno: errno)
        case .notAFile(let path): self = .file(path: path, step: step, errno: EISDIR)
        case .tooLarge(let path, _, _): self = .file(path: path, step: step, errno: EFBIG)
        }
    }
}
