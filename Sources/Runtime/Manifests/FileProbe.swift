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
