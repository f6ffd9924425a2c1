import Files
import Glibc

/// Why the keys of a user cannot be had.
package enum KeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No variable of the environment says where the user's files are.
    case noHome
    /// libzmq makes no keys, for a reason in its words.
    case notMade(reason: String)
    case noOwnKey(path: String)
    /// There is one already.
    case ownKeyThere(path: String, PublicKey)
    /// Others may read or change it.
    case open(path: String, mode: mode_t, expected: mode_t)
    case foreign(path: String)
    case link(path: String)
    case malformed(path: String, found: String, expected: String)
    case file(FileError)

    package var description: String {
        switch self {
        case .noHome:
            "finding the keys' folder: neither OCTO_KEYS nor XDG_CONFIG_HOME nor HOME is set; expected one. "
                + "Set OCTO_KEYS to the folder the keys shall be in."
        case .notMade(let reason):
            "making a key: libzmq says '\(reason)', expected a key. It was built without CURVE: install a libzmq with "
                + "it, such as Debian's libzmq5."
        case .noOwnKey(let path):
            "reading \(path): nothing is there, expected this user's own key. Make it with octo-bus keys make."
        case .ownKeyThere(let path, let key):
            "making \(path): it is there already, with the public key '\(key)'. Who knows it would have to learn the "
                + "new one: if that is wanted, move the file away first."
        case .open(let path, let mode, let expected):
            "reading \(path): others may read or change it (mode \(String(mode, radix: 8))), expected mode "
                + "\(String(expected, radix: 8)). Close it with chmod \(String(expected, radix: 8)) \(path), and if "
                + "others are on this machine, make a new key."
        case .foreign(let path):
            "reading \(path): it belongs to another user, expected this one. Change it with chown, or say with "
                + "OCTO_KEYS where this user's keys are."
        case .link(let path):
            "reading \(path): it is a link or no file, expected a file of keys. Put the file itself there."
        case .malformed(let path, let found, let expected):
            "reading \(path): found \(found), expected \(expected). Correct it by hand, or move it away."
        case .file(let error): "\(error)"
        }
    }
}

