import Files

/// Capital letters, digits and a few signs, 3 pixels wide and 5 high: enough to write a time beside a picture.
enum PixelText {
    /// Signs with their dots: rows from the top, three dots each.
    private static let glyphs: [Character: String] = [
        "0": "####.##.##.####", "1": ".#.##..#..#.###", "2": "##...#.#.#..###", "3": "##...#.#...###.",
        "4": "#.##.####..#..#", "5": "####..##...###.", "6": ".###..####.####", "7": "###..#.#..#..#.",
        "8": "####.#####.####", "9": "####.####..###.", "A": ".#.#.#####.##.#", "B": "##.#.###.#.###.",
        "C": ".###..#..#...##", "D": "##.#.##.##.###.", "E": "####..##.#..###", "F": "####..##.#..#..",
        "G": ".###..#.##.#.##", "H": "#.##.#####.##.#", "I": "###.#..#..#.###", "J": "..#..#..##.#.#.",
        "K": "#.##.###.#.##.#", "L": "#..#..#..#..###", "M": "#.########.##.#", "N": "##.#.##.##.##.#",
        "O": ".#.#.##.##.#.#.", "P": "##.#.###.#..#..", "Q": ".#.#.##.###..##", "R": "##.#.###.#.##.#",
        "S": ".###...#...###.", "T": "###.#..#..#..#.", "U": "#.##.##.##.####", "V": "#.##.##.##.#.#.",
        "W": "#.##.########.#", "X": "#.##.#.#.#.##.#", "Y": "#.##.#.#..#..#.", "Z": "###..#.#.#..###",
        ".": ".............#.", "-": "......###......", "_": "............###", "/": "..#..#.#.#..#..",
        ":": "....#.....#....", "#": "#.#####.#####.#",
    ]
    /// Size of a dot, pixels either way.
    private static let scale = 2
    static let lineHeight = 5 * scale + 4

    /// Draws into a row-major RGB picture; what does not fit in is left out.
    /// - Parameters:
    ///   - x: column of the text's upper left corner, pixels.
    ///   - y: row of the text's upper left corner, pixels.
    static func draw(_ text: String, x: Int, y: Int, colour: UInt8, into pixels: inout [UInt8], width: Int) {
        let height = pixels.count / (width * 3)
        for (place, sign) in text.uppercased().enumerated() {
            guard let glyph = glyphs[sign] else { continue }
            for (dot, mark) in glyph.enumerated() where mark == "#" {
                for offset in 0..<scale * scale {
                    let column = x + (place * 4 + dot % 3) * scale + offset % scale
                    let row = y + dot / 3 * scale + offset / scale
                    guard column >= 0, column < width, row >= 0, row < height else { continue }
                    for channel in 0..<3 { pixels[(row * width + column) * 3 + channel] = colour }
                }
            }
        }
    }
}

extension RGBImage {
    /// The pictures side by side below a line of text, all at the height of the first.
    /// - Parameter label: capital letters, digits and a few signs are drawn; other letters as capitals, other signs not
    ///   at all.
    /// - Parameter maximumWidth: width that no picture exceeds, pixels; wider ones become smaller.
    package static func cell(_ pictures: [RGBImage], label: String, maximumWidth: Int) -> RGBImage? {
        guard let first = pictures.first else { return nil }
        let scale = min(1, Double(maximumWidth) / Double(first.width))
        let height = max(1, Int((Double(first.height) * scale).rounded()))
        let sized = pictures.map { picture -> RGBImage in
            let width = max(
                1, min(maximumWidth, Int((Double(picture.width) * Double(height) / Double(picture.height)).rounded())))
            return ImageResize(fromWidth: picture.width, height: picture.height, toWidth: width, height: height).resize(
                picture)
        }
        let gap = 2
        let width = sized.reduce(-gap) { $0 + $1.width + gap }
        var pixels = [UInt8](repeating: 32, count: width * (height + PixelText.lineHeight) * 3)
        PixelText.draw(label, x: 2, y: 2, colour: 235, into: &pixels, width: width)
        var left = 0
        for picture in sized {
            let bytes = picture.pixels.bytes
            for y in 0..<height {
                let target = ((y + PixelText.lineHeight) * width + left) * 3
                for byte in 0..<picture.width * 3 { pixels[target + byte] = bytes[y * picture.width * 3 + byte] }
            }
            left += picture.width + gap
        }
        return RGBImage(width: width, height: height + PixelText.lineHeight, pixels: SharedBytes(copying: pixels))
    }

    /// The picture below a line of text.
    package func labelled(_ text: String) -> RGBImage { Self.cell([self], label: text, maximumWidth: width) ?? self }
}
