/// Why a run folder cannot be used.
package enum RunFolderError: Error, Equatable {
    /// A system call failed.
    case failed(doing: String, path: String, reason: String)
    case notAFolder(path: String)
    case foreignOwner(path: String, owner: UInt32, user: UInt32)
    case writableByOthers(path: String, mode: UInt32)
    case busy(path: String, launcher: Int32?)
    case pathTooLong(path: String, bytes: Int, maximum: Int)
    case noRun(path: String)
    case damaged(path: String, problem: String)
    case unknownNode(path: String, node: String, known: [String])
    /// An arm cannot be made known to `octo-arm stop`.
    case notRegistered(path: String, reason: String)
}

extension RunFolderError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .failed(let doing, let path, let reason):
            "\(doing) \(path): \(reason). Choose a folder you may write to with octo-launch --run-folder DIR, or set "
                + "OCTO_RUN_BASE."
        case .notAFolder(let path):
            "opening the run folder \(path): found something else, expected a folder of yours that is no link. Remove "
                + "it, or choose another with octo-launch --run-folder DIR."
        case .foreignOwner(let path, let owner, let user):
            "opening the run folder \(path): found that it belongs to user \(owner), expected user \(user). Choose a "
                + "folder of your own with octo-launch --run-folder DIR, or set OCTO_RUN_BASE."
        case .writableByOthers(let path, let mode):
            "opening the run folder \(path): found mode 0\(String(mode, radix: 8)), expected one that nobody else can "
                + "write to, since who writes there can command the arm. Run chmod 700 \(path)."
        case .busy(let path, let launcher):
            "locking the run folder \(path): found that it is in use\(launcher.map { " by process \($0)" } ?? ""), "
                + "expected nobody else there. Stop that one "
                + "(\(launcher.map { "kill \($0)" } ?? "Ctrl-C in its terminal")), or take another folder: "
                + "octo-launch --set name=OTHER, octo-replay bus --run DIR."
        case .pathTooLong(let path, let bytes, let maximum):
            "making the socket \(path): found a path of \(bytes) bytes, expected at most \(maximum). Choose a shorter "
                + "folder with octo-launch --run-folder DIR or OCTO_RUN_BASE, or set bus.transport=tcp."
        case .noRun(let path):
            "reading \(path): found no such file, expected the description of a run. Start one with octo-launch, or "
                + "give the run folder it printed with --run."
        case .damaged(let path, let problem):
            "reading \(path): \(problem), expected what octo-launch writes. Stop the launcher of this folder and start "
                + "it again."
        case .notRegistered(let path, let reason):
            "making this arm known in \(path): found that \(reason), expected a folder of yours that nobody else can "
                + "write to. Without it 'octo-arm stop' would miss the arm: have it removed (as root: rm -r \(path)), "
                + "then start again."
        case .unknownNode(let path, let node, let known):
            "looking up '\(node)' in the run \(path): found no such process, expected one of "
                + "\(known.joined(separator: ", ")). Give one of these with --node."
        }
    }
}
