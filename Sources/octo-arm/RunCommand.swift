import ArgumentParser
import ArmDrivers
import ArmLoop
import Control
import Foundation
import Geometry
import Launch
import NodeShell
import RealTime
import Time

/// Drives one arm at a fixed rate along the policy's action chunks.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Executes policy/chunk on the arm, inside its safety envelope.",
        discussion: """
            octo-launch starts one such process. The control loop runs in a thread of its own; without a fresh chunk
            the arm brakes and holds. All limits are in the calibration file that the manifest's "arm" names.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        switch try RunDescription.load(folder: arguments.run).manifest.arm.driver {
        case .simulated(let simulated): try drive { section, calibration, context in
            let start = try simulated.startPositions(of: calibration)
            // In the run folder, as servos keep their position when the program that drives them dies.
            let memory = try SimulatedServoMemory(
                path: context.run.folder + "/simulated-arm.state",
                initial: SimulatedServos(positions: start, gripper: 1))
            return (SimulatedArm(memory: memory, timeConstant: simulated.timeConstant), calibration)
        }
        case .dynamixel(let line, let watchdog): try drive { section, calibration, context in
            let layout = try ServoLayout(section, of: .dynamixel, calibration: calibration)
            let driver = try DynamixelArm(
                port: SerialPort(path: line.port, baud: line.baud), baud: line.baud, layout: layout, watchdog: watchdog,
                portName: line.port)
            try Self.check(driver.budget, section.controlRate, context)
            return (driver, calibration.narrowed(to: layout))
        }
        case .feetech(let line): try drive { section, calibration, context in
            let layout = try ServoLayout(section, of: .feetech, calibration: calibration)
            let driver = try FeetechArm(
                port: SerialPort(path: line.port, baud: line.baud), baud: line.baud, layout: layout, portName: line.port)
            try Self.check(driver.budget, section.controlRate, context)
            return (driver, calibration.narrowed(to: layout))
        }
        }
    }

    /// - Parameter makeDriver: the arm, and its calibration with the limits that its servos keep.
    private func drive<Driver: ArmDriver>(
        _ makeDriver: (Manifest.Arm, ArmCalibration, NodeContext) throws -> (Driver, ArmCalibration)
    ) throws {
        try NodeProcess.run(arguments) { context in
            let section = context.run.manifest.arm
            let calibration = try ArmCalibration(contentsOfFile: section.calibration)
            let (driver, narrowed) = try makeDriver(section, calibration, context)
            return try ArmNode(driver: driver, calibration: narrowed, section: section, context: context)
        }
    }

    private static func check(_ budget: ServoBudget, _ rate: Rate, _ context: NodeContext) throws {
        context.log.info("servo bus: \(budget)")
        guard rate.hertz <= budget.highestHertz else {
            throw ServoStartError.notEnoughTime(
                rateHertz: rate.hertz, highestHertz: budget.highestHertz, bytes: budget.bytesPerTick, baud: budget.baud)
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
