import Files
import Glibc
import JSONTree
import Keys

/// An arm that a living process drives, and where that process takes commands for it.
package struct LiveArm: Equatable, Sendable {
    /// The process in words, for people: "the run in /tmp/octo-1000/widowx".
    package var place: String
    package var processID: Int32
    /// Absolute path of the run folder, or of that of a program that drives the arm alone. Its owner is `user`.
    package var folder: String
    /// Whether a launcher keeps the arm's process alive, so that `arm-latch.json` in the folder is read.
    package var isRun: Bool
    package var runID: String
    /// The ZeroMQ endpoint at which the arm's state is published.
    package var endpoint: String
    /// The ZeroMQ endpoint that takes commands.
    package var commandEndpoint: String
    /// Absolute path of the manifest.
    package var manifestPath: String
    /// Absolute path of the servos' serial port; nil for a simulated arm.
    package var port: String?
    /// Absolute path of the folder with the keys that its endpoints ask for; nil: they ask for none.
    package var keyFolder: String?
    /// Who drives it. The kernel tells this, not the entry.
    package var user: uid_t = geteuid()

    package init(
        place: String, folder: String, isRun: Bool, runID: String, endpoint: String, commandEndpoint: String,
        manifestPath: String, port: String?
    ) {
        self.place = place
        self.folder = folder
        self.isRun = isRun
        self.runID = runID
        self.endpoint = endpoint
        self.commandEndpoint = commandEndpoint
        self.manifestPath = manifestPath
        self.port = port
        processID = getpid()
    }

    /// The arm of a run; nil when it takes no commands.
    package init?(_ run: RunDescription) {
        guard let endpoint = run.endpoints[Manifest.armNode], let commands = run.commandEndpoints[Manifest.armNode]
        else {
            return nil
        }
        self.init(
            place: "the run in \(run.folder)", folder: run.folder, isRun: true, runID: run.runID, endpoint: endpoint,
            commandEndpoint: commands, manifestPath: run.manifestPath, port: run.manifest.arm.serialPort)
        guard run.manifest.bus.transport == .tcp, !run.manifest.bus.isInsecure else { return }
        // Without keys no process of the run comes to be.
        do throws(KeyError) {
            keyFolder = FileSystem.absolute(try KeyFolder.ofUser().path, from: FileSystem.workingFolder)
        } catch { return nil }
    }
}

extension Manifest.Arm {
    /// Absolute path of the servos' serial port, without links; nil for an arm that has none.
    package var serialPort: String? {
        switch driver {
        case .simulated: nil
        case .dynamixel(let line, _), .feetech(let line):
            line.port == Manifest.simulatedPort ? nil : FileSystem.resolved(line.port) ?? line.port
        }
    }
}

