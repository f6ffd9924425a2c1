import ArgumentParser
import Kinematics
import Foundation
import Messages
import NodeShell

/// Latencies and ratios on this machine, each beside a baseline in the same run.
struct OctoBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-bench",
        abstract:
            "Measure bus, control loop, kinematics and inference, each beside its bare counterpart in the same run.",
        discussion: """
            Nothing here passes or fails. Ratios say what this project adds: the bus beside bare libzmq, the control \
            loop beside a bare C loop, inference beside the same matrix products alone in OpenBLAS.
            """,
        version: OctoRuntime.version,
        subcommands: [
            All.self, BusCommand.self, ControlCommand.self, KinematicsCommand.self, SimulationCommand.self,
            SceneFitCommand.self, CameraCommand.self, RecordingCommand.self, InferenceCommand.self,
            PeersCommand.self,
        ])
}

struct All: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "all", abstract: "All of them, one after the other.")

    func run() throws {
        try BusCommand.parse([]).run()
        try ControlCommand.parse([]).run()
        try KinematicsCommand.parse([]).run()
        try SimulationCommand.parse([]).run()
        try CameraCommand.parse([]).run()
        try RecordingCommand.parse([]).run()
        try InferenceCommand.parse([]).run()
    }
}

struct BusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bus", abstract: "Round trips and throughput of a 196,608-byte frame between two processes.")

    func run() throws {
        print("Bus, 196,608-byte frame over ipc, two processes")
        print(try benchmarkBus().report)
    }
}

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control", abstract: "Wake-up jitter of the control loop at 100, 250 and 1000 Hz; its allocations."
    )

    @Option(help: "Seconds at each rate.")
    var seconds: Double = 10

    @Option(help: "Calibration file of the simulated arm.")
    var calibration = "calibration/widowx-250s.json"

    @Flag(help: "Keep all cores busy meanwhile.")
    var busy = false

    func run() throws {
        let load = busy ? try BusyCores() : nil
        defer { load?.end() }
        if busy { print("all cores are busy with ordinary threads") }
        _ = try benchmarkControlLoop(calibration: ArmCalibration(contentsOfFile: calibration), seconds: seconds)
    }
}

struct InferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inference", abstract: "Milliseconds per inference of a tiny network and of octo-small's shape.")

    func run() throws {
        _ = try benchmarkInference()
        for shape in ["tiny", "octo-small"] {
            let ours = try StepTimes.ours(shape: shape, window: 2, runs: 30)
            print(
                String(
                    format: "  %@ fast path: critical path %.1f ms, all of a step %.1f ms",
                    shape.padding(toLength: 10, withPad: " ", startingAt: 0), ours.criticalPath, ours.total))
        }
    }
}

// The benchmarks of bus and cameras run this program again as their other ends.
switch (CommandLine.arguments.dropFirst().first, CommandLine.arguments.dropFirst(2).first) {
case (BusBenchmark.busEcho, let folder?): try runBusEcho(folder: folder)
case (BusBenchmark.bareEcho, let folder?): try runBareEcho(folder: folder)
case (CameraNodesRun.argument, _?): try runCameraNode(Array(CommandLine.arguments.dropFirst(2)))
default: OctoBench.runProgram()
}
