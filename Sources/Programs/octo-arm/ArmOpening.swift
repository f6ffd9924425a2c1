import ArmDrivers
import ArmLoop
import Kinematics
import Manifests
import Time

/// An arm that answers: its driver, and its calibration with the limits that its servos keep.
struct OpenedArm<Driver: ArmDriver> {
    let driver: Driver
    let calibration: ArmCalibration
}

/// What a person is told of the servo bus when an arm is opened.
enum LineReport {
    case cost(String)
    case warning(String)
}

// Opens the arm of a manifest. Nothing moves by that.
extension Manifest.Arm {
    /// Opens a simulated arm.
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

    /// Opens an arm of Dynamixel servos.
    /// - Parameters:
    ///   - torque: whether it may come on already.
    ///   - report: told what a control tick costs on the line, and what is wrong with that although it may do.
    func open(
        dynamixel line: SerialLine, watchdog: Duration, torque: TorqueAtStart = .on, report: (LineReport) -> Void
    ) throws -> OpenedArm<DynamixelArm<SerialPort>> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let layout = try readServos(.dynamixel, of: calibration)
        let port = try SerialPort(path: line.port, baud: line.baud)
        let driver = try DynamixelArm(
            port: port, baud: line.baud, layout: layout, watchdog: watchdog,
            period: controlRate.period, torque: torque, portName: line.port)
        try check(driver.budget, driver.lineCost, of: port, report)
        return OpenedArm(driver: driver, calibration: calibration.narrowed(to: layout))
    }

    /// Opens an arm of Feetech servos.
    /// - Parameters:
    ///   - torque: whether it may come on already.
    ///   - report: told what a control tick costs on the line, and what is wrong with that although it may do.
    func open(
        feetech line: SerialLine, torque: TorqueAtStart = .on, report: (LineReport) -> Void
    ) throws -> OpenedArm<FeetechArm<SerialPort>> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let layout = try readServos(.feetech, of: calibration)
        let port = try SerialPort(path: line.port, baud: line.baud)
        let driver = try FeetechArm(
            port: port, baud: line.baud, layout: layout,
            period: controlRate.period, torque: torque, portName: line.port)
        try check(driver.budget, driver.lineCost, of: port, report)
        return OpenedArm(driver: driver, calibration: calibration.narrowed(to: layout))
    }

    /// Tells what a control tick costs on the line, and refuses a line on which it takes too long.
    private func check(
        _ budget: ServoBudget, _ cost: LineCost?, of port: SerialPort, _ report: (LineReport) -> Void
    ) throws(ServoStartError) {
        report(.cost("\(budget)\(cost.map { "; \($0)" } ?? "")"))
        let warning = try budget.check(
            cost, rate: controlRate, timer: SlowLine.latencyTimer(of: port.path), refusal: port.lowLatencyRefusal)
        if let warning { report(.warning(warning)) }
    }
}
