import Glibc

/// Keeps calibration files: whole or not at all, and never without the one before.
package struct CalibrationFile: Equatable, Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The file in which a calibration that is under way is kept.
    package var draft: Self { Self(path: path + ".draft") }

    /// - Returns: nil if there is no such file.
    package func read() throws(CalibrationFileError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw CalibrationFileError(path: path, step: "reading", errno: errno)
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 { throw CalibrationFileError(path: path, step: "reading", errno: errno) }
            if count == 0 { return content }
            content += piece[..<count]
        }
    }

    /// Puts `text` in the place of what was there, at once: whoever reads sees the old file or the new one.
    package func write(_ text: String) throws(CalibrationFileError) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CalibrationFileError(path: path, step: "writing", errno: errno) }
        var rest = Array(text.utf8)[...]
        var problem: Int32 = 0
        while !rest.isEmpty, problem == 0 {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { problem = errno }
        }
        if problem == 0, fsync(descriptor) != 0 { problem = errno }
        close(descriptor)
        if problem == 0, rename(temporary, path) != 0 { problem = errno }
        guard problem == 0 else {
            unlink(temporary)
            throw CalibrationFileError(path: path, step: "writing", errno: problem)
        }
        syncFolder()
    }

    /// Keeps what is there under a name of its own.
    /// - Parameter stamp: part of that name, such as `2026-01-31T12-00-00`.
    /// - Returns: its path; nil if there is nothing.
    package func keepOld(stamp: String) throws(CalibrationFileError) -> String? {
        let stem = path.hasSuffix(".json") ? String(path.dropLast(5)) : path
        for attempt in 0..<100 {
            let kept = "\(stem).\(stamp)\(attempt == 0 ? "" : "-\(attempt)").json"
            if link(path, kept) == 0 { return kept }
            if errno == ENOENT { return nil }
            if errno != EEXIST {
                throw CalibrationFileError(path: kept, step: "keeping the old calibration as", errno: errno)
            }
        }
        throw CalibrationFileError(path: stem, step: "keeping the old calibration beside", errno: EEXIST)
    }

    package func remove() { unlink(path) }

    /// So that the new name outlasts a power cut.
    private func syncFolder() {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}

package struct CalibrationFileError: Error, Equatable, CustomStringConvertible {
    package var path: String
    package var step: String
    package var errno: Int32

    package init(path: String, step: String, errno: Int32) {
        self.path = path
        self.step = step
        self.errno = errno
    }

    package var description: String {
        "\(step) '\(path)': \(String(cString: strerror(errno))), expected a file in a folder that can be written. "
            + "Choose another --calibration, or mend the rights of its folder."
    }
}
