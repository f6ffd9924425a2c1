import CShims
import Digests
import Files
import Glibc
import Images
import JSONTree

/// Goals on disk: one folder each, with `goal.json`, and per camera the full-size PNG.
///
/// A goal appears and changes as a whole: it is written beside its place, flushed, and put there in one step. A process
/// that is killed meanwhile leaves the old goal, and a hidden folder that the next save takes away.
package struct GoalLibrary: Equatable, Sendable {
    /// One folder of the library.
    package struct Entry: Sendable {
        package var name: String
        package var record: Result<GoalRecord, GoalLibraryError>
    }
    package let folder: String

    package init(folder: String) { self.folder = folder }

    package func path(of name: String) -> String { ImageFolder.join(folder, name) }

    /// Every goal by name; what cannot be read is in the list with what is wrong. No folder is an empty library.
    /// - Throws: `.unreadable` when the folder cannot be listed.
    package func entries() throws(GoalLibraryError) -> [Entry] {
        try names().map { name in
            do throws(GoalLibraryError) {
                return Entry(name: name, record: .success(try load(name)))
            } catch {
                return Entry(name: name, record: .failure(error))
            }
        }
    }

    /// The names of all goals, in natural order.
    package func names() throws(GoalLibraryError) -> [String] {
        guard let content = FileSystem.names(in: folder) else {
            if errno == ENOENT { return [] }
            throw .system(doing: "listing the goal library", path: folder, errno: errno)
        }
        return content.filter { GoalRecord.isName($0) && FileSystem.isFolder(path(of: $0)) }.sorted {
            ImageFolder.precedes($0, $1)
        }
    }

    /// Reads one goal and checks it: the description, every picture's size, and that the content is the one recorded.
    package func load(_ name: String) throws(GoalLibraryError) -> GoalRecord {
        try require(name)
        let place = path(of: name)
        do throws(GoalLoadingError) {
            return try Self.read(place, name: name)
        } catch {
            throw .damaged(name: name, path: place, problems: error.problems)
        }
    }

    /// - Throws: `.badName`, `.missing` when the library has no goal of this name, whole or damaged.
    package func require(_ name: String) throws(GoalLibraryError) {
        guard GoalRecord.isName(name) else { throw .badName(name) }
        guard FileSystem.isFolder(path(of: name)) else {
            throw .missing(name: name, folder: folder, known: (try? names()) ?? [])
        }
    }

    /// Writes a goal.
    /// - Parameter replaces: an old goal of that name goes; without, it stays and `.exists` is thrown.
    /// - Returns: its folder.
    @discardableResult
    package func save(_ record: GoalRecord, replaces: Bool) throws(GoalLibraryError) -> String {
        guard GoalRecord.isName(record.name) else { throw .badName(record.name) }
        let place = path(of: record.name)
        if !replaces, Self.isThere(place) { throw .exists(name: record.name, path: place) }
        try Self.doing("making the goal library") { () throws(FileError) in try FileSystem.makeFolders(folder) }
        sweep()
        let draft = try Self.doing("making the goal's folder") { () throws(FileError) in
            try Draft(ofFolder: place, at: path(of: ".\(record.name).new-\(getpid())"))
        }
        try Self.write(record, to: draft.path)
        do throws(FileError) {
            // After an exchange the draft is the old goal, and goes.
            try draft.commit { unfinished, place in
                let problem = octo_rename_new(unfinished, place)
                return problem == EEXIST && replaces ? octo_exchange(unfinished, place) : problem
            }
        } catch .notWritten(_, errno: EEXIST) {
            throw .exists(name: record.name, path: place)
        } catch {
            throw GoalLibraryError(error, doing: "putting the goal into the library")
        }
        return place
    }

    /// Takes a goal away, all at once.
    package func delete(_ name: String) throws(GoalLibraryError) {
        guard GoalRecord.isName(name) else { throw .badName(name) }
        let place = path(of: name)
        guard Self.isThere(place) else { throw .missing(name: name, folder: folder, known: (try? names()) ?? []) }
        let doomed = path(of: ".\(name).old-\(getpid())")
        FileSystem.remove(doomed)
        guard rename(place, doomed) == 0 else { throw .system(doing: "deleting a goal", path: place, errno: errno) }
        defer { FileSystem.remove(doomed) }
        try Self.doing("deleting a goal from") { () throws(FileError) in try FileSystem.sync(folder: folder) }
    }

    // MARK: Reading

    private struct GoalLoadingError: Error {
        var problems: [String]

        init(_ problems: [String]) { self.problems = problems }
    }

    private static func read(_ place: String, name: String) throws(GoalLoadingError) -> GoalRecord {
        let file = ImageFolder.join(place, GoalRecord.fileName)
        let root: JSONNode
        do {
            let text = try SharedBytes(contentsOf: file, limit: 1 << 20)
            root = try withExtendedLifetime(text) { try JSONNode(parsing: text.bytes) }
        } catch {
            throw GoalLoadingError(["\(GoalRecord.fileName): \(error)"])
        }
        let reader = JSONReader()
        let description = GoalRecord.description(root, reader)
        var problems = reader.problems.map { "\(GoalRecord.fileName), \($0)" }
        if reader.problems.isEmpty, description.name != name {
            problems.append(
                "\(GoalRecord.fileName), name: found '\(description.name)', expected '\(name)', as its folder is called"
            )
        }
        guard problems.isEmpty else { throw GoalLoadingError(problems) }
        var views: [GoalRecord.View] = []
        for view in description.views {
            do throws(ImageError) {
                views.append(try GoalRecord.View(view, in: place, &problems))
            } catch {
                problems.append("\(error)")
            }
        }
        guard problems.isEmpty else { throw GoalLoadingError(problems) }
        let record = GoalRecord(
            name: name, recorded: description.recorded, origin: description.origin, text: description.text,
            taskNumbers: description.taskNumbers, views: views, arm: description.arm)
        let isFormer = record.views.allSatisfy { $0.sha256 == nil } && record.formerID == description.id
        guard record.id == description.id || isFormer else {
            throw GoalLoadingError([
                "the pictures and text are not those that were recorded: their hash is \(record.id), expected "
                    + "\(description.id)"
            ])
        }
        return record
    }

    // MARK: Writing

    private static func write(_ record: GoalRecord, to place: String) throws(GoalLibraryError) {
        do {
            var record = record
            for (index, view) in record.views.enumerated() {
                let file = try view.image.pngData()
                record.views[index].sha256 = file.sha256
                try file.write(to: ImageFolder.join(place, GoalRecord.imageFile(view.camera)))
            }
            try SharedBytes(copying: Array((record.json.text(columns: 110) + "\n").utf8)).write(
                to: ImageFolder.join(place, GoalRecord.fileName))
        } catch {
            throw .notWritten(path: place, reason: "\(error)")
        }
    }

    /// Removes what killed saves of processes that are gone have left.
    private func sweep() {
        for name in FileSystem.names(in: folder) ?? [] {
            guard name.hasPrefix("."), let dash = name.lastIndex(of: "-"),
                name[..<dash].hasSuffix(".new") || name[..<dash].hasSuffix(".old"),
                let pid = Int32(name[name.index(after: dash)...]), kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            FileSystem.remove(path(of: name))
        }
    }

    /// Does something with a file, and says what was being done when it fails.
    private static func doing<Result>(
        _ step: String, _ work: () throws(FileError) -> Result
    ) throws(GoalLibraryError) -> Result {
        do throws(FileError) {
            return try work()
        } catch {
            throw GoalLibraryError(error, doing: step)
        }
    }

    private static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

extension GoalRecord.View {
    fileprivate init(
        _ view: GoalRecord.Description.View, in place: String, _ problems: inout [String]
    ) throws(ImageError) {
        let path = ImageFolder.join(place, GoalRecord.imageFile(view.camera))
        let file: SharedBytes
        do throws(FileError) {
            file = try SharedBytes(contentsOf: path)
        } catch {
            throw .file(error)
        }
        let image = try RGBImage(decoding: file, source: path)
        if let expected = view.sha256, file.sha256 != expected {
            problems.append(
                "\(GoalRecord.imageFile(view.camera)) is not the picture that was recorded: its SHA-256 is "
                    + "\(file.sha256), expected \(expected)")
        }
        if image.width != view.width || image.height != view.height {
            problems.append(
                "\(GoalRecord.imageFile(view.camera)) is \(image.width)x\(image.height), expected "
                    + "\(view.width)x\(view.height)"
            )
        }
        self.init(
            camera: view.camera, image: image, deviceID: view.deviceID, pixelFormat: view.pixelFormat,
            settings: view.settings,
            calibrationHash: view.calibrationHash, sha256: view.sha256)
    }
}

/// Why the goal library could not do something.
package enum GoalLibraryError: Error, Equatable, Sendable {
    case badName(String)
    case missing(name: String, folder: String, known: [String])
    case exists(name: String, path: String)
    case damaged(name: String, path: String, problems: [String])
    case notWritten(path: String, reason: String)
    case system(doing: String, path: String, errno: Int32)
}

extension GoalLibraryError {
    /// Whether the library cannot be read or written though what was asked of it is sound.
    package static func isOfDisk(_ error: any Error) -> Bool {
        switch error as? GoalLibraryError {
        case .notWritten, .system: true
        case nil, .badName, .missing, .exists, .damaged: false
        }
    }

    init(_ error: FileError, doing: String) {
        switch error {
        case .missing(let path): self = .system(doing: doing, path: path, errno: ENOENT)
        case .unreadable(let path, let errno), .notWritten(let path, let errno):
            self = .system(doing: doing, path: path, errno: errno)
        case .notAFile(let path): self = .system(doing: doing, path: path, errno: EISDIR)
        case .tooLarge(let path, _, _): self = .system(doing: doing, path: path, errno: EFBIG)
        }
    }
}

extension GoalLibraryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badName(let name):
            "naming a goal: found '\(name.prefix(80))', expected 1 to 64 letters, digits, '.', '_' or '-', no dot at "
                + "the start. Choose such a name: it becomes a folder."
        case .missing(let name, let folder, let known):
            "looking for goal '\(name)': \(folder) holds \(ImageFolder.summary(of: known)), expected a folder of that "
                + "name. See 'octo-goal list', or take one with 'octo-goal record \(name)'."
        case .exists(let name, let path):
            "saving goal '\(name)': \(path) is there already, expected a new name. Choose another, or say that it may "
                + "be replaced (--replace)."
        case .damaged(let name, let path, let problems):
            "reading goal '\(name)' in \(path): \(problems.joined(separator: "; ")). Take it anew with 'octo-goal "
                + "record \(name) --replace', or delete it."
        case .notWritten(let path, let reason):
            "saving a goal in \(path): \(reason)"
        case .system(let doing, let path, let errno):
            "\(doing) \(path): \(String(cString: strerror(errno))). Check its owner, permissions and the space "
                + "left (ls -ld, df)."
        }
    }
}
