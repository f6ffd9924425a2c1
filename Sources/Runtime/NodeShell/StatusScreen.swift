import Foundation

/// A few lines at the bottom of the screen, drawn over and over; without a screen, a line whenever something changes.
package struct StatusScreen {
    private var text = StatusText(isTerminal: isatty(STDOUT_FILENO) == 1)

    package init() {}

    /// Draws the lines in the place of those that are there.
    /// - Parameter words: what is worth a line where there is no screen.
    package mutating func show(_ lines: [String], words: String) {
        write(text.showing(lines, words: words, columns: Terminal.size.columns))
    }

    /// Prints text that stays above the lines.
    package mutating func print(_ words: String) { write(text.printing(words)) }

    /// Leaves the lines as they are.
    package mutating func end() { write(text.ending()) }

    private func write(_ text: String) { if !text.isEmpty { Terminal.say(text, end: "") } }
}

/// What a `StatusScreen` writes: it knows how many rows it has drawn, and nothing of a terminal.
package struct StatusText: Equatable {
    private let isTerminal: Bool
    private var drawn = 0
    private var lastWords = ""

    package init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// Draws lines.
    /// - Returns: the lines in place of those before; without a terminal the words, if they are new.
    package mutating func showing(_ lines: [String], words: String, columns: Int) -> String {
        guard isTerminal else {
            defer { lastWords = words }
            return words.isEmpty || words == lastWords ? "" : words + "\n"
        }
        let rows = lines.flatMap { Self.wrapped($0, to: columns) }
        defer { drawn = rows.count }
        return up + rows.joined(separator: "\u{1B}[K\n") + "\u{1B}[J"
    }

    /// Prints text.
    /// - Returns: the text in place of the lines, which are drawn below it next.
    package mutating func printing(_ text: String) -> String {
        defer { drawn = 0 }
        return up + (drawn > 0 ? "\u{1B}[J" : "") + text + "\n"
    }

    /// Leaves the lines as they are.
    package mutating func ending() -> String {
        defer { drawn = 0 }
        return drawn > 0 ? "\n" : ""
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
}
