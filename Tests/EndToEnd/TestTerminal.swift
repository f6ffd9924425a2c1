import CShims
import Foundation
import TestSupport
import Time

/// A terminal window: what a program shows in it, and a keyboard.
final class TestTerminal {
    private let master: Int32
    private let end: Int32
    private var shown: [UInt8] = []

    /// posix_openpt(3). Its settings are those of a shell that waits for a line.
    init() throws {
        var name = [CChar](repeating: 0, count: 128)
        master = octo_open_terminal(&name, name.count)
        guard master >= 0 else { throw TimedOut(description: "no pseudo-terminal: errno \(-master)") }
        end = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        var line = termios()
        guard end >= 0, tcgetattr(end, &line) == 0 else {
            throw TimedOut(description: "no pseudo-terminal: errno \(errno)")
        }
        line.c_lflag |= tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        line.c_iflag |= tcflag_t(ICRNL | IXON)
        line.c_oflag |= tcflag_t(OPOST | ONLCR)
        tcsetattr(end, TCSANOW, &line)
        var size = winsize(ws_row: 40, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(end, UInt(TIOCSWINSZ), &size)
    }

    func close() {
        Foundation.close(end)
        Foundation.close(master)
    }

    /// The program's end of it.
    var file: FileHandle { FileHandle(fileDescriptor: end, closeOnDealloc: false) }

    func run(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Process {
        let process = Process()
        process.environment = Program.environment.merging(environment) { $1 }
        process.executableURL = URL(fileURLWithPath: Program.path(name))
        process.arguments = arguments
        (process.standardInput, process.standardOutput, process.standardError) = (file, file, file)
        try process.run()
        return process
    }

    /// All that was shown so far.
    var text: String { String(decoding: shown, as: UTF8.self) }

    func type(_ text: String) { _ = write(master, text, text.utf8.count) }

    /// Local, input and output flags: what a shell would miss.
    func settings() throws -> [tcflag_t] {
        var line = termios()
        guard tcgetattr(end, &line) == 0 else { throw TimedOut(description: "no settings: errno \(errno)") }
        return [line.c_lflag, line.c_iflag, line.c_oflag, line.c_cflag]
    }

    /// Reads what is shown until it is as it should be.
    func wait(for what: String, limit: Double = 30, until isSo: (String) -> Bool) throws {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while MonotonicTime.now() < deadline {
            let count = read(master, &buffer, buffer.count)
            if count > 0 { shown += buffer[..<count] }
            if isSo(String(decoding: shown, as: UTF8.self)) { return }
            if count <= 0 { usleep(10_000) }
        }
        throw TimedOut(description: "waited for \(what): \(String(decoding: shown.suffix(2_000), as: UTF8.self))")
    }
}
