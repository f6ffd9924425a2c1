import Files
import Glibc
import Recording

/// Where the episodes of a shelf lie.
enum EpisodePlace: Sendable {
    /// A folder with episodes, and with folders of runs that hold some.
    case folder(String)
    /// Files that were named one by one.
    case files([String])
}

/// One file of a shelf, as it was when it was looked for.
struct EpisodeOnDisk: Hashable, Sendable {
    /// What changes when the file does.
    struct Stamp: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
        var bytes: Int64
        /// Time of the last change, seconds and nanoseconds since 1970.
        var seconds: Int64
        var nanoseconds: Int64

        /// Looks at a file. stat(2).
        /// - Returns: nil for what is no regular file.
        init?(of path: String) {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            bytes = Int64(status.st_size)
            seconds = Int64(status.st_mtim.tv_sec)
            nanoseconds = Int64(status.st_mtim.tv_nsec)
        }
    }
    /// The id in addresses: the path below the shelf's folder with "~" for "/".
    var id: String
    /// Absolute path.
    var path: String
    var stamp: Stamp
}

extension EpisodePlace {
    /// Data sets that were exported lie there, below the folder; no episodes are looked for in it.
    static let exports = "exports"

    /// Finds the files that are there now. Links that lead out of the folder are passed over.
    func episodes() -> [EpisodeOnDisk] {
        switch self {
        case .files(let paths):
            return paths.compactMap { path in
                let path = FileSystem.absolute(path, from: FileSystem.workingFolder)
                return EpisodeOnDisk.Stamp(of: path).map { EpisodeOnDisk(id: Self.id(of: path), path: path, stamp: $0) }
            }
        case .folder(let folder):
            guard let root = FileSystem.resolved(folder) else { return [] }
            var relative = Self.names(in: root).filter { $0.hasSuffix(".mcap") }
            for name in Self.names(in: root) where name != Self.exports && FileSystem.isFolder("\(root)/\(name)") {
                relative += Self.names(in: "\(root)/\(name)").filter { $0.hasSuffix(".mcap") }.map { "\(name)/\($0)" }
            }
            return relative.compactMap { name in
                let path = "\(root)/\(name)"
                guard let real = FileSystem.resolved(path), real.hasPrefix(root == "/" ? "/" : root + "/"),
                    let stamp = EpisodeOnDisk.Stamp(of: real)
                else { return nil }
                return EpisodeOnDisk(id: Self.id(of: name), path: path, stamp: stamp)
            }
        }
    }

    /// The id of a path: one part of an address. A "~" that was there already is written otherwise, so that no two
    /// paths have one id.
    static func id(of path: String) -> String {
        var id = ""
        for sign in path.unicodeScalars {
            switch sign {
            case "%": id += "%25"
            case "~": id += "%7E"
            case "/": id += "~"
            default: id.unicodeScalars.append(sign)
            }
        }
        return id
    }

    private static func names(in folder: String) -> [String] {
        (FileSystem.names(in: folder) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// Whether a living process records into the folder of this file. flock(2).
    static func isRecorded(into path: String) -> Bool {
        let descriptor = open(FileSystem.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Taken for a moment only, and together with other readers.
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
