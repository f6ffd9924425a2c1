import Foundation
import Time

/// A bad network between two programs: `octo-bench relay`, and orders to it.
final class TCPRelay {
    /// What octo-bench relay --help says of each.
    enum Order {
        case delay(milliseconds: Double)
        case loss(percent: Double)
        case rate(megabits: Double)
        case cut, blackhole, close, restore

        fileprivate var line: String {
            switch self {
            case .delay(let milliseconds): "delay \(milliseconds)"
            case .loss(let percent): "loss \(percent)"
            case .rate(let megabits): "rate \(megabits)"
            case .cut: "cut"
            case .blackhole: "blackhole"
            case .close: "close"
            case .restore: "restore"
            }
        }
    }

    /// The port of 127.0.0.1 at which it listens.
    let port: Int
    private let program: RunningProgram
    private let input = Pipe()
    private var answers = 0

    /// - Parameter target: address and port, as in 127.0.0.1:7400.
    init(to target: String, _ arguments: [String] = []) throws {
        program = try RunningProgram(
            "octo-bench", ["relay", "--listen", "127.0.0.1:0", "--to", target] + arguments, input: input)
        let line = try Self.line(0, of: program)
        guard let port = line.split(separator: " ").first?.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw TimedOut(description: "octo-bench relay says '\(line)' and no port")
        }
        self.port = port
    }

    /// Gives an order, and waits until it is carried out.
    func order(_ order: Order) throws {
        let answer = try ask(order.line)
        guard answer == "ok" else { throw TimedOut(description: "the relay to '\(order.line)': \(answer)") }
    }

    /// How many connections go through it, and how many segments were lost so far.
    func count() throws -> (connections: Int, lostSegments: Int) {
        let answer = try ask("count")
        let numbers = answer.split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 2 else { throw TimedOut(description: "the relay to 'count': \(answer)") }
        return (numbers[0], numbers[1])
    }

    private func ask(_ line: String) throws -> String {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
        answers += 1
        return try Self.line(answers, of: program)
    }

    /// Waits for a line of its output.
    private static func line(_ index: Int, of program: RunningProgram) throws -> String {
        let deadline = MonotonicTime.now() + .seconds(20)
        while MonotonicTime.now() < deadline {
            let whole = program.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if index < whole.count { return String(whole[index]) }
            guard program.process.isRunning else { break }
            usleep(2_000)
        }
        throw TimedOut(description: "octo-bench relay does not answer:\n\(program.output)\n\(program.errors)")
    }

    deinit {
        // Foundation starts it with SIGTERM held back, as a test's threads have it.
        kill(program.process.processIdentifier, SIGKILL)
        program.process.waitUntilExit()
    }
}
