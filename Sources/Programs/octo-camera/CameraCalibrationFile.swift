import Files
import Cameras
import Foundation
import Images

/// Writes settings into a camera's calibration file; what else is in it stays.
struct CameraCalibrationFile {
    let path: String

    /// Writes the controls into the file, which is made if it is not there.
    /// - Throws: `JSONFileError` when a file is there and broken, `FileError`.
    func save(_ controls: [ControlSetting]) throws {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent()
        var present: [UInt8]?
        if FileManager.default.fileExists(atPath: path) {
            let file = try SharedBytes(contentsOf: path, limit: 1 << 20)
            present = withExtendedLifetime(file) { Array(file.bytes) }
        } else {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        let hasSchema = FileManager.default.fileExists(
            atPath: folder.deletingLastPathComponent().appendingPathComponent("camera-schema.json").path)
        let text = try CameraCalibration.text(
            with: controls, over: present, schema: hasSchema ? "../camera-schema.json" : nil, path: path)
        try SharedBytes(copying: Array(text.utf8)).write(to: path)
    }
}
