import Files
import Glibc

/// Finds the run that a program beside it, such as `octo-bus`, is to join.
package enum RunSearch {
    /// The folder of a run whose launcher is alive.
    /// - Parameter folder: path of the run's folder, absolute or relative to the working folder; nil for the one run
    ///   that is alive.
    package static func folder(_ folder: String?) throws(RunSearchError) -> String {
        if let folder {
            let path = FileSystem.absolute(folder, from: FileSystem.workingFolder)
            if let target = FileSystem.resolved(path), let reason = RunFolder.reasonNotToTrust(target) {
                throw .foreign(reason: reason)
            }
            guard RunFolder.isLive(folder) else { throw .notRunning(folder: folder) }
            return folder
        }
        let base = base
        let live = RunFolder.findLive(in: base)
        guard let only = live.first else { throw .nothingRunning(base: base) }
        guard live.count == 1 else { throw .severalRunning(live) }
        return only
    }

    /// The folder in which this process looks for runs.
    package static var base: String {
        var environment: [String: String] = [:]
        for name in ["OCTO_RUN_BASE", "XDG_RUNTIME_DIR"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        return RunFolder.base(environment)
    }
}

/// Why there is no run to join.
package enum RunSearchError: Error, Equatable, CustomStringConvertible {
    case nothingRunning(base: String)
    case severalRunning([String])
    case notRunning(folder: String)
    /// The folder is of somebody else, or could be made by somebody else.
    case foreign(reason: String)

    package var description: String {
        switch self {
        case .nothingRunning(let base):
            "looking for a run: no robot is running (no live run in \(base)), and one is needed. Start one with "
                + "'octo-launch MANIFEST', or say where it is with --run FOLDER."
        case .severalRunning(let folders):
            "looking for a run: \(folders.count) are running, expected one. Choose with --run:"
                + folders.map { "\n  --run \($0)" }.joined()
        case .foreign(let reason):
            "looking for a run: \(reason), and one that nobody else could have made is needed. Name your own with "
                + "--run, or ask its user, or root."
        case .notRunning(let folder):
            "looking at \(folder): no octo-launch is alive there, and a running one is needed. Start it with "
                + "'octo-launch MANIFEST', or leave --run out to use the run that is alive."
        }
    }
}
