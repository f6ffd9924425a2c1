import Glibc

/// Why a file could not be read or written; the path is as it was given.
package enum FileError: Error, Equatable, Sendable {
    case missing(path: String)
    /// A file could not be read: a system call failed with `errno`.
    case unreadable(path: String, errno: Int32)
    /// The path is that of no file: a folder, a device, a pipe that nobody writes to.
    case notAFile(path: String)
    /// The file has more bytes than may be read; `bytes` is nil for one that does not say how many, a pipe.
    case tooLarge(path: String, bytes: Int?, limit: Int)
    case notWritten(path: String, errno: Int32)

    /// What was found, to be put into a sentence that names the file itself.
    package var found: String {
        switch self {
        case .missing: SystemError(ENOENT).description
        case .unreadable(_, let errno), .notWritten(_, let errno): SystemError(errno).description
        case .notAFile: "it is a folder or a device"
        case .tooLarge(_, let bytes, let limit):
            "it has \(bytes.map { "\($0)" } ?? "more") bytes, expected at most \(limit)"
        }
    }
}

extension FileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path):
            "reading \(path): nothing is there, expected a file or folder of that name. Paths that do not start with / "
                + "count from the folder the program was started in: correct the path, or put it there."
        case .unreadable(let path, _):
            "reading \(path): \(found), expected a readable file. Check its owner and permissions (ls -l \(path))."
        case .notAFile(let path):
            "reading \(path): \(found), expected a file. Name a file, such as one in that folder."
        case .tooLarge(let path, _, _):
            "reading \(path): \(found). It is hardly the file that was meant: correct the path, or make it smaller."
        case .notWritten(let path, _):
            "writing \(path): \(found), expected to create it. Check that its folder exists, may be written to and has "
                + "space left (df)."
        }
    }
}

/// A system call's failure: its errno, with the system's text.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    /// The system's words for it. strerror(3).
    package var description: String { strerror(number).map { String(cString: $0) } ?? "error \(number)" }
}
