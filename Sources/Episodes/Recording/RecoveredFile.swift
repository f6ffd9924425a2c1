import MCAPFiles
import Glibc

/// A mended episode on its way to the disk: whole under its name, or not there at all.
package enum RecoveredFile {
    /// Path of the recovered file: `grasp.mcap` gives `grasp.recovered.mcap`.
    package static func path(beside path: String) -> String {
        (path.hasSuffix(".mcap") ? String(path.dropLast(5)) : path) + ".recovered.mcap"
    }

    /// Makes a file of what can be read of another. open(2), write(2), fsync(2), link(2), rename(2).
    /// - Parameters:
    ///   - reader: reader of the old file, whose first compression the new one has too.
    ///   - replaces: whether a file that is already there is replaced.
    package static func make(
        of source: MCAPFile, compressedAs reader: MCAPReader, at path: String, replaces: Bool
    ) throws(RecoveredFileError) -> MCAPRecovery.Report {
        guard replaces || access(path, F_OK) != 0 else { throw .exists(path) }
        let draft = path + ".\(getpid()).part"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .output(.file(path: draft, step: "creating", errno: errno)) }
        var isDone = false
        defer {
            close(descriptor)
            if !isDone { unlink(draft) }
        }
        var options = MCAPWriter.Options()
        if let name = reader.compression.keys.sorted().last, let same = MCAP.Compression(named: name) {
            options.compression = same
        }
        var outputProblem: MCAPError?
        let report: MCAPRecovery.Report
        do throws(MCAPError) {
            report = try MCAPRecovery.recover(source, options: options) { (bytes) throws(MCAPError) in
                do throws(MCAPError) {
                    try write(bytes, to: descriptor, path: draft)
                } catch {
                    outputProblem = error
                    throw error
                }
            }
        } catch {
            throw outputProblem.map { .output($0) } ?? .input(error)
        }
        guard fsync(descriptor) == 0 else {
            throw .output(.file(path: draft, step: "writing to the disk under", errno: errno))
        }
        if replaces {
            guard rename(draft, path) == 0 else { throw .output(.file(path: path, step: "renaming to", errno: errno)) }
            isDone = true
        } else {
            // Unlike rename(2), link(2) fails where somebody else made the file meanwhile.
            guard link(draft, path) == 0 else {
                throw errno == EEXIST ? .exists(path) : .output(.file(path: path, step: "naming", errno: errno))
            }
        }
        return report
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(MCAPError) {
        var start = 0
        while start < bytes.count {
            let put = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + start }, bytes.count - start)
            }
            if put > 0 {
                start += put
            } else if put == 0 || errno != EINTR {
                throw .file(path: path, step: "writing", errno: put == 0 ? EIO : errno)
            }
        }
    }
}

/// Why no recovered file could be made.
package enum RecoveredFileError: Error, CustomStringConvertible {
    case exists(String)
    case input(MCAPError)
    case output(MCAPError)

    package var isAboutOutput: Bool {
        switch self {
        case .output, .exists: true
        case .input: false
        }
    }

    package var description: String {
        switch self {
        case .exists(let path):
            "writing \(path): a file of that name is there, expected none. Give another with --out FILE, or replace "
                + "it with --force."
        case .input(let problem), .output(let problem): "\(problem)"
        }
    }
}
