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

    /// Makes the terminal raw, and forgets keys from before.
    /// - Parameter descriptor: the terminal's file descriptor; anything else than a terminal is left as it is.
    ///   tcgetattr(3), tcsetattr(3).
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
