import Files

extension ArmCalibration {
    /// Reads a calibration file.
    package init(contentsOfFile path: String) throws {
        switch FileSystem.read(path) {
        case .success(let text): try self.init(parsing: text, file: path)
        case .failure(let error): throw UnreadableCalibration(path: path, reason: error.description)
        }
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
