import Glibc

/// What the manifest's check asks about files; tests answer for a disk that is not there.
package struct FileProbe: Sendable {
    package enum Kind: Sendable {
        case file
        case folder
    }
    /// What lies at an absolute path; nil when nothing does, or something that is neither file nor folder.
    package var kind: @Sendable (_ path: String) -> Kind?
    /// The names in a folder, in no particular order; empty when it cannot be read.
    package var names: @Sendable (_ folder: String) -> [String]

    package init(
        kind: @escaping @Sendable (_ path: String) -> Kind?, names: @escaping @Sendable (_ folder: String) -> [String]
    ) {
        self.kind = kind
        self.names = names
    }

    /// The real disk. stat(2), readdir(3).
    package static let disk = FileProbe(
        kind: { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            return switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            default: nil
            }
        },
        names: { folder in
            guard let stream = opendir(folder) else { return [] }
            defer { closedir(stream) }
            var names: [String] = []
            while let entry = readdir(stream) {
                // The name is a C array of fixed size within the entry, closed by a zero byte.
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != "." && name != ".." { names.append(name) }
            }
            return names
        })
}

/// Reading and resolving paths, each system call in one place.
enum FileSystem {
    /// The whole content of a file, or the errno that stood in the way. open(2), read(2).
    static func read(_ path: String) -> Result<[UInt8], SystemError> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(SystemError(errno)) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return .success(content) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(SystemError(errno))
            }
            content.append(contentsOf: buffer[..<count])
        }
    }

    /// Replaces a file as a whole: a reader sees the old content or the new, never a part. rename(2).
    static func replace(_ path: String, with text: String, mode: mode_t) -> SystemError? {
        let draft = path + ".new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { return SystemError(errno) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let error = SystemError(errno)
                close(descriptor)
                unlink(draft)
                return error
            }
            bytes = bytes.dropFirst(count)
        }
        guard close(descriptor) == 0, rename(draft, path) == 0 else { return SystemError(errno) }
        return nil
    }

    /// The path without symbolic links, or nil when nothing is there. realpath(3).
    static func resolved(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    /// Where this process stands. getcwd(3).
    static var workingFolder: String { resolved(".") ?? "/" }

    /// `path` as seen from `folder`, without `.`, `..` and doubled slashes. Links in `path` itself are not followed.
    static func absolute(_ path: String, from folder: String) -> String {
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : folder + "/" + path).split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The folder a path lies in.
    static func folder(of path: String) -> String { absolute("..", from: path) }
}

/// An errno with its text.
struct SystemError: Error, Equatable, CustomStringConvertible {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    var description: String { String(cString: strerror(number)) }
}
