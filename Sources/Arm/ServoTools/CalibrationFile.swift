import Files
import Glibc

/// Keeps calibration files: whole or not at all, and never without the one before.
package struct CalibrationFile: Equatable, Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The file in which a calibration that is under way is kept.
    package var draft: Self { Self(path: path + ".draft") }

    /// Reads the whole file.
    /// - Returns: nil if there is no such file.
    package func read() throws(CalibrationFileError) -> [UInt8]? {
        switch FileSystem.read(path) {
        case .success(let content): return content
        case .failure(let problem) where problem.number == ENOENT: return nil
        case .failure(let problem): throw CalibrationFileError(path: path, step: "reading", errno: problem.number)
        }
    }

    /// Puts `text` in the place of what was there, at once: whoever reads sees the old file or the new one.
    package func write(_ text: String) throws(CalibrationFileError) {
        if let problem = FileSystem.replace(path, with: text, mode: 0o644) {
            throw CalibrationFileError(path: path, step: "writing", errno: problem.number)
        }
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

    /// Removes the file, if it is there. unlink(2).
    package func remove() { unlink(path) }
}

/// Why a calibration file cannot be read or written.
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
