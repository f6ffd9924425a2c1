import Foundation
import JSONTree

/// Times that one run of `octo-policy bench` or of a peer printed, milliseconds.
struct StepTimes {
    var criticalPath: Double
    var total: Double
}

enum StepTimesError: Error, CustomStringConvertible {
    case failed(program: String, status: Int32, output: String)
    case unreadable(program: String, output: String)

    var description: String {
        switch self {
        case .failed(let program, let status, let output):
            "timing the policy step: \(program) ended with \(status), expected 0. It said: \(output)"
        case .unreadable(let program, let output):
            "timing the policy step: \(program) printed no figures, expected JSON. It said: \(output)"
        }
    }
}

extension StepTimes {
    /// Times our own network in a process of its own, with all cores.
    static func ours(shape: String, window: Int, runs: Int, arguments: [String] = []) throws -> StepTimes {
        // Beside this program, however it was found.
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("octo-policy")
        let output = try run(
            program, ["bench", "--shape", shape, "--window", "\(window)", "--runs", "\(runs)", "--json"] + arguments)
        guard let tree = try? JSONNode(parsing: Data(output.utf8)),
            let critical = tree["critical_path"]?["median_ms"]?.double, let total = tree["total"]?["median_ms"]?.double
        else { throw StepTimesError.unreadable(program: program.path, output: output) }
        return StepTimes(criticalPath: critical, total: total)
    }

    /// Times the same forward pass in another framework: it knows no critical path, every step is computed whole.
    /// - Parameters:
    ///   - mode: what `peer_latency.py` can do: eager, compile or onnx.
    ///   - size: small or base.
    static func peer(
        _ mode: String, python: String, script: String, size: String, window: Int, runs: Int
    ) throws -> StepTimes {
        let output = try run(URL(fileURLWithPath: python), [script, size, "\(window)", mode, "\(runs)"])
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("RESULT ") }),
            let tree = try? JSONNode(parsing: Data(line.dropFirst("RESULT ".count).utf8)),
            let median = tree["whole"]?["median"]?.double
        else { throw StepTimesError.unreadable(program: script, output: output) }
        return StepTimes(criticalPath: median, total: median)
    }

    private static func run(_ program: URL, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw StepTimesError.failed(program: program.path, status: process.terminationStatus, output: output)
        }
        return output
    }
}
