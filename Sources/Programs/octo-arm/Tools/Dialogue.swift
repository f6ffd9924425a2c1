import CShims
import Foundation
import Time

/// Lines on standard output; a table that is drawn over itself where that is a terminal.
struct Screen {
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var drawn = 0

    mutating func say(_ text: String) {
        drawn = 0
        print(text)
        fflush(nil)
    }

    mutating func draw(_ lines: [String]) {
        guard isTerminal else { return }
        var text = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        for line in lines { text += "\r\u{1B}[K\(line)\n" }
        drawn = lines.count
        print(text, terminator: "")
        fflush(nil)
    }

    /// Leaves lines on the screen when a step is over; without a terminal they are its only table.
    mutating func leave(_ lines: [String]) {
        if !isTerminal { print(lines.joined(separator: "\n")) }
        drawn = 0
        fflush(nil)
    }

    mutating func end() { fflush(nil) }
}

/// Lines of standard input, as they come.
struct LineInput {
    private var bytes: [UInt8] = []
    private(set) var hasEnded = false

    /// Waits for a line.
    /// - Returns: the next line; nil at the deadline, or when the other descriptor has something.
    mutating func wait(until deadline: MonotonicTime, orFor other: Int32) -> String? {
        if let line = takeLine() { return line }
        var polled = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        _ = octo_poll_until_ns(&polled, 2, deadline.nanoseconds)
        guard polled[0].revents != 0 else { return nil }
        var piece = [UInt8](repeating: 0, count: 1_024)
        let count = read(STDIN_FILENO, &piece, piece.count)
        if count <= 0 { hasEnded = true } else { bytes += piece[..<count] }
        return takeLine()
    }

    private mutating func takeLine() -> String? {
        guard let end = bytes.firstIndex(of: 10) else { return nil }
        let line = String(decoding: bytes[..<end], as: UTF8.self)
        bytes.removeSubrange(...end)
        return line
    }
}
