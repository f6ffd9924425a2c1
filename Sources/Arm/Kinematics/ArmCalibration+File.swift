import Files

extension ArmCalibration {
    /// Reads a calibration file.
    package init(contentsOfFile path: String) throws {
        let text: [UInt8]
        do throws(FileError) {
            text = try FileSystem.read(path)
        } catch {
            throw UnreadableCalibration(path: path, reason: error.found)
        }
        try self.init(parsing: text, file: path)
    }
}

/// A calibration file that cannot be read at all.
package struct UnreadableCalibration: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String {
        "reading the calibration '\(path)' of an arm: \(reason). Name a calibration file (arm.calibration in a "
            + "manifest, or the option that was given), for example calibration/widowx-250s.json, or a copy of it."
    }
}
