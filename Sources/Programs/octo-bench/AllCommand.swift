import ArgumentParser

/// Runs all benchmarks that need no argument.
struct AllCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "Run all that need no argument, one after the other.")

    func run() throws {
        try BusCommand.parse([]).run()
        try ControlCommand.parse([]).run()
        try KinematicsCommand.parse([]).run()
        try SimulatedWorldCommand.parse([]).run()
        try CameraCommand.parse([]).run()
        try RecordingCommand.parse([]).run()
        try InferenceCommand.parse([]).run()
        try ConsoleCommand.parse([]).run()
    }
}
