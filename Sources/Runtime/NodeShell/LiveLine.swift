import Glibc

/// A line on standard error that the next one replaces, for what changes all the time; nothing where nobody watches.
package struct LiveLine {
    /// Whether standard error is a terminal.
    package let isWatched = isatty(STDERR_FILENO) == 1

    package init() {}

    package func show(_ text: String) { if isWatched { Terminal.write("\r\u{1B}[K" + text, to: STDERR_FILENO) } }

    /// Takes the line away.
    package func end() { show("") }
}
