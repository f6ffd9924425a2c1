import Time

/// How far a long piece of work has come, as a `LiveLine` with a bar and the time that is left.
package struct ProgressLine {
    private static let width = 30

    private let total: Int
    private let what: String
    private let start: MonotonicTime
    private let line = LiveLine()

    /// Makes a line for work that begins now.
    /// - Parameters:
    ///   - total: number of steps until the end.
    ///   - what: the steps' name in the plural: "episodes".
    package init(total: Int, of what: String, at now: MonotonicTime) {
        self.total = total
        self.what = what
        start = now
    }

    /// Shows that `done` steps are done.
    /// - Parameter note: a few words on what was found so far.
    package func show(_ done: Int, note: String = "", at now: MonotonicTime) {
        if line.isWatched { line.show(text(done, note: note, at: now)) }
    }

    /// Takes the line away.
    package func end() { line.end() }

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
}