/// The folder in which every process that drives an arm says so, so that `octo-arm stop` finds it from every shell of
/// its user, and of root: one for each user id that depends on no environment.
///
/// An entry is alive as long as its process holds the entry's lock; the kernel drops that however the process ends.
package struct ArmRegistry: Sendable {
    /// The environment variable that names another folder for the registry. Set by tests alone: an arm that is
    /// registered elsewhere is missed by everybody who does not know where.
    package static let variable = "OCTO_ARM_REGISTRY"
    private static let prefix = "octo-arms-"
    private static let suffix = ".json"

    /// The folder in which each user's own one lies.
    package let root: String
    private let user: uid_t

    /// Makes the registry in the folder `root`.
    /// - Parameter user: id of the user who looks or registers; root sees the arms of all.
    package init(root: String, user: uid_t = geteuid()) {
        self.root = root
        self.user = user
    }

    package static var standard: ArmRegistry {
        let named = getenv(variable).map { String(cString: $0) }
        return ArmRegistry(root: named.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp")
    }

    private func folder(of user: uid_t) -> String { "\(root)/\(Self.prefix)\(user)" }

    // MARK: Registering

    /// Makes a folder of this process's own for the sockets of an arm that no run drives.
    /// - Throws: `RunFolderError` when the user's folder, or this one, cannot be made safely. mkdir(2).
    package func makeSocketFolder() throws(RunFolderError) -> String {
        let parent = try claimFolder()
        removeRemains(in: parent)
        let path = "\(parent)/\(Self.uniqueName)"
        try RunFolder.makeFolder(path)
        return path
    }

    /// Makes the arm known until `end`, or the end of this process.
    /// - Throws: `RunFolderError` when the user's folder cannot be used. flock(2), rename(2).
    package func register(_ arm: LiveArm) throws(RunFolderError) -> ArmRegistration {
        let parent = try claimFolder()
        removeRemains(in: parent)
        let path = "\(parent)/\(Self.uniqueName)\(Self.suffix)"
        let draft = path + ".new"
        let lock = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        func failure() -> RunFolderError { .notRegistered(path: path, reason: SystemError(errno).description) }
        guard lock >= 0 else { throw failure() }
        let text = Array((arm.json.text(indented: true) + "\n").utf8)
        // Locked before anybody can see it.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0, write(lock, text, text.count) == text.count, rename(draft, path) == 0
        else {
            let error = failure()
            close(lock)
            unlink(draft)
            throw error
        }
        // What has the sticky bit, systemd-tmpfiles leaves alone however old it is.
        _ = fchmod(lock, 0o1600)
        return ArmRegistration(path: path, lock: lock)
    }

    private func claimFolder() throws(RunFolderError) -> String {
        let path = folder(of: user)
        do throws(RunFolderError) {
            try RunFolder.checkParent(root)
            try RunFolder.makeFolder(path)
        } catch {
            let reason =
                switch error {
                case .writableByOthers:
                    "everybody can rename it in \(root), which lacks the sticky bit (as root: chmod 1777 \(root))"
                case .foreignOwner(_, let owner, _): "\(root) belongs to user \(owner)"
                case .failed(_, _, let reason): reason
                case .notAFolder, .busy, .pathTooLong, .noRun, .damaged, .unknownNode, .notRegistered: error.description
                }
            throw .notRegistered(path: path, reason: reason)
        }
        if let reason = RunFolder.reasonNotToTrust(path, owner: user) {
            throw .notRegistered(path: path, reason: reason)
        }
        _ = chmod(path, 0o1700)
        return path
    }

    private static var uniqueName: String {
        "\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    }

    /// Removes what processes that were killed have left. Names are never used twice.
    private func removeRemains(in folder: String) {
        let names = FileProbe.disk.names(folder)
        for name in names {
            let path = folder + "/" + name
            if name.hasSuffix(Self.suffix) {
                if !Self.isLocked(path) { unlink(path) }
            } else if let process = Int32(name.prefix { $0 != "-" }), kill(process, 0) != 0, errno == ESRCH {
                RunFolder.removeSocketFolder(path)
                unlink(path)
            }
        }
    }

    private static func isLocked(_ path: String) -> Bool {
        let file = open(path, entryFlags)
        guard file >= 0 else { return false }
        defer { close(file) }
        return isLocked(file)
    }

    private static func isLocked(_ file: Int32) -> Bool { flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK }

    /// No link is followed, and no pipe is waited for: root looks where users write.
    private static let entryFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    /// Bytes; an entry has a few hundred.
    private static let longestEntry = 16_384

    private enum Entry {
        case foreign
        /// The entry's process is gone.
        case dead
        case living(LiveArm?)
    }

    /// open(2), fstat(2), flock(2), read(2).
    private static func entry(_ path: String, owner: uid_t) -> Entry {
        let file = open(path, entryFlags)
        guard file >= 0 else { return errno == ENOENT ? .dead : .foreign }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_uid == owner, status.st_mode & S_IFMT == S_IFREG else {
            return .foreign
        }
        guard isLocked(file) else { return .dead }
        var text = [UInt8](repeating: 0, count: longestEntry)
        let count = Glibc.read(file, &text, text.count)
        guard count > 0, let node = try? JSONNode(parsing: text[..<count]) else { return .living(nil) }
        return .living(LiveArm(node))
    }

    // MARK: Finding

    /// All arms that are driven at present by this user, or for root by anybody, in alphabetical order of their
    /// folders.
    /// - Returns: the arms; and in words, what was found but is not believed.
    package func find() -> (arms: [LiveArm], ignored: [String]) {
        var arms: [LiveArm] = []
        var ignored: [String] = []
        for owner in owners {
            let folder = folder(of: owner)
            if let reason = RunFolder.reasonNotToTrust(folder, owner: owner) {
                if FileSystem.owner(of: folder) != nil { ignored.append(reason) }
                continue
            }
            for name in FileProbe.disk.names(folder).sorted() where name.hasSuffix(Self.suffix) {
                read(folder + "/" + name, owner: owner, into: &arms, &ignored)
            }
        }
        return (arms.sorted { $0.folder < $1.folder }, ignored)
    }

    /// Other users who have driven an arm since this machine started, and whose arms this user cannot see.
    package var hiddenOwners: [uid_t] { user == 0 ? [] : Self.owners(in: root).filter { $0 != user } }

    private var owners: [uid_t] { user == 0 ? Self.owners(in: root) : [user] }

    private static func owners(in root: String) -> [uid_t] {
        FileProbe.disk.names(root).compactMap { name in
            name.hasPrefix(prefix) ? uid_t(name.dropFirst(prefix.count)) : nil
        }.sorted()
    }

    private func read(_ path: String, owner: uid_t, into arms: inout [LiveArm], _ ignored: inout [String]) {
        let found: LiveArm?
        switch Self.entry(path, owner: owner) {
        case .dead: return
        case .foreign:
            ignored.append("\(path) is no file of user \(owner)")
            return
        case .living(let arm): found = arm
        }
        guard var arm = found else {
            ignored.append("\(path) is damaged, and its process lives")
            return
        }
        arm.user = owner
        if let reason = RunFolder.reasonNotToTrust(arm.folder, owner: owner) {
            ignored.append(reason)
        } else if !arms.contains(where: { $0.folder == arm.folder && $0.runID == arm.runID }) {
            arms.append(arm)
        }
    }
}

/// An entry of the registry, held by this process.
package final class ArmRegistration {
    private let path: String
    private var lock: Int32?

    init(path: String, lock: Int32) {
        self.path = path
        self.lock = lock
    }

    deinit { end() }

    /// The process drives the arm no more.
    package func end() {
        guard let held = lock else { return }
        lock = nil
        unlink(path)
        close(held)
    }
}

extension LiveArm {
    var json: JSONNode {
        .object([
            "place": JSONNode(place),
            "pid": JSONNode(Int(processID)),
            "folder": JSONNode(folder),
            "is_run": JSONNode(.bool(isRun)),
            "run_id": JSONNode(runID),
            "endpoint": JSONNode(endpoint),
            "command_endpoint": JSONNode(commandEndpoint),
            "manifest_path": JSONNode(manifestPath),
            "port": port.map { JSONNode($0) } ?? JSONNode(.null),
            "key_folder": keyFolder.map { JSONNode($0) } ?? JSONNode(.null),
        ])
    }

    /// Reads an entry, as it was written to the file.
    /// - Returns: nil when something is missing or of another type, or when its sockets lie elsewhere than in its
    ///   folder.
    init?(_ node: JSONNode) {
        guard let place = node["place"]?.string, let process = node["pid"]?.int.flatMap({ Int32(exactly: $0) }),
            let folder = node["folder"]?.string, let isRun = node["is_run"]?.bool, let runID = node["run_id"]?.string,
            let endpoint = node["endpoint"]?.string, let commandEndpoint = node["command_endpoint"]?.string,
            let manifestPath = node["manifest_path"]?.string
        else { return nil }
        // Sockets elsewhere could be another user's.
        let isOwn = [endpoint, commandEndpoint].allSatisfy {
            $0.hasPrefix("ipc://\(folder)/") || $0.hasPrefix("tcp://")
        }
        guard isOwn else { return nil }
        self.init(
            place: place, folder: folder, isRun: isRun, runID: runID, endpoint: endpoint,
            commandEndpoint: commandEndpoint,
            manifestPath: manifestPath, port: node["port"]?.string)
        processID = process
        keyFolder = node["key_folder"]?.string
    }
}
