import Foundation
import JSONTree
import TestSupport
import Time

/// Servos that `octo-arm emulate` stands in for, and what was written into their registers.
final class EmulatedServos {
    /// One accepted write of a goal position.
    struct Goal {
        var seconds: Double
        var id: Int
        var pulses: Int
    }
    let link: String
    private let folder: URL
    private let program: RunningProgram
    private let input = Pipe()
    private let log: URL

    /// - Parameter servos: arguments that say which; without them those of the WidowX-250s.
    init(_ arguments: [String] = [], of servos: [String]? = nil) throws {
        folder = try TemporaryFolder.make("servos")
        link = folder.appendingPathComponent("tty").path
        log = folder.appendingPathComponent("registers.jsonl")
        let calibration = Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json").path
        program = try RunningProgram(
            "octo-arm", ["emulate", "--link", link, "--register-log", log.path] + (servos ?? ["--calibration", calibration]) + arguments,
            input: input)
        let deadline = MonotonicTime.now() + .seconds(20)
        while !program.output.contains("servos") {
            guard program.process.isRunning, MonotonicTime.now() < deadline else {
                throw TimedOut(description: "octo-arm emulate did not start:\n\(program.errors)")
            }
            usleep(10_000)
        }
    }

    deinit {
        kill(program.process.processIdentifier, SIGTERM)
        program.process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// What makes the replay manifest drive them.
    var settings: [String] {
        let calibration = Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json").path
        // The emulator is a process like the others here, on a machine that may be busy: times are wide.
        return [
            #"arm={"driver": "dynamixel", "port": "\#(link)", "calibration": "\#(calibration)", "#
                + #""bus_watchdog_s": 2.5, "control_rate_hz": 50}"#
        ]
    }

    /// A fault, as in the emulator's help.
    func say(_ line: String) { input.fileHandleForWriting.write(Data((line + "\n").utf8)) }

    var complaints: String { program.errors }

    /// Every goal position that a servo accepted so far.
    func goals() throws -> [Goal] {
        try String(contentsOf: log, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard let node = try? JSONNode(parsing: Array(line.utf8)), node["address"]?.int == 116,
                let bytes = node["data"]?.array?.compactMap(\.int), bytes.count == 4, let time = node["time_ns"]?.double,
                let id = node["id"]?.int
            else { return nil }
            return Goal(seconds: time * 1e-9, id: id, pulses: bytes[0] | bytes[1] << 8 | bytes[2] << 16)
        }
    }
}
