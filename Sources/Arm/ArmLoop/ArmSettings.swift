import ArmDrivers
import Files
import Kinematics
import Manifests
import Maths
import RealTime

/// Why the arm that a manifest describes cannot be driven.
package enum ArmSettingsError: Error, Equatable, CustomStringConvertible {
    case wrongStartPosition(found: Int, calibration: String, joints: Int)
    case otherServos(driver: String, calibration: String, found: String)

    package var description: String {
        switch self {
        case .wrongStartPosition(let found, let calibration, let joints):
            "arm.simulated.initial_rad has \(found) numbers, '\(calibration)' has \(joints) joints. Give one angle "
                + "each."
        case .otherServos(let driver, let calibration, let found):
            "reading the servos of '\(calibration)': they are \(found) servos, arm.driver is \(driver). Set "
                + "arm.driver to \(found), or arm.calibration to this arm's file."
        }
    }
}

extension Manifest.Arm {
    /// The calibration that the arm's control loop goes by, read without opening the arm.
    /// - Throws: `UnreadableCalibration`, `JSONFileError`, and as `readServos`.
    package func readCalibration() throws -> ArmCalibration {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        switch driver {
        case .simulated: return calibration
        case .dynamixel: return calibration.narrowed(to: try readServos(.dynamixel, of: calibration))
        case .feetech: return calibration.narrowed(to: try readServos(.feetech, of: calibration))
        }
    }

    /// The servos in the calibration file, which have to be of the driver's family.
    /// - Throws: `FileError`, `JSONFileError`, `ArmSettingsError.otherServos`.
    package func readServos(
        _ wanted: ServoLayout.ServoProtocolName, of arm: ArmCalibration
    ) throws -> ServoLayout {
        let text = try FileSystem.read(calibration)
        let layout = try ServoLayout(calibration: text, file: calibration, joints: arm.joints.count)
        guard layout.servoProtocol == wanted else {
            throw ArmSettingsError.otherServos(
                driver: wanted.rawValue, calibration: calibration, found: layout.servoProtocol.rawValue)
        }
        return layout
    }
}

extension Manifest.Arm.Simulated {
    /// Positions of the simulated arm at first, radians: as the manifest says, or the calibration's neutral pose.
    package func startPositions(of calibration: ArmCalibration) throws(ArmSettingsError) -> JointVector {
        guard let given = initialPositions else { return calibration.neutral }
        guard given.count == calibration.joints.count else {
            throw .wrongStartPosition(
                found: given.count, calibration: calibration.name, joints: calibration.joints.count)
        }
        return JointVector(given)
    }
}

extension RealTimeRights {
    /// The rights that the manifest asks for.
    package init(_ section: Manifest.Arm.RealTime) {
        self.init(
            fifoPriority: section.priority > 0 ? section.priority : nil, locksMemory: section.locksMemory,
            cpu: section.cpu)
    }
}
