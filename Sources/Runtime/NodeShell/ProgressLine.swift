import Glibc
import Time

/// How far a long piece of work has come: one line on standard error that is written over, with a bar and the time that
/// is left; nothing where nobody watches.
package struct ProgressLine {
    private let total: Int
    private let what: String
    private let start: MonotonicTime
    private let isWatched: Bool
    private static let width = 30

    /// - Parameters:
    ///   - total: steps until the end.
    ///   - what: of which there are so many: "episodes".
    package init(total: Int, of what: String, at now: MonotonicTime) {
        self.total = total
        self.what = what
        start = now
        isWatched = isatty(STDERR_FILENO) == 1
    }

    /// - Parameter note: a few words on what was found so far.
    package func show(_ done: Int, note: String = "", at now: MonotonicTime) {
        if isWatched { write("\r\u{1B}[K" + text(done, note: note, at: now)) }
    }

    /// Takes the line away.
    package func end() { if isWatched { write("\r\u{1B}[K") } }

    /// The line as it is shown.
    package func text(_ done: Int, note: String = "", at now: MonotonicTime) -> String {
        let share = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let full = Int(share * Double(Self.width))
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: Self.width - full)
        var line = "[\(bar)] \(done)/\(total) \(what)"
        if done > 0, done < total {
            let left = (now - start).inSeconds / Double(done) * Double(total - done)
            line += ", \(Int(left.rounded(.up))) s left"
        }
        return note.isEmpty ? line : line + ", " + note
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
