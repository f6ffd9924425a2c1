import JSONTree
import Kinematics
import Manifests
import Recording

/// The robot of an episode, as its file describes it.
struct EpisodeSetup {
    let manifest: Manifest

    enum Failure: Error, CustomStringConvertible {
        case lacks(path: String, attachment: String)

        var description: String {
            switch self {
            case .lacks(let path, let attachment):
                "reading episode \(path): '\(attachment)' is not attached, expected it in what octo-record writes. "
                    + "Was the file recorded by something else, or cut before its beginning?"
            }
        }
    }

    /// Reads the manifest in an episode's file.
    /// - Throws: `Failure`, `ManifestError`.
    init(_ episode: EpisodeFile) throws {
        manifest = try Manifest(
            parsing: Self.attachment("manifest.json", of: episode), path: "\(episode.path): manifest.json", folder: "/",
            workingFolder: "/", files: nil)
    }

    /// Reads the arm's calibration in an episode's file.
    /// - Throws: `Failure`, `JSONFileError`.
    func calibration(of episode: EpisodeFile) throws -> ArmCalibration {
        try ArmCalibration(
            parsing: Self.attachment("calibration/arm.json", of: episode), file: "\(episode.path): calibration/arm.json"
        )
    }

    private static func attachment(_ name: String, of episode: EpisodeFile) throws -> [UInt8] {
        guard let content = try episode.attachment(named: name) else {
            throw Failure.lacks(path: episode.path, attachment: name)
        }
        return content
    }
}
