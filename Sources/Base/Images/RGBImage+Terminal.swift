extension RGBImage {
    /// The picture for a terminal with true colours: each character is the upper half of a cell, its colour that of one
    /// pixel and its background's that of the one below. Means of areas, so that nothing flickers.
    ///
    /// - Parameters:
    ///   - columns: number of characters a line, at most.
    ///   - lines: number of lines, at most; the picture keeps its shape, as a cell is about twice as high as wide.
    /// - Returns: lines without their ends, each of which restores the terminal's colours.
    package func terminalLines(columns: Int, lines: Int) -> [String] {
        guard columns > 0, lines > 0 else { return [] }
        let scale = min(Double(columns) / Double(width), Double(lines * 2) / Double(height), 1)
        let across = max(1, Int((Double(width) * scale).rounded(.down)))
        let down = max(1, Int((Double(height) * scale).rounded(.down)))
        var small = [UInt8](repeating: 0, count: across * down * 3)
        let bytes = pixels.bytes
        for y in 0..<down {
            let rows = y * height / down..<max(y * height / down + 1, (y + 1) * height / down)
            for x in 0..<across {
                let places = x * width / across..<max(x * width / across + 1, (x + 1) * width / across)
                var sums = (0, 0, 0)
                for row in rows {
                    for place in places {
                        let pixel = (row * width + place) * 3
                        sums = (
                            sums.0 + Int(bytes[pixel]), sums.1 + Int(bytes[pixel + 1]), sums.2 + Int(bytes[pixel + 2])
                        )
                    }
                }
                let count = rows.count * places.count
                let target = (y * across + x) * 3
                (small[target], small[target + 1], small[target + 2]) =
                    (UInt8(sums.0 / count), UInt8(sums.1 / count), UInt8(sums.2 / count))
            }
        }
        func colour(_ x: Int, _ y: Int) -> String {
            let pixel = (y * across + x) * 3
            return "\(small[pixel]);\(small[pixel + 1]);\(small[pixel + 2])"
        }
        return stride(from: 0, to: down, by: 2).map { y in
            var line = ""
            var (front, back) = ("", "")
            for x in 0..<across {
                let upper = colour(x, y)
                // Below the last line of an odd height the terminal's own background shows.
                let lower = y + 1 < down ? colour(x, y + 1) : ""
                if upper != front { line += "\u{1B}[38;2;\(upper)m" }
                if lower != back { line += lower.isEmpty ? "\u{1B}[49m" : "\u{1B}[48;2;\(lower)m" }
                (front, back) = (upper, lower)
                line += "▀"
            }
            return line + "\u{1B}[0m"
        }
    }
}
