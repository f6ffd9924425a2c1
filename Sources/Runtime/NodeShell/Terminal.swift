import Foundation

/// A terminal that hands over each key at once and does not show it. It is put back by `restore`, at the latest when
/// this goes away.
package final class RawTerminal {
    /// xterm's bracketed paste: what is pasted is marked, and moves nothing.
    private static let marksPastes = "\u{1B}[?2004h"
    private static let leavesPastes = "\u{1B}[?2004l"

    private let descriptor: Int32
    private var former = termios()
    private var isRaw = false

    /// - Parameter descriptor: no terminal is no error: there is nothing to do then. tcgetattr(3), tcsetattr(3).
    package init(_ descriptor: Int32) {
        self.descriptor = descriptor
        guard tcgetattr(descriptor, &former) == 0 else { return }
        var raw = former
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ECHONL | ISIG | IEXTEN)
        raw.c_iflag &= ~tcflag_t(IXON | ICRNL | INLCR | BRKINT | INPCK | ISTRIP)
        // VMIN and VTIME: a read returns what is there, and waits for one byte when nothing is.
        withUnsafeMutableBytes(of: &raw.c_cc) { signs in
            signs[Int(VMIN)] = 1
            signs[Int(VTIME)] = 0
        }
        // Flushed: keys from before we were ready must not move anything.
        isRaw = tcsetattr(descriptor, TCSAFLUSH, &raw) == 0
        if isRaw, isatty(STDOUT_FILENO) == 1 { Terminal.say(Self.marksPastes, end: "") }
    }

    deinit { restore() }

    package func restore() {
        guard isRaw else { return }
        isRaw = false
        if isatty(STDOUT_FILENO) == 1 { Terminal.say(Self.leavesPastes, end: "") }
        tcsetattr(descriptor, TCSANOW, &former)
    }
}

/// Bytes of standard input, taken without waiting. The descriptor is left in its mode: the shell has it too.
package struct KeyInput {
    package private(set) var isOpen = true

    package init() {}

    /// What has arrived; `isOpen` is false after the end.
    package mutating func read() -> [UInt8] {
        var taken: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while isOpen, taken.count < 4_096 {
            var polled = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, 0) > 0 else { break }
            let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
            if count > 0 {
                taken += buffer[..<count]
            } else if count == 0 || errno != EINTR {
                isOpen = false
            }
        }
        return taken
    }
}

/// Standard output and error, written at once and whole.
package enum Terminal {
    package static func say(_ text: String, end: String = "\n") { write(text + end, to: STDOUT_FILENO) }
    package static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
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

/// A few lines at the bottom of the screen, drawn over and over; without a screen, a line whenever something changes.
package struct StatusScreen {
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var drawn = 0
    private var lastWords = ""

    package init() {}

    /// - Parameter words: what is worth a line where there is no screen.
    package mutating func show(_ lines: [String], words: String) {
        guard isTerminal else {
            if words != lastWords, !words.isEmpty { Terminal.say(words) }
            lastWords = words
            return
        }
        let width = Self.columns
        let rows = lines.flatMap { Self.wrapped($0, to: width) }
        Terminal.say(up + rows.joined(separator: "\u{1B}[K\n") + "\u{1B}[J", end: "")
        drawn = rows.count
    }

    /// Text that stays above the lines.
    package mutating func print(_ text: String) {
        Terminal.say(up + (drawn > 0 ? "\u{1B}[J" : "") + text)
        drawn = 0
    }

    /// Leaves the lines as they are.
    package mutating func end() {
        if drawn > 0 { Terminal.say("") }
        drawn = 0
    }

    /// Control sequence that leads to the beginning of the lines that are drawn.
    private var up: String { drawn > 1 ? "\r\u{1B}[\(drawn - 1)A" : isTerminal ? "\r" : "" }

    /// Breaks a line at spaces into rows that fit: the terminal must not break one, for it could not be drawn over.
    private static func wrapped(_ line: String, to width: Int) -> [String] {
        var rows = [""]
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            let row = rows[rows.count - 1]
            if row.isEmpty {
                rows[rows.count - 1] = String(word.prefix(width))
            } else if row.count + 1 + word.count <= width {
                rows[rows.count - 1] = row + " " + word
            } else {
                rows.append(String(word.prefix(width)))
            }
        }
        return rows
    }

    /// Standard output is a terminal that is not known to be without colours (no-color.org).
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
    package static var columns: Int { size.columns }
}
