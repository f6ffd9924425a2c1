import Glibc

/// Reading and resolving paths, each system call in one place.
enum FileSystem {
    /// The whole content of a file, or the errno that stood in the way. open(2), read(2).
    static func read(_ path: String) -> Result<[UInt8], SystemError> {
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
            content.append(contentsOf: buffer[..<count])
        }
    }

    /// Replaces a file as a whole: a reader sees the old content or the new, never a part. rename(2).
    /// - Parameter folder: where root writes for another user, the file becomes that of this folder's owner.
    static func replace(_ path: String, with text: String, mode: mode_t, ownerOf folder: String? = nil) -> SystemError?
    {
        // Two processes that write at once each have a draft of their own, and nobody's link is followed.
        let draft = "\(path).new-\(getpid())"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { return SystemError(errno) }
        if geteuid() == 0, let owner = folder.flatMap(Self.owner(of:)) {
            _ = fchown(descriptor, owner.user, owner.group)
        }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let error = SystemError(errno)
                close(descriptor)
                unlink(draft)
                return error
            }
            bytes = bytes.dropFirst(count)
        }
        guard close(descriptor) == 0, rename(draft, path) == 0 else {
            let error = SystemError(errno)
            unlink(draft)
            return error
        }
        return nil
    }

    /// The owner of a file or folder, a link itself; nil when it is not there. lstat(2).
    static func owner(of path: String) -> (user: uid_t, group: gid_t)? {
        var status = stat()
        return lstat(path, &status) == 0 ? (status.st_uid, status.st_gid) : nil
    }

    /// The path without symbolic links, or nil when nothing is there. realpath(3).
    static func resolved(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    /// The folder in which this process stands. getcwd(3).
    static var workingFolder: String { resolved(".") ?? "/" }

    /// `path` as seen from `folder`, without `.`, `..` and doubled slashes. Links in `path` itself are not followed.
    static func absolute(_ path: String, from folder: String) -> String {
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

    /// The folder a path lies in.
    static func folder(of path: String) -> String { absolute("..", from: path) }
}

/// An errno with its text.
struct SystemError: Error, Equatable, CustomStringConvertible {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    var description: String { String(cString: strerror(number)) }
}
