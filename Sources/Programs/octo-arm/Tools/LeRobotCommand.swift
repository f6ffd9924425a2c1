import ArgumentParser
import ArmDrivers
import Foundation
import NodeShell
import ServoTools

/// Reads and writes LeRobot's calibrations.
struct LeRobotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lerobot",
        abstract: "Read and write calibration files of LeRobot.",
        discussion: """
            LeRobot keeps them in ~/.cache/huggingface/lerobot/calibration/robots/so_follower/NAME.json (older \
            releases: so101_follower). Servos that LeRobot calibrated have its offsets and limits in their registers; \
            with its file read, 'octo-arm check' finds them as they should be.
            """,
        subcommands: [Import.self, Export.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import", abstract: "Put LeRobot's ids, offsets and ranges into one of our calibration files.")

        @Argument(help: "LeRobot's file.")
        var source: String

        @Option(help: "Put them into this file; the old one stays beside it under a dated name.")
        var calibration: String

        func run() throws {
            let arm = try ToolArm(path: calibration, port: "", baud: 1_000_000)
            guard let text = try CalibrationFile(path: source).read() else { throw NoSource(path: source) }
            let lerobot = try LeRobotCalibration(parsing: text, file: source)
            print(
                try arm.save(
                    try lerobot.applied(to: arm.layout, names: arm.names, spans: arm.spans, file: source), at: Date()))
        }
    }

    /// Says that LeRobot's file is not there.
    private struct NoSource: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "reading \(path): found no file, expected LeRobot's calibration. It is what 'lerobot-calibrate' has "
                + "written; see 'octo-arm lerobot --help' for where."
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write one of our calibration files as LeRobot's.")

        @Option(help: "Calibration file to write as LeRobot's.")
        var calibration: String

        @Argument(help: "LeRobot's file to write; - is standard output.")
        var target: String

        func run() throws {
            let arm = try ToolArm(path: calibration, port: "", baud: 1_000_000)
            let text = try LeRobotCalibration(arm.layout, names: arm.names, file: calibration).text
            if target == "-" { return print(text, terminator: "") }
            try working { try CalibrationFile(path: target).write(text) }
            print("written to \(target)")
        }
    }
}
