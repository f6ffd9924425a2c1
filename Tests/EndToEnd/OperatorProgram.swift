import Foundation
import JSONTree
import TestSupport
import Time

/// `octo-arm jog` or `home`, or `octo-teleop`, with a test at its keyboard.
final class OperatorProgram {
    private let program: RunningProgram
    private let keys = Pipe()

    init(_ arguments: [String], of program: String = "octo-arm") throws {
        self.program = try RunningProgram(program, arguments, input: keys)
    }

    func press(_ text: String) { keys.fileHandleForWriting.write(Data(text.utf8)) }

    /// No more keys.
    func close() { try? keys.fileHandleForWriting.close() }

    func signal(_ number: Int32) { kill(program.process.processIdentifier, number) }

    /// The state lines of `--json`, oldest first; the last one may be half written.
    var states: [JSONNode] {
        program.output.split(separator: "\n").compactMap { try? JSONNode(parsing: Array($0.utf8)) }
    }

    /// Waits until the newest state line is as it should be.
    @discardableResult
    func wait(for what: String, limit: Double = 30, until isSo: (JSONNode) -> Bool) throws -> JSONNode {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        while MonotonicTime.now() < deadline {
            if let last = states.last, isSo(last) { return last }
            guard program.process.isRunning else { break }
            usleep(20_000)
        }
        throw TimedOut(description: "waited for \(what): \(program.output.suffix(2_000))\n\(program.errors)")
    }

    func finish(limit: Double = 30) -> Program.Outcome {
        close()
        return program.waitForEnd(limit: limit)
    }
}
