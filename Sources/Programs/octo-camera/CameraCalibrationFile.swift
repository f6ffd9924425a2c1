import Cameras
import Files
import Glibc
import NodeShell

/// Writes settings into a camera's calibration file; what else is in it stays.
struct CameraCalibrationFile {
    let path: String

    /// - Throws: `JSONFileError` of a file that is there and broken, `FileError` of one that cannot be read,
    ///   `WorkFailure` where it cannot be written.
    func save(_ controls: [ControlSetting]) throws {
        let folder = FileSystem.folder(of: FileSystem.absolute(path, from: FileSystem.workingFolder))
        var present: [UInt8]?
        do throws(FileError) {
            present = try FileSystem.read(path, limit: 1 << 20)
        } catch .missing {
            try working { try FileSystem.makeFolders(folder) }
        }
        let hasSchema = access(FileSystem.folder(of: folder) + "/camera-schema.json", F_OK) == 0
        let text = try CameraCalibration.text(
            with: controls, over: present, schema: hasSchema ? "../camera-schema.json" : nil, path: path)
        try working { try FileSystem.replace(path, with: text) }
    }
}
