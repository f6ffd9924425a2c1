import Evaluation
import Files
import Foundation
import NodeShell
import Time

/// Results on disk: read at the beginning, then one line after each trial.
final class ResultFile {
    private(set) var log: ResultLog
    private let path: String
    private let file: FileHandle

    /// Opens the file, or begins it. What was cut at its end is taken away. open(2), flock(2), ftruncate(2).
    init(_ path: String, settings: ResultLog.Settings) throws {
        self.path = path
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.unwritable(path, reason: SystemError(errno).description) }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw EvaluationError.inUse(path) }
        log = try ResultLog(parsing: file.readToEnd() ?? Data(), path: path, settings: settings)
        do {
            try file.truncate(atOffset: UInt64(log.wholeBytes))
            try file.seekToEnd()
            if log.wholeBytes == 0 { try file.write(contentsOf: Data((ResultLog.header(settings) + "\n").utf8)) }
        } catch {
            throw Self.unwritable(path, reason: error.reason)
        }
    }

    func add(_ result: TrialResult) throws {
        log.add(result)
        do {
            try file.write(contentsOf: Data((result.tree.text() + "\n").utf8))
        } catch {
            throw Self.unwritable(path, reason: error.reason)
        }
    }

    private static func unwritable(_ path: String, reason: String) -> WorkFailure {
        WorkFailure("writing \(path): \(reason), expected a file that can be written. Choose another path.")
    }
}
