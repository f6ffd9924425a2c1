import ArgumentParser
import ArmDrivers
import ArmLoop
import Control
import Geometry
import Launch
import NodeShell

/// Drives one arm at a fixed rate along the policy's action chunks.
struct OctoArm: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-arm",
        abstract: "Executes policy/chunk on the arm, inside its safety envelope.",
        discussion: """
            octo-launch starts one such process. The control loop runs in a thread of its own; without a fresh chunk
            the arm brakes and holds. All limits are in the calibration file that the manifest's "arm" names.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in
            let section = context.run.manifest.arm
            let calibration = try ArmCalibration(contentsOfFile: section.calibration)
            switch section.driver {
            case .simulated(let simulated):
                let start = try simulated.startPositions(of: calibration)
                // In the run folder, as servos keep their position when the program that drives them dies.
                let memory = try SimulatedServoMemory(
                    path: context.run.folder + "/simulated-arm.state",
                    initial: SimulatedServos(positions: start, gripper: 1))
                let driver = SimulatedArm(memory: memory, timeConstant: simulated.timeConstant)
                return try ArmNode(driver: driver, calibration: calibration, section: section, context: context)
            }
        }
    }
}

OctoArm.runProgram()
