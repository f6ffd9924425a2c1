import Glibc

/// A file or folder that is written beside its place and put there whole: a reader sees the old one or the new one,
/// never a part.
///
/// One that is let go without `commit` is removed. A killed process leaves it; its name does not stand in the way of
/// the next.
package final class Draft {
    /// The system's calls that bring bytes onto the disk, write(2) and fsync(2); tests put a broken disk in their
    /// place.
    package struct Calls {
        package var write: (Int32, UnsafeRawPointer?, Int) -> Int
        package var sync: (Int32) -> Int32

        package init(
            write: @escaping (Int32, UnsafeRawPointer?, Int) -> Int = { Glibc.write($0, $1, $2) },
            sync: @escaping (Int32) -> Int32 = { fsync($0) }
        ) {
            self.write = write
            self.sync = sync
        }

        package static var system: Calls { Calls() }

        /// Writes all bytes, in as many calls as that takes.
        /// - Parameter path: names the file in the error.
        func writeAll(_ content: UnsafeRawBufferPointer, to descriptor: Int32, of path: String) throws(FileError) {
            var written = 0
            while written < content.count {
                let put = write(descriptor, content.baseAddress.map { $0 + written }, content.count - written)
                if put > 0 {
                    written += put
                } else if put == 0 || errno != EINTR {
                    throw .notWritten(path: path, errno: put == 0 ? EIO : errno)
                }
            }
        }
    }

    /// How a finished draft gets its place: from its own path to that of the place, in one step; 0 or errno.
    package typealias Move = (_ draft: String, _ place: String) -> Int32

    /// Where it goes to; may change until it is there.
    package var place: String
    /// Where it is meanwhile.
    package let path: String
    private let isFolder: Bool
    private let calls: Calls
    /// The descriptor of a file that is being written; -1 when its content is finished, and for a folder.
    private var descriptor: Int32
    private var isThere = true

    /// Begins a file. open(2).
    /// - Parameters:
    ///   - place: its path in the end.
    ///   - path: where it is until then, in the same folder, which nobody else may use; without it a name of its own.
    ///   - mode: of the file.
    ///   - folder: where root writes for another user, the file becomes that of this folder's owner.
    /// - Throws: `FileError.notWritten`, also where a device or a pipe has the place: ENOTSUP.
    package init(
        ofFile place: String, at path: String? = nil, mode: mode_t = 0o666, ownerOf folder: String? = nil,
        calls: Calls = .system
    ) throws(FileError) {
        (self.place, self.path) = (place, path ?? Self.freshPath(beside: place))
        (isFolder, self.calls) = (false, calls)
        if Self.isOccupied(place) {
            (descriptor, isThere) = (-1, false)
            throw .notWritten(path: place, errno: ENOTSUP)
        }
        // Nobody's link is followed.
        descriptor = open(self.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            let problem = errno
            isThere = false
            throw .notWritten(path: place, errno: problem)
        }
        if geteuid() == 0, let owner = folder.flatMap(FileSystem.owner(of:)) {
            _ = fchown(descriptor, owner.user, owner.group)
        }
    }

    /// Begins a folder, into which others write files, each whole and on the disk. mkdir(2).
    /// - Parameters:
    ///   - place: its path in the end.
    ///   - path: where it is until then, in the same folder; what a killed process left there goes.
    /// - Throws: `FileError.notWritten`.
    package init(ofFolder place: String, at path: String, calls: Calls = .system) throws(FileError) {
        (self.place, self.path) = (place, path)
        (isFolder, self.calls) = (true, calls)
        descriptor = -1
        FileSystem.remove(path)
        guard mkdir(path, 0o777) == 0 else {
            let problem = errno
            isThere = false
            throw .notWritten(path: place, errno: problem)
        }
    }

    deinit { giveUp() }

    /// Whether a device, a pipe or a socket has the place: the superuser would put a file in the place of /dev/null.
    static func isOccupied(_ place: String) -> Bool {
        var status = stat()
        return stat(place, &status) == 0 && ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    }

    /// A name that no other process has: two that write at once each have a draft of their own.
    private static func freshPath(beside place: String) -> String {
        var chance = SystemRandomNumberGenerator()
        return place + "." + String(chance.next(), radix: 36) + ".tmp"
    }

    /// Appends bytes to the file. write(2).
    /// - Throws: `FileError.notWritten`.
    package func write(_ content: UnsafeRawBufferPointer) throws(FileError) {
        precondition(descriptor >= 0, "only a file that is not finished can be written to")
        try calls.writeAll(content, to: descriptor, of: place)
    }

    package func write(_ content: [UInt8]) throws(FileError) {
        let problem = content.withUnsafeBytes { bytes -> FileError? in
            do throws(FileError) {
                try write(bytes)
                return nil
            } catch {
                return error
            }
        }
        if let problem { throw problem }
    }

    /// Ends the content and brings it onto the disk; of a folder, the names in it. fsync(2), close(2).
    /// - Throws: `FileError.notWritten`.
    package func finish() throws(FileError) {
        if isFolder { return try FileSystem.sync(folder: path, calls: calls) }
        guard descriptor >= 0 else { return }
        var problem = calls.sync(descriptor) == 0 ? 0 : errno
        if close(descriptor) != 0 && problem == 0 { problem = errno }
        descriptor = -1
        guard problem == 0 else { throw .notWritten(path: place, errno: problem) }
    }

    /// Finishes the draft and renames it to its place, for one of several: the caller brings the folder's names onto
    /// the disk after the last. rename(2).
    /// - Throws: `FileError.notWritten`.
    package func putInPlace() throws(FileError) {
        try finish()
        let problem = Self.rename(path, place)
        guard problem == 0 else { throw .notWritten(path: place, errno: problem) }
        isThere = false
    }

    /// Finishes the draft, puts it into its place, and brings the folder's names onto the disk. What stands under the
    /// draft's name then, such as the old one after an exchange, goes.
    /// - Parameter move: rename(2), which takes the place of a file that is there, or another way.
    /// - Throws: `FileError.notWritten`. Where only the last step failed, it is in its place.
    package func commit(by move: Move = Draft.rename) throws(FileError) {
        defer { giveUp() }
        try finish()
        let problem = move(path, place)
        guard problem == 0 else { throw .notWritten(path: place, errno: problem) }
        let folder = FileSystem.folder(of: FileSystem.absolute(place, from: FileSystem.workingFolder))
        do throws(FileError) {
            try FileSystem.sync(folder: folder, calls: calls)
        } catch {
            guard case .notWritten(_, let errno) = error else { throw error }
            throw .notWritten(path: place, errno: errno)
        }
    }

    /// Removes what is under the draft's name. A second call does nothing.
    package func giveUp() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        if isThere { FileSystem.remove(path) }
        isThere = false
    }

    /// Takes the place of a file that is there, and of an empty folder. rename(2).
    package static let rename: @Sendable (String, String) -> Int32 = { Glibc.rename($0, $1) == 0 ? 0 : errno }

    /// Takes a place only where no file is, also when somebody else makes one meanwhile: EEXIST. link(2).
    package static let link: @Sendable (String, String) -> Int32 = { Glibc.link($0, $1) == 0 ? 0 : errno }
}
