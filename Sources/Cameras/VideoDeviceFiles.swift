import Glibc

/// A video device file, with its other names.
package struct VideoDeviceFiles: Equatable, Sendable {
    /// As the kernel calls it: `/dev/video0`.
    package var path: String
    /// Links to it that stay the same: by product, whatever else is plugged in; then by socket.
    package var names: [String]

    package init(path: String, names: [String]) {
        self.path = path
        self.names = names
    }

    /// - Parameter folder: `/dev`.
    /// - Returns: in the order of their numbers.
    package static func present(in folder: String) -> [VideoDeviceFiles] {
        var names: [String: [String]] = [:]
        for kind in ["by-id", "by-path"] {
            for link in entries(of: "\(folder)/v4l/\(kind)") {
                let path = "\(folder)/v4l/\(kind)/\(link)"
                if let target = resolved(path) { names[target, default: []].append(path) }
            }
        }
        return entries(of: folder).compactMap { name in
            name.hasPrefix("video") ? Int(name.dropFirst(5)).map { (number: $0, name: name) } : nil
        }.sorted { $0.number < $1.number }.map { entry in
            let path = "\(folder)/\(entry.name)"
            return VideoDeviceFiles(path: path, names: names[resolved(path) ?? path] ?? [])
        }
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            // The name is a C array of fixed size within the entry, closed by a zero byte.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
