import ArgumentParser
import Kinematics
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
            AllCommand.self, BusCommand.self, ControlCommand.self, KinematicsCommand.self, SimulatedWorldCommand.self,
            SceneFitCommand.self, CameraCommand.self, RecordingCommand.self, InferenceCommand.self,
            ConsoleCommand.self, RemoteCommand.self, PeersCommand.self, RelayCommand.self,
        ])
}

// The benchmarks of bus and cameras run this program again as their other ends.
switch (CommandLine.arguments.dropFirst().first, CommandLine.arguments.dropFirst(2).first) {
case (BusBenchmark.busEcho, let folder?):
    try runBusEcho(
        request: BusBenchmark.request(folder, BusBenchmark.busEcho),
        answer: BusBenchmark.answer(folder, BusBenchmark.busEcho))
case (BusBenchmark.bareEcho, let folder?): try runBareEcho(folder: folder)
case (RemoteFrames.echo, _?): try RemoteFrames.runEcho(Array(CommandLine.arguments.dropFirst(2)))
case (CameraNodesRun.argument, _?): try runCameraNode(Array(CommandLine.arguments.dropFirst(2)))
default: OctoBench.runProgram()
}
