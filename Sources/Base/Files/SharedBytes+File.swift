import Glibc

extension SharedBytes {
    /// Largest file that is read, bytes: more than any picture or episode description has; a wrong path (a disk, a log)
    /// must not fill the memory.
    package static let fileSizeLimit = 256 << 20

    /// Reads a whole file.
    /// - Throws: `FileError`, naming the path. open(2), fstat(2), read(2).
    package convenience init(contentsOf path: String, limit: Int = SharedBytes.fileSizeLimit) throws(FileError) {
        // Without O_NONBLOCK a pipe that nobody writes to would hold us here for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT || errno == ENOTDIR
                ? FileError.missing(path: path) : FileError.unreadable(path: path, errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        let size = Int(status.st_size)
        guard size <= limit else { throw .tooLarge(path: path, bytes: size, limit: limit) }
        try self.init(count: size) { (memory) throws(FileError) in
            var filled = 0
            while filled < size {
                let got = read(descriptor, memory.baseAddress.map { $0 + filled }, size - filled)
                if got < 0 && errno == EINTR { continue }
                // A file that shrinks while it is read ends early: not what was there, nor all of what is there now.
                guard got > 0 else { throw .unreadable(path: path, errno: got < 0 ? errno : EIO) }
                filled += got
            }
        }
    }

    /// Replaces the file at `path` as a whole.
    /// - Throws: `FileError.notWritten`; nothing is left behind.
    package func write(to path: String) throws(FileError) {
        if let problem = FileSystem.replace(path, with: bytes) { throw .notWritten(path: path, errno: problem.number) }
    }
}
