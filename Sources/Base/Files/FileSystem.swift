import Glibc

/// Reads and resolves paths, each system call in one place.
package enum FileSystem {
    /// The whole content of a file, or of a pipe such as a shell's `<(…)`, or the errno that stood in the way; EFBIG
    /// for more than `limit` bytes. open(2), read(2).
    package static func read(_ path: String, limit: Int = 64 << 20) -> Result<[UInt8], SystemError> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(SystemError(errno)) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return .success(content) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(SystemError(errno))
            }
            guard content.count + count <= limit else { return .failure(SystemError(EFBIG)) }
            content.append(contentsOf: buffer[..<count])
        }
    }

    /// Replaces a file as a whole: a reader sees the old content or the new, never a part, and so does who looks after
    /// a power cut: file and folder are on the disk when this returns. open(2), fsync(2), rename(2).
    /// - Parameters:
    ///   - mode: of a file that was not there.
    ///   - folder: where root writes for another user, the file becomes that of this folder's owner.
    /// - Returns: what stood in the way; nothing is left behind then.
    package static func replace(
        _ path: String, with content: UnsafeRawBufferPointer, mode: mode_t = 0o666, ownerOf folder: String? = nil
    ) -> SystemError? {
        // Two that write at once each have a draft of their own, nobody's link is followed, and what a killed process
        // left behind is not in the way.
        var chance = SystemRandomNumberGenerator()
        let draft = path + "." + String(chance.next(), radix: 36) + ".tmp"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { return SystemError(errno) }
        var problem: Int32 = 0
        if geteuid() == 0, let owner = folder.flatMap(Self.owner(of:)) {
            _ = fchown(descriptor, owner.user, owner.group)
        }
        var written = 0
        while problem == 0 && written < content.count {
            let put = write(descriptor, content.baseAddress.map { $0 + written }, content.count - written)
            if put >= 0 { written += put } else if errno != EINTR { problem = errno }
        }
        if problem == 0 && fsync(descriptor) != 0 { problem = errno }
        if close(descriptor) != 0 && problem == 0 { problem = errno }
        if problem == 0 && rename(draft, path) != 0 { problem = errno }
        guard problem == 0 else {
            unlink(draft)
            return SystemError(problem)
        }
        // The new content is there whatever becomes of this.
        _ = sync(folder: Self.folder(of: absolute(path, from: workingFolder)))
        return nil
    }

    package static func replace(
        _ path: String, with text: String, mode: mode_t = 0o666, ownerOf folder: String? = nil
    ) -> SystemError? {
        Array(text.utf8).withUnsafeBytes { replace(path, with: $0, mode: mode, ownerOf: folder) }
    }

    /// Brings the names in a folder onto the disk, so that they outlast a power cut. fsync(2).
    package static func sync(folder: String) -> SystemError? {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return SystemError(errno) }
        defer { close(descriptor) }
        return fsync(descriptor) == 0 ? nil : SystemError(errno)
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

/// A system call's failure: its errno, with the system's text.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    package var description: String { String(cString: strerror(number)) }
}
