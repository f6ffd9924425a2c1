import Glibc

/// The system calls of a dataset's folder; each says path and errno when it fails.
enum RLDSFolder {
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

    static func remove(_ path: String) throws(RLDSError) {
        guard unlink(path) != 0, errno != ENOENT else { return }
        throw .file(path: path, step: "removing", errno: errno)
    }
}
