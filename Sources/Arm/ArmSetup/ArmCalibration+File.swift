import Control
import Foundation
import Time

extension ArmCalibration {
    /// Reads a calibration file.
    package init(contentsOfFile path: String) throws {
        let text: Data
        do {
            text = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw UnreadableCalibration(path: path, reason: error.reason)
        }
        try self.init(parsing: text, file: path)
    }
}

/// A calibration file that cannot be read at all.
package struct UnreadableCalibration: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String {
        "reading the arm's calibration '\(path)': \(reason). Set arm.calibration to a calibration file, for example "
            + "calibration/widowx-250s.json."
    }
}
