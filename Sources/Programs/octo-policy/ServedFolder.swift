import Files
import JSONTree
import Manifests

/// The folder whose checkpoints robots may ask for.
struct ServedFolder: Equatable {
    /// A robot asks for what is elsewhere.
    struct Outside: Error, Equatable, CustomStringConvertible {
        let path: String
        let folder: String
        var description: String {
            "looking for \(path): found it outside \(folder), expected everything that robots ask for inside. Put the "
                + "checkpoint there, or serve another folder (--folder)."
        }
    }

    /// Absolute, without links.
    let path: String

    /// Takes a folder; nil: it is not there.
    init?(_ path: String) {
        guard FileSystem.isFolder(path), let resolved = FileSystem.resolved(path) else { return nil }
        self.path = resolved
    }

    /// Reads the policy that a robot asks for. Where a file is, is judged before the disk is asked for it.
    /// - Throws: `AskedPolicyError`, `Outside`.
    func policy(_ section: JSONNode) throws -> AskedPolicy {
        let asked = try AskedPolicy(section, folder: path, files: nil).policy
        for file in [asked.checkpoint, asked.tokenizer].compactMap(\.self) { try require(file) }
        return try AskedPolicy(section, folder: path)
    }

    /// - Throws: `Outside`.
    private func require(_ file: String) throws(Outside) {
        let place = FileSystem.absolute(file, from: path)
        for candidate in [place, FileSystem.resolved(place) ?? place] {
            guard candidate == path || candidate.hasPrefix(path == "/" ? "/" : path + "/") else {
                throw Outside(path: file, folder: path)
            }
        }
    }
}
