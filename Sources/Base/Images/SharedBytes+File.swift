import Glibc

extension SharedBytes {
    /// More than any picture or episode description has; a wrong path (a disk, a log) must not fill the memory.
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

    /// Writes all bytes to `path` so that a reader finds the old file or the new one, never a part: into a new file
    /// beside it, flushed, then renamed.
    /// - Throws: `FileError.notWritten`; nothing is left behind. open(2), fsync(2), rename(2).
    package func write(to path: String) throws(FileError) {
        // A name of its own: a file that a killed process left behind must not be in the way.
        var chance = SystemRandomNumberGenerator()
        let unfinished = path + "." + String(chance.next(), radix: 36) + ".tmp"
        let descriptor = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .notWritten(path: path, errno: errno) }
        var failure: Int32 = 0
        var written = 0
        while failure == 0 && written < bytes.count {
            let put = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            if put >= 0 { written += put } else if errno != EINTR { failure = errno }
        }
        if failure == 0 && fsync(descriptor) != 0 { failure = errno }
        if close(descriptor) != 0 && failure == 0 { failure = errno }
        if failure == 0 && rename(unfinished, path) != 0 { failure = errno }
        if failure != 0 {
            unlink(unfinished)
            throw .notWritten(path: path, errno: failure)
        }
    }
}