/// The folder with a user's keys: `own.key`, which nobody else may read, and `allowed.keys`, who else is let in.
package struct KeyFolder: Sendable, Equatable {
    /// What a file is told to be another one by.
    package struct Stamp: Equatable, Sendable {
        /// Of the file system's clock, since 1970.
        struct Moment: Equatable, Sendable {
            let seconds: Int
            let nanoseconds: Int

            init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }
        }

        let inode: UInt64
        let size: Int
        let mode: mode_t
        let owner: uid_t
        /// When its content was changed last.
        let written: Moment
        /// When its content or anything above was changed last. `chmod` mends a file without writing it.
        let changed: Moment
    }

    /// First line of `own.key`.
    private static let mark = "octo-key 1"
    private static let sizeLimit = 1 << 20
    private static let fileMode: mode_t = 0o600
    private static let folderMode: mode_t = 0o700

    /// The variables of the environment that say where it is.
    private static let variables = ["OCTO_KEYS", "XDG_CONFIG_HOME", "HOME"]

    /// Absolute, or from where the program was started.
    package let path: String

    package var ownPath: String { path + "/own.key" }
    package var allowedPath: String { path + "/allowed.keys" }

    package init(path: String) { self.path = path }

    /// The folder of this user: `$OCTO_KEYS`, else `octo` in `$XDG_CONFIG_HOME`, else `.config/octo` in `$HOME`.
    package static func standard(_ environment: [String: String]) throws(KeyError) -> KeyFolder {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let folder = value("OCTO_KEYS") { return KeyFolder(path: folder) }
        if let folder = value("XDG_CONFIG_HOME") { return KeyFolder(path: folder + "/octo") }
        if let home = value("HOME") { return KeyFolder(path: home + "/.config/octo") }
        throw .noHome
    }

    /// The folder of this process's user and environment.
    package static func ofUser() throws(KeyError) -> KeyFolder {
        var environment: [String: String] = [:]
        for name in variables { if let value = getenv(name) { environment[name] = String(cString: value) } }
        return try standard(environment)
    }

    /// This user's own key.
    package func own() throws(KeyError) -> KeyPair {
        guard let text = try read(ownPath) else { throw .noOwnKey(path: ownPath) }
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard lines.count == 2, lines[0] == Self.mark, let pair = KeyPair(secretZ85: lines[1]) else {
            throw .malformed(
                path: ownPath,
                found: lines.first != Self.mark
                    ? "another first line" : lines.count > 2 ? "more than two lines" : "no key in the second line",
                expected: "the lines '\(Self.mark)' and a secret key of \(PublicKey.textLength) characters")
        }
        return pair
    }

    /// Makes this user's own key, where there is none.
    package func makeOwn() throws(KeyError) -> KeyPair {
        let pair = try KeyPair.make()
        guard try put(pair) else { throw .ownKeyThere(path: ownPath, try own().publicKey) }
        return pair
    }

    /// This user's own key, made where there is none; several processes at once get the same.
    package func ownOrMade() throws(KeyError) -> KeyPair {
        do {
            return try own()
        } catch .noOwnKey {
            _ = try put(try KeyPair.make())
            return try own()
        }
    }

    /// Puts a key in its place, unless there is one.
    /// - Returns: whether it is there now.
    private func put(_ pair: KeyPair) throws(KeyError) -> Bool {
        try makeFolder()
        do throws(FileError) {
            let draft = try Draft(ofFile: ownPath, mode: Self.fileMode)
            try draft.write(Array("\(Self.mark)\n\(pair.secretText)\n".utf8))
            try draft.finish()
            // link(2) fails where the name is taken, in one step.
            guard link(draft.path, ownPath) == 0 else {
                guard errno == EEXIST else { throw FileError.notWritten(path: ownPath, errno: errno) }
                return false
            }
            try FileSystem.sync(folder: path)
            return true
        } catch {
            throw .file(error)
        }
    }

    private func makeFolder() throws(KeyError) {
        do throws(FileError) {
            if !FileSystem.isFolder(path) {
                try FileSystem.makeFolders(
                    FileSystem.folder(of: FileSystem.absolute(path, from: FileSystem.workingFolder)))
                guard mkdir(path, Self.folderMode) == 0 || errno == EEXIST else {
                    throw .notWritten(path: path, errno: errno)
                }
            }
        } catch {
            throw .file(error)
        }
        try judge(path, kind: S_IFDIR, forbidden: 0o022, expected: Self.folderMode)
    }

    /// Who is let in besides this user; nobody where there is no file.
    package func allowed() throws(KeyError) -> AllowList {
        guard let text = try read(allowedPath) else { return AllowList() }
        do throws(AllowList.LineProblem) {
            return try AllowList(parsing: text)
        } catch {
            throw .malformed(
                path: "\(allowedPath):\(error.line)", found: error.found,
                expected: "a key of \(PublicKey.textLength) characters, a role "
                    + "(\(KeyRole.allCases.map(\.rawValue).joined(separator: ", "))) and a name of its own")
        }
    }

    /// Puts a list of those who are let in in the place of the one that is there.
    package func save(_ list: AllowList) throws(KeyError) {
        try makeFolder()
        do throws(FileError) {
            try FileSystem.replace(allowedPath, with: list.text, mode: Self.fileMode)
        } catch {
            throw .file(error)
        }
    }

    /// Changes the list of those who are let in; who changes it at the same time waits, so that nobody who was taken
    /// off comes back. flock(2).
    /// - Throws: `KeyError`, and what `change` throws; nothing is changed then.
    package func changeAllowed<Result>(_ change: (inout AllowList) throws -> Result) throws -> Result {
        try makeFolder()
        // A file of its own: the list is another one after each change.
        let path = self.path + "/allowed.lock"
        let lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, Self.fileMode)
        guard lock >= 0 else { throw KeyError.file(.notWritten(path: path, errno: errno)) }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw KeyError.file(.notWritten(path: path, errno: errno)) }
        }
        var list = try allowed()
        let result = try change(&list)
        try save(list)
        return result
    }

    /// What `allowed.keys` is told to be another one by; nil: it is not there.
    package func allowedStamp() -> Stamp? {
        var status = stat()
        guard lstat(allowedPath, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int(status.st_size), mode: status.st_mode, owner: status.st_uid,
            written: Stamp.Moment(status.st_mtim), changed: Stamp.Moment(status.st_ctim))
    }

    /// A file of keys, which this user alone may read and change; nil: it is not there.
    private func read(_ path: String) throws(KeyError) -> String? {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .file(.unreadable(path: path, errno: errno)) }
            return nil
        }
        try judge(self.path, kind: S_IFDIR, forbidden: 0o022, expected: Self.folderMode)
        try judge(path, kind: S_IFREG, forbidden: 0o077, expected: Self.fileMode)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileSystem.read(path, limit: Self.sizeLimit)
        } catch {
            throw .file(error)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed(path: path, found: "bytes that are no text", expected: "a text file")
        }
        return text
    }

    /// Refuses what others could have put there, or could read. lstat(2).
    private func judge(_ path: String, kind: mode_t, forbidden: mode_t, expected: mode_t) throws(KeyError) {
        var status = stat()
        // The folder may be behind a link: what it is itself counts.
        let result = kind == S_IFDIR ? stat(path, &status) : lstat(path, &status)
        guard result == 0 else { throw .file(.unreadable(path: path, errno: errno)) }
        guard status.st_mode & S_IFMT == kind else { throw .link(path: path) }
        // The superuser may stop whatever moves.
        guard status.st_uid == geteuid() || geteuid() == 0 else { throw .foreign(path: path) }
        guard status.st_mode & forbidden == 0 else {
            throw .open(path: path, mode: status.st_mode & 0o777, expected: expected)
        }
    }
}
