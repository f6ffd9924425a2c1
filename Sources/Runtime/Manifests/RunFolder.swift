import Files
import Glibc

/// The folder in which one run keeps its sockets and its description, held by the lock of the launcher that lives.
///
/// The kernel drops the lock when the launcher ends, whatever way it ends; a file with a process id could not know.
package struct RunFolder: ~Copyable {
    /// File in a run's folder that has the address of its page in the browser, in one line.
    package static let consoleAddress = "console.address"

    /// Absolute path of the folder.
    package let path: String
    private let lock: Int32

    deinit { close(lock) }

    /// The folder in which run folders lie: `$OCTO_RUN_BASE`, else `$XDG_RUNTIME_DIR/octo`, else `/tmp/octo-<uid>`.
    package static func base(_ environment: [String: String]) -> String {
        if let base = environment["OCTO_RUN_BASE"], !base.isEmpty {
            return FileSystem.absolute(base, from: FileSystem.workingFolder)
        }
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/") { return runtime + "/octo" }
        return "/tmp/octo-\(geteuid())"
    }

    /// Makes the folder if need be and takes its lock.
    /// - Parameter path: relative paths are seen from the working folder.
    /// - Throws: `.busy` when another launcher runs there. mkdir(2), lstat(2), flock(2).
    package static func claim(_ path: String) throws(RunFolderError) -> RunFolder {
        let path = FileSystem.absolute(path, from: FileSystem.workingFolder)
        let parent = FileSystem.folder(of: path)
        try makeFolder(parent)
        try checkParent(parent)
        try makeFolder(path)
        try checkSafety(of: path)
        let lockPath = path + "/lock"
        let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .failed(doing: "opening", path: lockPath, reason: SystemError(errno).description) }
        guard takeLock(lock) else {
            let launcher = readLauncher(lock)
            close(lock)
            throw .busy(path: path, launcher: launcher)
        }
        let folder = RunFolder(path: path, lock: lock)
        try folder.writeLauncher()
        folder.removeRemains()
        return folder
    }

    static func makeFolder(_ path: String) throws(RunFolderError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        throw .failed(doing: "making the folder", path: path, reason: SystemError(errno).description)
    }

    /// Who can write to the folder can put a socket there and command the arm.
    private static func checkSafety(of path: String) throws(RunFolderError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            throw .failed(doing: "looking at", path: path, reason: SystemError(errno).description)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(path: path) }
        guard status.st_uid == geteuid() else {
            throw .foreignOwner(path: path, owner: status.st_uid, user: geteuid())
        }
        guard status.st_mode & 0o022 == 0 else {
            throw .writableByOthers(path: path, mode: status.st_mode & 0o7777)
        }
    }

    /// Why what is told from a folder is not believed as its owner's word; nil when it is. lstat(2).
    /// - Parameter owner: whose it should be; nil: this user's, or for root anybody's.
    package static func reasonNotToTrust(_ path: String, owner: uid_t? = nil) -> String? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return "\(path) is not there: \(SystemError(errno))" }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "\(path) is no folder, or a link to one" }
        let wanted = owner ?? (geteuid() == 0 ? status.st_uid : geteuid())
        if status.st_uid != wanted { return "\(path) belongs to user \(status.st_uid), not to user \(wanted)" }
        if status.st_mode & 0o022 != 0 { return "\(path) can be written to by others than user \(wanted)" }
        return nil
    }

    /// The path without links, as far as it is there.
    package static func resolved(_ path: String) -> String {
        FileSystem.resolved(path) ?? FileSystem.absolute(path, from: FileSystem.workingFolder)
    }

    /// Removes a folder in which there are only sockets.
    package static func removeSocketFolder(_ path: String) {
        for name in FileProbe.disk.names(path) where name.hasSuffix(".ipc") { unlink(path + "/" + name) }
        rmdir(path)
    }

    /// Who owns the folder above, or can rename in it, can put another folder in the place of ours. With the sticky
    /// bit, as /tmp has it, only owners can.
    static func checkParent(_ path: String) throws(RunFolderError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw .failed(doing: "looking at", path: path, reason: SystemError(errno).description)
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .foreignOwner(path: path, owner: status.st_uid, user: geteuid())
        }
        guard status.st_mode & 0o022 == 0 || status.st_mode & S_ISVTX != 0 else {
            throw .writableByOthers(path: path, mode: status.st_mode & 0o7777)
        }
    }

    /// Somebody who looks for live runs holds the lock for an instant, so a few attempts are made.
    private static func takeLock(_ lock: Int32) -> Bool {
        for attempt in 0..<10 {
            if attempt > 0 { usleep(20_000) }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { return true }
        }
        return false
    }

    private static func readLauncher(_ lock: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 32)
        let count = pread(lock, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: text[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    private borrowing func writeLauncher() throws(RunFolderError) {
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(lock, 0) == 0, pwrite(lock, text, text.count, 0) == text.count else {
            throw .failed(doing: "writing", path: path + "/lock", reason: SystemError(errno).description)
        }
    }

    /// Removes what a launcher that was killed left behind, or what this one made: nobody shall take it for a live run.
    ///
    /// What holds the arm stays: a launcher that was killed and is started again must not end an emergency stop by
    /// that.
    package borrowing func removeRemains() {
        for name in FileProbe.disk.names(path)
        where name == RunDescription.fileName || name == Self.consoleAddress || name.hasSuffix(".ipc")
            || name.hasSuffix(".tmp")
        {
            unlink(path + "/" + name)
        }
    }

    /// Lets the next run in this folder begin with nothing that holds its arm. Only for one that ended as it was asked
    /// to.
    package borrowing func removeLatch() { unlink(path + "/" + ArmLatch.fileName) }

    /// Makes the run known to the nodes: `run.json`, as a whole or not at all.
    package borrowing func publish(_ description: RunDescription) throws(RunFolderError) {
        let file = path + "/" + RunDescription.fileName
        do throws(FileError) {
            try FileSystem.replace(file, with: description.json.text(indented: true) + "\n", mode: 0o600)
        } catch {
            throw .failed(doing: "writing", path: file, reason: error.found)
        }
    }

    /// This user's folders under `base` in which a launcher is alive, in alphabetical order. opendir(3), flock(2).
    package static func findLive(in base: String) -> [String] {
        FileProbe.disk.names(base).sorted().map { base + "/" + $0 }.filter {
            reasonNotToTrust($0, owner: geteuid()) == nil && isLive($0)
        }
    }

    /// Whether a launcher is alive in a run folder: then the shared lock is not to be had.
    package static func isLive(_ path: String) -> Bool {
        let lock = open(path + "/lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard lock >= 0 else { return false }
        defer { close(lock) }
        return flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
