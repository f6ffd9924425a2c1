import ArgumentParser
import ArmDrivers
import ArmLoop
import Manifests
import NodeShell

/// Drives one arm at a fixed rate along the policy's action chunks.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Execute policy/chunk on the arm, inside its safety envelope.",
        discussion: """
            octo-launch starts one such process. The control loop runs in a thread of its own; without a fresh chunk \
            the arm brakes and holds. All limits are in the calibration file that the manifest's "arm" names.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        let description = try RunDescription.load(folder: arguments.run)
        // Before the arm can move: every shell of this user is to find it.
        let registration = try LiveArm(description).map { try ArmRegistry.standard.register($0) }
        defer { registration?.end() }
        switch description.manifest.arm.driver {
        // In the run folder, as servos keep their position when the program that drives them dies.
        case .simulated(let simulated):
            try drive { section, context, _ in
                try section.open(simulated, memory: context.run.folder + "/simulated-arm.state")
            }
        case .dynamixel(let line, let watchdog):
            try drive { section, context, torque in
                var line = line
                if line.port == Manifest.simulatedPort { line.port = context.run.simulatedServos }
                return try section.open(dynamixel: line, watchdog: watchdog, torque: torque) { Self.log($0, context) }
            }
        case .feetech(let line):
            try drive { section, context, torque in
                try section.open(feetech: line, torque: torque) { Self.log($0, context) }
            }
        }
    }

    private static func log(_ report: LineReport, _ context: NodeContext) {
        switch report {
        case .cost(let text): context.log.info("servo bus: \(text)")
        case .warning(let text): context.log.warning("servo bus: \(text)")
        }
    }

    private func drive<Driver: ArmDriver>(
        _ open: (Manifest.Arm, NodeContext, TorqueAtStart) throws -> OpenedArm<Driver>
    ) throws {
        try NodeProcess.run(arguments) { context in
            let section = context.run.manifest.arm
            // What an earlier process of this run left latched holds the arm on, and keeps torque off where it was.
            let latch = ArmLatch.load(folder: context.run.folder)
            if !latch.isOpen {
                context.log.warning("the arm holds as before its process was started again: \(latch.summary)")
            }
            let opened = try open(section, context, TorqueAtStart(latch, section.emergencyStop))
            return try ArmNode(
                driver: opened.driver, calibration: opened.calibration, section: section, latch: latch, context: context
            )
        }
    }
}
