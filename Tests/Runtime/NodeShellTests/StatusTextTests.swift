import NodeShell
import Testing

/// What a status screen writes, without a terminal.
@Suite struct StatusTextTests {
    @Test func linesAreDrawnOverThoseBefore() {
        var text = StatusText(isTerminal: true)
        #expect(text.showing(["one", "two"], words: "", columns: 80) == "\rone\u{1B}[K\ntwo\u{1B}[J")
        // Up by one row: the cursor stands in the second.
        #expect(text.showing(["three"], words: "", columns: 80) == "\r\u{1B}[1Athree\u{1B}[J")
        #expect(text.showing(["four"], words: "", columns: 80) == "\rfour\u{1B}[J")
    }

    @Test func textStaysAboveTheLines() {
        var text = StatusText(isTerminal: true)
        #expect(text.printing("hello") == "\rhello\n")
        _ = text.showing(["one", "two"], words: "", columns: 80)
        #expect(text.printing("help") == "\r\u{1B}[1A\u{1B}[Jhelp\n")
        #expect(text.showing(["one", "two"], words: "", columns: 80) == "\rone\u{1B}[K\ntwo\u{1B}[J", "drawn anew")
    }

    @Test func theEndLeavesTheLinesAndBeginsARow() {
        var text = StatusText(isTerminal: true)
        #expect(text.ending() == "", "nothing was drawn")
        _ = text.showing(["one"], words: "", columns: 80)
        #expect(text.ending() == "\n" && text.ending() == "")
    }

    /// A row that the terminal broke could not be drawn over.
    @Test func longLinesAreBrokenAtSpacesAndLongWordsAreCut() {
        var text = StatusText(isTerminal: true)
        #expect(
            text.showing(["the arm holds  here", "wwwwwwwwwwww x"], words: "", columns: 9)
                == "\rthe arm\u{1B}[K\nholds \u{1B}[K\nhere\u{1B}[K\nwwwwwwwww\u{1B}[K\nx\u{1B}[J")
        // Five rows: four up.
        #expect(text.showing([], words: "", columns: 9).hasPrefix("\r\u{1B}[4A"))
    }

    @Test func withoutATerminalOnlyNewWordsAreWritten() {
        var text = StatusText(isTerminal: false)
        #expect(text.showing(["ignored"], words: "moving", columns: 80) == "moving\n")
        #expect(text.showing(["ignored"], words: "moving", columns: 80) == "")
        #expect(text.showing(["ignored"], words: "", columns: 80) == "")
        #expect(text.showing(["ignored"], words: "moving", columns: 80) == "moving\n")
        #expect(text.printing("hello") == "hello\n" && text.ending() == "")
    }
}
