import ArmDrivers
import ArmLoop
import ArmSetup
import Control
import Foundation
import Geometry
import Launch
import RealTime
import Time

/// An arm that answers: its driver, and its calibration with the limits that its servos keep.
struct OpenedArm<Driver: ArmDriver> {
    let driver: Driver
    let calibration: ArmCalibration
}

/// Opens the arm of a manifest. Nothing moves by that.
extension Manifest.Arm {
    /// - Parameter memory: a file in which the servos outlive the process; nil: they stand where the manifest says.
    func open(_ simulated: Simulated, memory: String?) throws -> OpenedArm<SimulatedArm> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let start = try simulated.startPositions(of: calibration)
        guard let memory else {
            return OpenedArm(
                driver: SimulatedArm(positions: start, timeConstant: simulated.timeConstant), calibration: calibration)
        }
        let servos = try SimulatedServoMemory(path: memory, initial: SimulatedServos(positions: start, gripper: 1))
        return OpenedArm(
            driver: SimulatedArm(memory: servos, timeConstant: simulated.timeConstant), calibration: calibration)
    }

    /// - Parameter report: told what a control tick costs on the line.
    func open(
        dynamixel line: SerialLine, watchdog: Duration, report: (ServoBudget) -> Void
    ) throws -> OpenedArm<DynamixelArm<SerialPort>> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let layout = try ServoLayout(self, of: .dynamixel, calibration: calibration)
        let driver = try DynamixelArm(
            port: SerialPort(path: line.port, baud: line.baud), baud: line.baud, layout: layout, watchdog: watchdog,
            portName: line.port)
        try check(driver.budget, report)
        return OpenedArm(driver: driver, calibration: calibration.narrowed(to: layout))
    }

    /// - Parameter report: told what a control tick costs on the line.
    func open(
        feetech line: SerialLine, report: (ServoBudget) -> Void
    ) throws -> OpenedArm<FeetechArm<SerialPort>> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let layout = try ServoLayout(self, of: .feetech, calibration: calibration)
        let driver = try FeetechArm(
            port: SerialPort(path: line.port, baud: line.baud), baud: line.baud, layout: layout, portName: line.port)
        try check(driver.budget, report)
        return OpenedArm(driver: driver, calibration: calibration.narrowed(to: layout))
    }

    private func check(_ budget: ServoBudget, _ report: (ServoBudget) -> Void) throws {
        report(budget)
        guard controlRate.hertz <= budget.highestHertz else {
            throw ServoStartError.notEnoughTime(
                rateHertz: controlRate.hertz, highestHertz: budget.highestHertz, bytes: budget.bytesPerTick, baud: budget.baud)
        }
    }

    /// The calibration that the arm's control loop goes by, read without opening the arm.
    func readCalibration() throws -> ArmCalibration {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        switch driver {
        case .simulated: return calibration
        case .dynamixel: return calibration.narrowed(to: try ServoLayout(self, of: .dynamixel, calibration: calibration))
        case .feetech: return calibration.narrowed(to: try ServoLayout(self, of: .feetech, calibration: calibration))
        }
    }
}

extension ServoLayout {
    /// The servos of the calibration file that a manifest names.
    fileprivate init(
        _ section: Manifest.Arm, of wanted: ServoProtocolName, calibration: ArmCalibration
    ) throws {
        let text = try Data(contentsOf: URL(fileURLWithPath: section.calibration))
        let layout = try ServoLayout(calibration: text, file: section.calibration, joints: calibration.joints.count)
        guard layout.servoProtocol == wanted else {
            throw ArmNodeError.otherServos(
                driver: wanted.rawValue, calibration: section.calibration, found: layout.servoProtocol.rawValue)
        }
        self = layout
    }
}

extension ArmControlLoop {
    /// Starts the thread with the rights that the manifest asks for.
    /// - Returns: what it runs with. Lacking rights are an error only where the manifest says so.
    func start(as wanted: Manifest.Arm.RealTime) throws -> RealTimeReport {
        let rights = try start(
            rights: RealTimeRights(
                fifoPriority: wanted.priority > 0 ? wanted.priority : nil, locksMemory: wanted.locksMemory,
                cpu: wanted.cpu))
        guard rights.isComplete || !wanted.isRequired else {
            _ = end()
            throw ArmNodeError.lacksRights(rights)
        }
        return rights
    }
}
