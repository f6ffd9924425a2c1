import Files
import Images
import TestSupport
import Testing

/// Pictures as characters of a terminal.
@Suite struct TerminalPictureTests {
    private func picture(_ width: Int, _ height: Int, _ colour: (Int, Int) -> [UInt8]) -> RGBImage {
        RGBImage(
            width: width, height: height,
            pixels: SharedBytes(copying: (0..<height).flatMap { y in (0..<width).flatMap { x in colour(x, y) } }))
    }

    @Test func twoPixelsAreOneCharacter() {
        let image = picture(2, 2) { x, y in [UInt8(x * 100), UInt8(y * 100), 7] }
        #expect(
            image.terminalLines(columns: 80, lines: 24) == [
                "\u{1B}[38;2;0;0;7m\u{1B}[48;2;0;100;7m▀\u{1B}[38;2;100;0;7m\u{1B}[48;2;100;100;7m▀\u{1B}[0m"
            ])
    }

    @Test func coloursAreNotRepeatedAndAnOddLineHasNoneBelow() {
        let image = RGBImage(width: 3, height: 3, filledWith: 9)
        #expect(
            image.terminalLines(columns: 3, lines: 2) == [
                "\u{1B}[38;2;9;9;9m\u{1B}[48;2;9;9;9m▀▀▀\u{1B}[0m", "\u{1B}[38;2;9;9;9m▀▀▀\u{1B}[0m",
            ])
    }

    @Test(arguments: [(640, 480, 80, 24), (480, 640, 80, 24), (640, 480, 200, 20), (5, 4, 80, 24), (640, 480, 1, 1)])
    func theShapeIsKeptAndNothingIsWider(width: Int, height: Int, columns: Int, lines: Int) {
        let shown = RGBImage(width: width, height: height, filledWith: 50).terminalLines(columns: columns, lines: lines)
        let across = shown.first?.filter { $0 == "▀" }.count ?? 0
        #expect(shown.count <= lines && across <= columns && across >= 1)
        #expect(across == columns || shown.count == lines || (across, shown.count) == (width, (height + 1) / 2))
        if across > 10 { #expect(abs(Double(across) / Double(shown.count * 2) - Double(width) / Double(height)) < 0.1) }
    }

    /// Means of areas: a fine checker is one grey, whatever it is scaled by.
    @Test func fineDetailIsAveraged() {
        let checker = picture(64, 64) { x, y in [UInt8](repeating: (x + y).isMultiple(of: 2) ? 0 : 200, count: 3) }
        for line in checker.terminalLines(columns: 16, lines: 8) {
            #expect(line.contains("38;2;100;100;100") && !line.contains("200"))
        }
    }

    @Test func thereMayBeNoRoom() {
        #expect(RGBImage(width: 2, height: 2, filledWith: 1).terminalLines(columns: 0, lines: 5).isEmpty)
        #expect(RGBImage(width: 2, height: 2, filledWith: 1).terminalLines(columns: 5, lines: 0).isEmpty)
    }
}
