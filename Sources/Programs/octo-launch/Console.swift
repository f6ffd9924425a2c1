import ArgumentParser
import Glibc
import Launch
import Manifests
import NodeShell
import Time

/// Writes what people see on standard error; standard output is for results only. Nothing here waits for whoever reads
/// it.
struct Console {
    /// How long the end of the program waits for a terminal to take the last lines.
    private static let lastWait = Duration.seconds(2)

    /// Whether nodes' own lines and notes are left out.
    var isQuiet: Bool

    func report(_ level: Supervisor.Level, _ text: String) {
        switch level {
        case .note: if !isQuiet { LineWriter.standardError.write("octo-launch: \(text)") }
        case .warning: LineWriter.standardError.write("octo-launch: warning: \(text)")
        case .error: LineWriter.standardError.write("octo-launch: error: \(text)")
        }
    }

    func forward(_ line: String, of node: String) {
        if !isQuiet { LineWriter.standardError.write("[\(node)] \(line)") }
    }

    /// Writes the run's result to standard output. A program that reads it is waited for; a terminal that is stopped is
    /// not.
    func result(_ text: String) {
        flush()
        guard isatty(STDOUT_FILENO) == 1 else { return print(text) }
        let output = LineWriter(STDOUT_FILENO)
        output.write(text)
        output.flush(limit: Self.lastWait)
    }

    /// Writes what waits; the last call before the program ends.
    func flush() { LineWriter.standardError.flush(limit: Self.lastWait) }

    /// Tells why nothing was started.
    /// - Returns: the exit code, to be thrown.
    static func refuse(_ message: String, _ code: ExitCode) -> ExitCode {
        let console = Console(isQuiet: false)
        console.report(.error, message)
        console.flush()
        return code
    }
}
