import Foundation
import Kinematics

/// The calibration file that ships for one arm.
/// - Parameter name: of the file in `calibration/`, without `.json`.
package func shippedCalibration(_ name: String) throws -> ArmCalibration {
    let path = "calibration/\(name).json"
    return try ArmCalibration(
        parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(path)), file: path)
}

/// The arm of most tests: a WidowX 250s with six joints.
package func widowX() throws -> ArmCalibration { try shippedCalibration("widowx-250s") }
