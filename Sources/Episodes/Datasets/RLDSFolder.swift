import Glibc

/// The system calls of a dataset's folder; each says path and errno when it fails.
enum RLDSFolder {
    /// Makes the folder and those it lies in. mkdir(2).
    static func make(_ path: String) throws(RLDSError) {
        for (index, character) in zip(path.indices, path) where character == "/" && index > path.startIndex {
            try makeOne(String(path[..<index]))
        }
        try makeOne(path)
    }

    private static func makeOne(_ path: String) throws(RLDSError) {
        guard mkdir(path, 0o777) != 0 else { return }
        let problem = errno
        var status = stat()
        if stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR { return }
        throw .file(path: path, step: "making the folder", errno: problem)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Opens the folder and holds it against other writers until the descriptor is closed, by whatever end of the
    /// process. flock(2).
    static func lock(_ path: String) throws(RLDSError) -> Int32 {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .file(path: path, step: "opening the folder", errno: errno) }
        // A program that this process starts holds what is open for the instant between fork(2) and execve(2): a few
        // attempts tell it from another writer.
        var isHeld = false
        for attempt in 0..<10 where !isHeld {
            if attempt > 0 { usleep(20_000) }
            isHeld = flock(folder, LOCK_EX | LOCK_NB) == 0
        }
        guard isHeld else {
            let problem = errno
            close(folder)
            if problem == EWOULDBLOCK { throw .otherWriter(path: path) }
            throw .file(path: path, step: "locking the folder", errno: problem)
        }
        return folder
    }

    /// A new file to be written. open(2).
    static func create(_ path: String) throws(RLDSError) -> Int32 {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw .file(path: path, step: "creating", errno: errno) }
        return file
    }

    static func write(
        _ bytes: [UInt8], to file: Int32, path: String, by call: RLDSDatasetWriter.WriteCall
    ) throws(RLDSError) {
        var written = 0
        while written < bytes.count {
            let put = bytes.withUnsafeBytes { call(file, $0.baseAddress.map { $0 + written }, bytes.count - written) }
            if put > 0 {
                written += put
            } else if put == 0 || errno != EINTR {
                throw .file(path: path, step: "writing", errno: put == 0 ? EIO : errno)
            }
        }
    }

    /// Closes the file when its bytes are on the disk. fsync(2).
    static func finish(_ file: Int32, path: String) throws(RLDSError) {
        let problem = fsync(file) == 0 ? 0 : errno
        guard close(file) == 0, problem == 0 else {
            throw .file(path: path, step: "writing", errno: problem == 0 ? errno : problem)
        }
    }

    static func rename(_ path: String, to other: String) throws(RLDSError) {
        guard Glibc.rename(path, other) == 0 else {
            throw .file(path: other, step: "renaming a shard to", errno: errno)
        }
    }

    static func remove(_ path: String) throws(RLDSError) {
        guard unlink(path) != 0, errno != ENOENT else { return }
        throw .file(path: path, step: "removing", errno: errno)
    }

    /// Brings the names in the folder onto the disk, so that they outlast a power cut. fsync(2).
    static func sync(_ folder: Int32, path: String) throws(RLDSError) {
        guard fsync(folder) == 0 else { throw .file(path: path, step: "writing the folder", errno: errno) }
    }
}
