import Files
import Glibc
import JSONTree

/// The file in which the tokens lie: JSON, `{"operate": TOKEN, "view": TOKEN}`, that nobody but its owner may read.
package enum TokenFile {
    /// The mode of a new file: its owner's alone.
    package static let mode: mode_t = 0o600
    /// Most bytes of the file that are read; ours have about 100.
    private static let sizeLimit = 4_096

    /// Reads the tokens. A link is followed; the file it leads to has to be in order. open(2), fstat(2), read(2).
    /// - Throws: `TokenFileError`, naming the path; no text of the file is in it.
    package static func read(_ path: String) throws(TokenFileError) -> AccessTokens {
        // One descriptor for all questions: what is looked at is what is read. A pipe does not hold us up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .missing(path: path) }
            throw .unreadable(path: path, errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, errno: errno) }
        try check(path, mode: status.st_mode, owner: status.st_uid, reader: geteuid())
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: sizeLimit)
        while content.count <= sizeLimit {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count == 0 { break }
            if count > 0 {
                content.append(contentsOf: piece[..<count])
            } else if errno != EINTR {
                throw .unreadable(path: path, errno: errno)
            }
        }
        guard content.count <= sizeLimit else { throw .notTokens(path: path, problem: .tooLong) }
        return try parse(content, of: path)
    }

    /// Whether a file may be trusted with secrets.
    /// - Parameters:
    ///   - mode: kind and permissions, as stat(2) has them.
    ///   - owner: user id of the file's owner.
    ///   - reader: user id that we run as.
    /// - Throws: `TokenFileError`.
    package static func check(
        _ path: String, mode: mode_t, owner: uid_t, reader: uid_t
    ) throws(TokenFileError) {
        guard mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        // Another owner could put other tokens into it at any time; the superuser could anyhow.
        guard owner == reader || owner == 0 else { throw .foreign(path: path, owner: owner, reader: reader) }
        guard mode & 0o077 == 0 else { throw .open(path: path, mode: mode & 0o7777) }
    }

    /// Reads the file's content.
    /// - Throws: `TokenFileError.notTokens`.
    package static func parse(_ content: [UInt8], of path: String) throws(TokenFileError) -> AccessTokens {
        let tree: JSONNode
        do {
            tree = try JSONNode(parsing: content)
        } catch {
            // The parser's words may cite what is in the file.
            throw .notTokens(path: path, problem: .notJSON)
        }
        guard let members = tree.object else { throw .notTokens(path: path, problem: .notJSON) }
        var tokens: [Role: String] = [:]
        for member in members {
            guard let role = Role(rawValue: member.key) else { throw .notTokens(path: path, problem: .unknownKey) }
            guard let token = member.value.string, tokens[role] == nil else {
                throw .notTokens(path: path, problem: .missing(role))
            }
            guard (AccessTokens.shortest...AccessTokens.longest).contains(token.utf8.count) else {
                throw .notTokens(path: path, problem: .wrongLength(role, characters: token.utf8.count))
            }
            guard token.utf8.allSatisfy(AccessTokens.alphabet.contains) else {
                throw .notTokens(path: path, problem: .strangeCharacters(role))
            }
            // "aaaa…" has the length, and nothing else of a secret.
            guard Set(token.utf8).count >= 8 else { throw .notTokens(path: path, problem: .guessable(role)) }
            tokens[role] = token
        }
        guard let operate = tokens[.operate] else { throw .notTokens(path: path, problem: .missing(.operate)) }
        guard let view = tokens[.view] else { throw .notTokens(path: path, problem: .missing(.view)) }
        guard operate != view else { throw .notTokens(path: path, problem: .same) }
        return AccessTokens(operate: operate, view: view)
    }

    /// The file's text.
    package static func text(_ tokens: AccessTokens) -> String {
        JSONNode.object(["operate": JSONNode(tokens.operate), "view": JSONNode(tokens.view)]).text(indented: true)
            + "\n"
    }

    /// Writes the tokens into a new file, whole or not at all; nobody else can read it at any time.
    /// - Parameter replaces: whether a file that is there goes; without it nothing that is there is touched.
    /// - Throws: `TokenFileError`.
    package static func write(
        _ tokens: AccessTokens, to path: String, replaces: Bool = false
    ) throws(TokenFileError) {
        do throws(FileError) {
            let draft = try Draft(ofFile: path, mode: mode)
            try draft.write(Array(text(tokens).utf8))
            try draft.commit(by: replaces ? Draft.rename : Draft.link)
        } catch {
            if case .notWritten(_, EEXIST) = error { throw .exists(path: path) }
            throw .notWritten(error)
        }
    }
}
