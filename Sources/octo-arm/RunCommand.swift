import ArgumentParser
import ArmDrivers
import Launch
import NodeShell

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
        let description = try RunDescription.load(folder: arguments.run)
        var registration: ArmRegistration?
        // Before the arm can move: every shell of this user is to find it.
        try reporting { registration = try LiveArm(description).map { try ArmRegistry.standard.register($0) } }
        defer { registration?.end() }
        switch description.manifest.arm.driver {
        // In the run folder, as servos keep their position when the program that drives them dies.
        case .simulated(let simulated): try drive { section, context in
            try section.open(simulated, memory: context.run.folder + "/simulated-arm.state")
        }
        case .dynamixel(let line, let watchdog): try drive { section, context in
            var line = line
            if line.port == Manifest.simulatedPort { line.port = context.run.simulatedServos }
            return try section.open(dynamixel: line, watchdog: watchdog) { context.log.info("servo bus: \($0)") }
        }
        case .feetech(let line): try drive { section, context in
            try section.open(feetech: line) { context.log.info("servo bus: \($0)") }
        }
        }
    }

    private func drive<Driver: ArmDriver>(_ open: (Manifest.Arm, NodeContext) throws -> OpenedArm<Driver>) throws {
        try NodeProcess.run(arguments) { context in
            let section = context.run.manifest.arm
            let opened = try open(section, context)
            return try ArmNode(
                driver: opened.driver, calibration: opened.calibration, section: section, context: context)
        }
    }
}
