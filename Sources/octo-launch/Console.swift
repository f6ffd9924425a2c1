import Glibc
import Launch

/// What people see on standard error. Standard output is for results only.
struct Console {
    /// Nodes' own lines and notes are left out.
    var isQuiet: Bool

    func report(_ level: Supervisor.Level, _ text: String) {
        switch level {
        case .note: if !isQuiet { Self.write("octo-launch: \(text)") }
        case .warning: Self.write("octo-launch: warning: \(text)")
        case .error: Self.write("octo-launch: error: \(text)")
        }
    }

    func forward(_ line: String, of node: String) { if !isQuiet { Self.write("[\(node)] \(line)") } }

    /// In one write(2), so that lines of several programs on one terminal stay whole. What nobody reads is dropped.
    static func write(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
