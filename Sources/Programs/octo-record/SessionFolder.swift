import Foundation
import MCAPFiles
import Time

/// The folder of a run's episodes: one of its own, so that nothing of another run is ever written over.
struct SessionFolder {
    static let fileEnding = ".mcap"

    let path: String

    struct Failure: Error, CustomStringConvertible {
        let path: String
        let reason: String

        var description: String {
            "making the folder for episodes \(path): \(reason), expected a place where files can be written. Set "
                + "record.folder to another, or record.enabled to false."
        }
    }

    /// Holds the folder against the recorder of another run, as long as this process lives. flock(2).
    private let lock: Int32

    /// The folder of a run, the same for every recorder of it; two runs of one name that began in the same second have
    /// one each.
    /// - Parameters:
    ///   - folder: folder that the manifest names.
    ///   - name: name of the robot.
    ///   - time: wall time at which the run began, for people.
    init(in folder: String, name: String, time: String, runID: String) throws(Failure) {
        let stamp = time.map { $0 == ":" ? "-" : String($0) }.joined().trimmingCharacters(in: ["Z"])
        let first = "\(folder)/\(stamp)-\(name)"
        for number in 1...100 {
            let path = number == 1 ? first : "\(first)-\(number)"
            do {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            } catch {
                throw Failure(path: path, reason: error.reason)
            }
            // A folder of a disk that is mounted read-only is there, too.
            guard access(path, W_OK) == 0 else { throw Failure(path: path, reason: String(cString: strerror(errno))) }
            let lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard lock >= 0 else { throw Failure(path: path, reason: String(cString: strerror(errno))) }
            if flock(lock, LOCK_EX | LOCK_NB) == 0, Self.run(of: path).map({ $0 == runID }) ?? true {
                self.path = path
                self.lock = lock
                return
            }
            close(lock)
        }
        throw Failure(path: first, reason: "a hundred runs of this name began in that second")
    }

    /// The run whose episodes lie there, as the newest says; nil where none does.
    private static func run(of path: String) -> String? {
        guard let newest = newestEpisode(in: path), let file = try? MCAPFile(path: newest) else { return nil }
        return try? MCAPReader.metadata(named: "run", atBeginningOf: file)?.metadata["run_id"]
    }

    func path(of episode: String) -> String { "\(path)/\(episode)\(Self.fileEnding)" }

    /// The name, or the first of `name-2`, `name-3`, … that is not taken.
    func freeName(_ name: String) -> String {
        func isFree(_ name: String) -> Bool { !FileManager.default.fileExists(atPath: path(of: name)) }
        if name.isEmpty || isFree(name) { return name }
        return (2...).lazy.map { "\(name)-\($0)" }.first(where: isFree) ?? name
    }

    /// The file that was written last; nil where there is none. stat(2).
    var newestEpisode: String? { Self.newestEpisode(in: path) }

    private static func newestEpisode(in path: String) -> String? {
        func modified(_ path: String) -> Date {
            (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date ?? .distantPast
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(Self.fileEnding) }.map { "\(path)/\($0)" }.max {
            modified($0) < modified($1)
        }
    }

    /// Takes the folder away if the run left no episode in it.
    func removeIfEmpty() { rmdir(path) }

    /// Bytes that may still be written there; nil when the system does not say. statvfs(3).
    var freeBytes: UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
