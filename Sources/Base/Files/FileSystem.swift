import Glibc

/// Reads, replaces and resolves paths, each system call in one place.
package enum FileSystem {
    /// Most bytes that are read of a file: more than any picture or description has; a wrong path (a disk, a log) must
    /// not fill the memory.
    package static let sizeLimit = 256 << 20

    /// Reads a file whole, also one of /proc, or a pipe that is being written to, such as a shell's `<(…)`.
    /// - Parameter limit: most bytes; of a larger file nothing is returned.
    /// - Throws: `FileError`, naming the path. open(2), fstat(2), read(2).
    package static func read(_ path: String, limit: Int = FileSystem.sizeLimit) throws(FileError) -> [UInt8] {
        // Without O_NONBLOCK a pipe that nobody writes to would hold us here for ever; with it, it is seen to be empty.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT || errno == ENOTDIR ? .missing(path: path) : .unreadable(path: path, errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, errno: errno) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFIFO else { throw .notAFile(path: path) }
        // What a file says of its size is a guess: those of /proc say 0, others grow or shrink meanwhile.
        let size = Int(status.st_size)
        guard size <= limit else { throw .tooLarge(path: path, bytes: size, limit: limit) }
        guard fcntl(descriptor, F_SETFL, O_RDONLY) == 0 else { throw .unreadable(path: path, errno: errno) }
        var content: [UInt8] = []
        content.reserveCapacity(size)
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(path: path, errno: errno)
            }
            guard content.count + count <= limit else { throw .tooLarge(path: path, bytes: nil, limit: limit) }
            content.append(contentsOf: piece[..<count])
        }
        if kind == S_IFIFO && content.isEmpty { throw .notAFile(path: path) }
        if content.count < size {
            // A file that shrinks while it is read ends early: not what was there, nor all of what is there now. Those
            // of /sys say that they are a page, and stay with it.
            guard fstat(descriptor, &status) == 0, Int(status.st_size) == size else {
                throw .unreadable(path: path, errno: EIO)
            }
        }
        return content
    }

    /// Replaces a file as a whole: a reader sees the old content or the new, never a part, and so does who looks after
    /// a power cut: file and folder are on the disk when this returns.
    /// - Parameters:
    ///   - mode: of a file that was not there.
    ///   - folder: where root writes for another user, the file becomes that of this folder's owner.
    /// - Throws: `FileError.notWritten`; no draft is left behind. Where only the folder could not be brought onto the
    ///   disk, the new content is there, though it may not outlast a power cut.
    package static func replace(
        _ path: String, with content: UnsafeRawBufferPointer, mode: mode_t = 0o666, ownerOf folder: String? = nil,
        calls: Draft.Calls = .system
    ) throws(FileError) {
        // A device or a pipe, such as /dev/stdout, has no old content, and stays what it is.
        if Draft.isOccupied(path) { return try write(content, into: path, calls: calls) }
        let draft = try Draft(ofFile: path, mode: mode, ownerOf: folder, calls: calls)
        try draft.write(content)
        try draft.commit()
    }

    package static func replace(
        _ path: String, with text: String, mode: mode_t = 0o666, ownerOf folder: String? = nil
    ) throws(FileError) {
        let problem = Array(text.utf8).withUnsafeBytes { bytes -> FileError? in
            do throws(FileError) {
                try replace(path, with: bytes, mode: mode, ownerOf: folder)
                return nil
            } catch {
                return error
            }
        }
        if let problem { throw problem }
    }

    /// Writes into a device or a pipe. open(2), write(2).
    private static func write(
        _ content: UnsafeRawBufferPointer, into path: String, calls: Draft.Calls
    ) throws(FileError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notWritten(path: path, errno: errno) }
        defer { close(descriptor) }
        try calls.writeAll(content, to: descriptor, of: path)
    }

    /// Brings the names in a folder onto the disk, so that they outlast a power cut. A file system that knows no such
    /// thing is taken as it is. fsync(2).
    /// - Throws: `FileError.notWritten`.
    package static func sync(folder: String, calls: Draft.Calls = .system) throws(FileError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notWritten(path: folder, errno: errno) }
        defer { close(descriptor) }
        guard calls.sync(descriptor) == 0 || errno == EINVAL else { throw .notWritten(path: folder, errno: errno) }
    }

    /// Makes a folder and those it lies in, and brings the new names onto the disk. mkdir(2), fsync(2).
    /// - Throws: `FileError.notWritten`, naming the one that cannot be made.
    package static func makeFolders(_ path: String) throws(FileError) {
        var built = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            let parent = built.isEmpty ? "." : built
            built += (built.isEmpty || built.hasSuffix("/") ? "" : "/") + part
            guard mkdir(built, 0o777) != 0 else {
                try sync(folder: parent)
                continue
            }
            let problem = errno
            guard isFolder(built) else { throw .notWritten(path: built, errno: problem) }
        }
    }

    /// Whether a folder is there, or a link to one. stat(2).
    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a folder, in no order; nil, with errno set, when it cannot be read. opendir(3), readdir(3).
    package static func names(in folder: String) -> [String]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a file, or a folder with the files in it; what cannot be removed stays. unlink(2), rmdir(2).
    package static func remove(_ path: String) {
        guard unlink(path) != 0, let names = names(in: path) else { return }
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }

    /// Whether a file's name says that it is a picture: it ends in .png, .jpg or .jpeg, in small or capital letters.
    package static func isPicture(_ name: String) -> Bool {
        [".png", ".jpg", ".jpeg"].contains { name.lowercased().hasSuffix($0) }
    }

    /// The owner of a file or folder, a link itself; nil when it is not there. lstat(2).
    package static func owner(of path: String) -> (user: uid_t, group: gid_t)? {
        var status = stat()
        return lstat(path, &status) == 0 ? (status.st_uid, status.st_gid) : nil
    }

    /// The path without symbolic links, or nil when nothing is there. realpath(3).
    package static func resolved(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    /// The folder in which this process stands. getcwd(3).
    package static var workingFolder: String { resolved(".") ?? "/" }

    /// Makes `path` absolute as seen from `folder`, without `.`, `..` and doubled slashes. Links in `path` itself are
    /// not followed.
    package static func absolute(_ path: String, from folder: String) -> String {
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : folder + "/" + path).split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The folder that a path lies in.
    package static func folder(of path: String) -> String { absolute("..", from: path) }
}
