import Foundation

/// A line for people on standard error, beside a command's results: written at once and whole. Nodes and the launcher,
/// whom no reader may hold up, use `LineWriter`; what changes all the time is a `LiveLine`.
package func note(_ line: String) { Terminal.write(line + "\n", to: STDERR_FILENO) }

/// Standard output, written at once and whole.
package enum Terminal {
    package static func say(_ text: String, end: String = "\n") { write(text + end, to: STDOUT_FILENO) }

    /// Whether standard output is a terminal that is not known to be without colours (no-color.org).
    package static var showsColours: Bool {
        func variable(_ name: String) -> String { ProcessInfo.processInfo.environment[name] ?? "" }
        return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").isEmpty && !["", "dumb"].contains(variable("TERM"))
    }

    /// Size of standard output in characters; 80 by 24 where nothing is known. ioctl_tty(2), TIOCGWINSZ.
    package static var size: (columns: Int, rows: Int) {
        var size = winsize()
        let known = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 && size.ws_row > 0
        return known ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
    }

    /// A terminal takes much text in parts. write(2).
    static func write(_ text: String, to descriptor: Int32) {
        var left = Array(text.utf8)[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                left = left.dropFirst(count)
            } else if errno != EINTR {
                // Nobody reads any more; the arm goes before the screen.
                return
            }
        }
    }
}
