import Glibc

/// Why a file could not be read or written; the path is as it was given.
package enum FileError: Error, Equatable, Sendable {
    case missing(path: String)
    /// A file could not be read: a system call failed with `errno`.
    case unreadable(path: String, errno: Int32)
    /// The path is that of no regular file: a folder, a device, a pipe.
    case notAFile(path: String)
    case tooLarge(path: String, bytes: Int, limit: Int)
    case notWritten(path: String, errno: Int32)
}

extension FileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path):
            "reading \(path): nothing is there, expected a file or folder of that name. Paths that do not start with / "
                + "count from the folder the program was started in: correct the path, or put it there."
        case .unreadable(let path, let errno):
            "reading \(path): \(Self.text(errno)), expected a readable file. Check its owner and permissions "
                + "(ls -l \(path))."
        case .notAFile(let path):
            "reading \(path): it is a folder or a device, expected a file. Name a file, such as one in that folder."
        case .tooLarge(let path, let bytes, let limit):
            "reading \(path): it has \(bytes) bytes, expected at most \(limit). It is hardly the file that was meant: "
                + "correct the path, or make it smaller."
        case .notWritten(let path, let errno):
            "writing \(path): \(Self.text(errno)), expected to create it. Check that its folder exists, may be "
                + "written to and has space left (df)."
        }
    }

    /// The system's words for an errno. strerror(3).
    private static func text(_ errno: Int32) -> String {
        strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
    }
}
