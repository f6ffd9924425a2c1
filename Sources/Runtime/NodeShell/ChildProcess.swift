import CShims
internal import Files
import Glibc

/// A program that was started: its output line by line, and its end.
package final class ChildProcess {
    /// How a process ended.
    package enum Ending: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    private let program: ChildProgram
    /// Descriptor that is readable when there is output; nil when the process has closed it.
    package private(set) var output: Int32?
    private var unfinishedLine: [UInt8] = []
    /// A line longer than this is cut in pieces: a node that writes no line breaks must not fill our memory.
    private static let longestLine = 4096

    /// Starts the process. Call it from the main thread: the kernel sends the death signal when the *thread* ends that
    /// made the child. fork(2), execve(2).
    package init(path: String, arguments: [String], environment: [String: String]) throws(SpawnError) {
        var ends: [Int32] = [-1, -1]
        let pipeError = octo_pipe(&ends)
        guard pipeError == 0 else { throw .failed(path: path, SystemError(pipeError)) }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        // One pipe for both streams keeps their lines in order.
        defer { close(writeEnd) }
        do throws(SpawnError) {
            program = try ChildProgram(
                path: path, arguments: arguments, environment: environment, output: writeEnd, errors: writeEnd,
                lastSignal: SIGTERM)
        } catch {
            close(readEnd)
            throw error
        }
        output = readEnd
    }

    deinit { closeOutput() }

    /// The complete lines that have come; at the end of the stream also an incomplete one.
    package func readLines() -> [String] {
        guard let output else { return [] }
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 {
                if count == 0 {
                    lines += takeUnfinished()
                    closeOutput()
                }
                return lines
            }
            for byte in buffer[..<count] {
                if byte == UInt8(ascii: "\n") {
                    lines.append(String(decoding: unfinishedLine, as: UTF8.self))
                    unfinishedLine.removeAll(keepingCapacity: true)
                } else {
                    unfinishedLine.append(byte)
                    if unfinishedLine.count >= Self.longestLine { lines += takeUnfinished() }
                }
            }
        }
    }

    /// Reads what it wrote before its end; nothing comes after that, also if something else holds the pipe open.
    package func readLastLines() -> [String] {
        let lines = readLines() + takeUnfinished()
        closeOutput()
        return lines
    }

    private func takeUnfinished() -> [String] {
        defer { unfinishedLine.removeAll() }
        return unfinishedLine.isEmpty ? [] : [String(decoding: unfinishedLine, as: UTF8.self)]
    }

    private func closeOutput() {
        if let output { close(output) }
        output = nil
    }

    package var processID: Int32 { program.processID }

    /// Asks it to stop. kill(2).
    package func terminate() { program.terminate() }

    /// Ends it and whatever it started. kill(2).
    package func killGroup() { program.killGroup() }

    /// How it ended; nil as long as it lives. wait(2).
    package func reapIfEnded() -> Ending? {
        guard let status = program.reapIfEnded() else { return nil }
        // The encoding of wait(2): the signal in the low seven bits, the exit code in the next byte.
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
    }
}
