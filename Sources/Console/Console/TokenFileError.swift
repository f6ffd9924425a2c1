import Files
import Glibc

/// Why a token file cannot be used or made. None of them holds anything of a token.
package enum TokenFileError: Error, Equatable, Sendable {
    case missing(path: String)
    case unreadable(path: String, errno: Int32)
    case notAFile(path: String)
    /// Others than its owner may read or change the file; `mode` has the permissions alone.
    case open(path: String, mode: mode_t)
    case foreign(path: String, owner: uid_t, reader: uid_t)
    case notTokens(path: String, problem: Problem)
    case exists(path: String)
    case notWritten(FileError)

    /// What is wrong with the content.
    package enum Problem: Equatable, Sendable {
        case notJSON
        case tooLong
        case unknownKey
        case missing(Role)
        case wrongLength(Role, characters: Int)
        case strangeCharacters(Role)
        case guessable(Role)
        case same
    }
}

extension TokenFileError.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notJSON: "it is no JSON object with two tokens"
        case .tooLong: "it has more than 4096 bytes"
        case .unknownKey: "it has a key other than \"operate\" and \"view\""
        case .missing(let role): "it has not exactly one text for \"\(role.rawValue)\""
        case .wrongLength(let role, let characters):
            "the \"\(role.rawValue)\" token has \(characters) characters, expected \(AccessTokens.shortest) (128 "
                + "bits) to \(AccessTokens.longest)"
        case .strangeCharacters(let role):
            "the \"\(role.rawValue)\" token has characters other than A-Z, a-z, 0-9, - and _"
        case .guessable(let role): "the \"\(role.rawValue)\" token has fewer than 8 different characters"
        case .same: "both tokens are the same, so whoever looks on could operate"
        }
    }
}

extension TokenFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path):
            "reading the tokens in \(path): nothing is there. Make them: octo-console token \(path)"
        case .unreadable(let path, let errno):
            "reading the tokens in \(path): \(SystemError(errno)), expected a readable file. Check its owner and "
                + "permissions (ls -l \(path))."
        case .notAFile(let path):
            "reading the tokens in \(path): it is a folder, a pipe or a device, expected a file. Make one: octo-console"
                + " token FILE"
        case .open(let path, let mode):
            "reading the tokens in \(path): found mode \(Self.octal(mode)), so others than its owner may read or change"
                + " it, expected 0600. Run 'chmod 600 \(path)'; where others had the time to read it, make new tokens: "
                + "octo-console token \(path) --replace"
        case .foreign(let path, let owner, let reader):
            "reading the tokens in \(path): found that it belongs to user \(owner), expected \(reader), who runs the "
                + "console, or root: its owner could change the tokens. Make your own file: octo-console token FILE"
        case .notTokens(let path, let problem):
            "reading the tokens in \(path): \(problem). Make new ones: octo-console token \(path) --replace"
        case .exists(let path):
            "making tokens in \(path): a file is there, and whoever uses its tokens would be locked out. Name another "
                + "file, or add --replace."
        case .notWritten(let error): "making tokens: \(error)"
        }
    }

    /// Writes a mode the way that chmod(1) takes it.
    private static func octal(_ mode: mode_t) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
