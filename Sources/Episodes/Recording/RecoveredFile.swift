import Files
import Glibc
import MCAPFiles

/// A mended episode on its way to the disk: whole under its name, or not there at all.
package enum RecoveredFile {
    /// Path of the recovered file: `grasp.mcap` gives `grasp.recovered.mcap`.
    package static func path(beside path: String) -> String {
        (path.hasSuffix(".mcap") ? String(path.dropLast(5)) : path) + ".recovered.mcap"
    }

    /// Makes a file of what can be read of another.
    /// - Parameters:
    ///   - reader: reader of the old file, whose first compression the new one has too.
    ///   - replaces: whether a file that is already there is replaced.
    package static func make(
        of source: MCAPFile, compressedAs reader: MCAPReader, at path: String, replaces: Bool
    ) throws(RecoveredFileError) -> MCAPRecovery.Report {
        guard replaces || access(path, F_OK) != 0 else { throw .exists(path) }
        let draft: Draft
        do throws(FileError) {
            draft = try Draft(ofFile: path)
        } catch {
            throw .output(MCAPError(error, path: path, step: "creating"))
        }
        var options = MCAPWriter.Options()
        if let name = reader.compression.keys.sorted().last, let same = MCAP.Compression(named: name) {
            options.compression = same
        }
        var outputProblem: MCAPError?
        let report: MCAPRecovery.Report
        do throws(MCAPError) {
            report = try MCAPRecovery.recover(source, options: options) { (bytes) throws(MCAPError) in
                do throws(FileError) {
                    try draft.write(bytes)
                } catch {
                    let problem = MCAPError(error, path: path, step: "writing")
                    outputProblem = problem
                    throw problem
                }
            }
        } catch {
            throw outputProblem.map { .output($0) } ?? .input(error)
        }
        do throws(FileError) {
            try draft.commit(by: replaces ? Draft.rename : Draft.link)
        } catch .notWritten(_, errno: EEXIST) where !replaces {
            throw .exists(path)
        } catch {
            throw .output(MCAPError(error, path: path, step: "writing to the disk under"))
        }
        return report
    }
}

extension MCAPError {
    /// A file that could not be written, in the words of an MCAP file.
    fileprivate init(_ error: FileError, path: String, step: String) {
        let problem: Int32 = if case .notWritten(_, let errno) = error { errno } else { EIO }
        self = .file(path: path, step: step, errno: problem)
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
