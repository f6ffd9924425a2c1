import Files
import Glibc

extension EpisodeFile {
    /// Whether a recorder still writes to this file: it has no end yet, and a living process holds its folder.
    /// flock(2).
    package var isBeingRecorded: Bool {
        guard !reader.isFinished else { return false }
        let folder = FileSystem.folder(of: FileSystem.absolute(path, from: FileSystem.workingFolder))
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Taken for a moment only, and together with other readers.
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
