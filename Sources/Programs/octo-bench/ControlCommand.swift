import ArgumentParser
import Kinematics
import NodeShell

/// Times the control loop beside a bare loop in C.
struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control",
        abstract: "Measure wake-up jitter of the control loop at 100, 250 and 1000 Hz; count its allocations."
    )

    @Option(help: ArgumentHelp("Run so long at each rate.", valueName: "seconds"))
    var seconds: Double = 10

    @Option(help: "Use this calibration file for the simulated arm.")
    var calibration = "calibration/widowx-250s.json"

    @Flag(help: "Keep all cores busy meanwhile.")
    var busy = false

    func run() throws {
        let load = busy ? try BusyCores() : nil
        defer { load?.end() }
        if busy { print("all cores are busy with ordinary threads") }
        let arm = try ArmCalibration(contentsOfFile: calibration)
        _ = try working { try benchmarkControlLoop(calibration: arm, seconds: seconds) }
    }
}
