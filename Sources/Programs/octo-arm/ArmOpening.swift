import ArmDrivers
import ArmLoop
import Kinematics
import Foundation
import Manifests
import Maths
import RealTime
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

    /// - Parameters:
    ///   - torque: whether it may come on already.
    ///   - report: told what a control tick costs on the line, and what is wrong with that although it may do.
    func open(
        dynamixel line: SerialLine, watchdog: Duration, torque: TorqueAtStart = .on, report: (LineReport) -> Void
    ) throws -> OpenedArm<DynamixelArm<SerialPort>> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let layout = try ServoLayout(self, of: .dynamixel, calibration: calibration)
        let port = try SerialPort(path: line.port, baud: line.baud)
        let driver = try DynamixelArm(
            port: port, baud: line.baud, layout: layout, watchdog: watchdog,
            period: controlRate.period, torque: torque, portName: line.port)
        try check(driver.budget, driver.lineCost, port, report)
        return OpenedArm(driver: driver, calibration: calibration.narrowed(to: layout))
    }

    /// - Parameters: as above.
    func open(
        feetech line: SerialLine, torque: TorqueAtStart = .on, report: (LineReport) -> Void
    ) throws -> OpenedArm<FeetechArm<SerialPort>> {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        let layout = try ServoLayout(self, of: .feetech, calibration: calibration)
        let port = try SerialPort(path: line.port, baud: line.baud)
        let driver = try FeetechArm(
            port: port, baud: line.baud, layout: layout,
            period: controlRate.period, torque: torque, portName: line.port)
        try check(driver.budget, driver.lineCost, port, report)
        return OpenedArm(driver: driver, calibration: calibration.narrowed(to: layout))
    }

    /// Half of all answers have to be there in time: that is the line. That one in a hundred is late may be a busy
    /// machine, and is told.
    private func check(
        _ budget: ServoBudget, _ cost: LineCost?, _ port: SerialPort, _ report: (LineReport) -> Void
    ) throws(ServoStartError) {
        let period = controlRate.period.inSeconds
        report(.cost("\(budget)\(cost.map { "; \($0)" } ?? "")"))
        guard controlRate.hertz <= budget.highestHertz else {
            throw ServoStartError.notEnoughTime(
                rateHertz: controlRate.hertz, highestHertz: budget.highestHertz, bytes: budget.bytesPerTick,
                baud: budget.baud)
        }
        guard let cost else { return }
        let cause = SlowLine(
            cost, budget, period: period, timer: SlowLine.latencyTimer(of: port.path), refusal: port.lowLatencyRefusal)
        guard cost.p50 <= 0.9 * period else {
            throw ServoStartError.slowLine(cost, rateHertz: controlRate.hertz, cause: "\(cause)")
        }
        if cost.p99 > period { report(.warning("some answers take longer than a control tick: \(cost). \(cause)")) }
    }

    /// The calibration that the arm's control loop goes by, read without opening the arm.
    func readCalibration() throws -> ArmCalibration {
        let calibration = try ArmCalibration(contentsOfFile: calibration)
        switch driver {
        case .simulated: return calibration
        case .dynamixel:
            return calibration.narrowed(to: try ServoLayout(self, of: .dynamixel, calibration: calibration))
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
