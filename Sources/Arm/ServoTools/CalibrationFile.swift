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
        do throws(FileError) {
            return try FileSystem.read(path)
        } catch .missing {
            return nil
        } catch {
            throw CalibrationFileError(path: path, step: "reading", problem: error.found)
        }
    }

    /// Puts `text` in the place of what was there, at once: whoever reads sees the old file or the new one.
    package func write(_ text: String) throws(CalibrationFileError) {
        do throws(FileError) {
            try FileSystem.replace(path, with: text, mode: 0o644)
        } catch {
            throw CalibrationFileError(path: path, step: "writing", problem: error.found)
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
                throw CalibrationFileError(
                    path: kept, step: "keeping the old calibration as", problem: SystemError(errno).description)
            }
        }
        throw CalibrationFileError(
            path: stem, step: "keeping the old calibration beside", problem: SystemError(EEXIST).description)
    }

    /// Removes the file, if it is there. unlink(2).
    package func remove() { unlink(path) }
}

/// Why a calibration file cannot be read or written.
package struct CalibrationFileError: Error, Equatable, CustomStringConvertible {
    package var path: String
    package var step: String
    /// What stood in the way.
    package var problem: String

    package init(path: String, step: String, problem: String) {
        self.path = path
        self.step = step
        self.problem = problem
    }

    package var description: String {
        "\(step) '\(path)': \(problem), expected a file in a folder that can be written. "
            + "Choose another --calibration, or mend the rights of its folder."
    }
}
