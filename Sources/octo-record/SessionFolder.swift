import Foundation
import Time

/// Where a run's episodes lie: a folder of its own, so that nothing of another run is ever written over.
struct SessionFolder {
    static let fileEnding = ".mcap"

    let path: String

    struct Failure: Error, CustomStringConvertible {
        let path: String
        let reason: String

        var description: String {
            "making the folder for episodes \(path): \(reason), expected a place where files can be written. Set record.folder "
                + "to another, or record.enabled to false."
        }
    }

    /// - Parameters:
    ///   - folder: the manifest's.
    ///   - name: of the robot.
    ///   - time: when the run began, for people.
    init(in folder: String, name: String, time: String) throws(Failure) {
        let stamp = time.map { $0 == ":" ? "-" : String($0) }.joined().trimmingCharacters(in: ["Z"])
        path = "\(folder)/\(stamp)-\(name)"
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure(path: path, reason: error.reason)
        }
        // A folder of a disk that is mounted read-only is there, too.
        guard access(path, W_OK) == 0 else { throw Failure(path: path, reason: String(cString: strerror(errno))) }
    }

    func path(of episode: String) -> String { "\(path)/\(episode)\(Self.fileEnding)" }

    /// The name, or the first of `name-2`, `name-3`, … that is not taken.
    func freeName(_ name: String) -> String {
        func isFree(_ name: String) -> Bool { !FileManager.default.fileExists(atPath: path(of: name)) }
        if name.isEmpty || isFree(name) { return name }
        return (2...).lazy.map { "\(name)-\($0)" }.first(where: isFree) ?? name
    }

    /// Bytes that may still be written there; nil when the system does not say. statvfs(3).
    var freeBytes: UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
