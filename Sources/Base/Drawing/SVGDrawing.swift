import Time

/// A picture of lines, areas and words as SVG text that needs nothing else. Lengths are pixels, y downwards.
package struct SVGDrawing {
    /// The part of a text that stands at its place.
    package enum Anchor: String, Sendable {
        case start
        case middle
        case end
    }
    /// Size of the drawing, pixels.
    package let width: Double
    package let height: Double
    private var elements: [String] = []

    package init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    package mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String? = nil, title: String? = nil
    ) {
        let edge = stroke.map { " stroke=\"\(Self.escaped($0))\"" } ?? ""
        let head =
            "<rect x=\"\(x.short)\" y=\"\(y.short)\" width=\"\(max(0, width).short)\" "
            + "height=\"\(max(0, height).short)\" "
            + "fill=\"\(Self.escaped(fill))\"\(edge)"
        elements.append(title.map { head + "><title>\(Self.escaped($0))</title></rect>" } ?? head + "/>")
    }

    package mutating func line(
        from: (x: Double, y: Double), to: (x: Double, y: Double), stroke: String, width: Double = 1,
        dashes: String? = nil,
        title: String? = nil
    ) {
        let head =
            "<line x1=\"\(from.x.short)\" y1=\"\(from.y.short)\" x2=\"\(to.x.short)\" y2=\"\(to.y.short)\" "
            + "stroke=\"\(Self.escaped(stroke))\" stroke-width=\"\(width.short)\""
            + (dashes.map { " stroke-dasharray=\"\(Self.escaped($0))\"" } ?? "")
        elements.append(title.map { head + "><title>\(Self.escaped($0))</title></line>" } ?? head + "/>")
    }

    /// Points that are no numbers part the line.
    package mutating func polyline(_ points: [(x: Double, y: Double)], stroke: String, width: Double = 1.5) {
        for piece in points.split(whereSeparator: { !$0.x.isFinite || !$0.y.isFinite }) {
            elements.append(
                "<polyline points=\"\(piece.map { "\($0.x.short),\($0.y.short)" }.joined(separator: " "))\" "
                    + "fill=\"none\" stroke=\"\(Self.escaped(stroke))\" stroke-width=\"\(width.short)\" "
                    + "stroke-linejoin=\"round\"/>")
        }
    }

    package mutating func circle(x: Double, y: Double, radius: Double, fill: String, title: String? = nil) {
        guard x.isFinite, y.isFinite else { return }
        let head = "<circle cx=\"\(x.short)\" cy=\"\(y.short)\" r=\"\(radius.short)\" fill=\"\(Self.escaped(fill))\""
        elements.append(title.map { head + "><title>\(Self.escaped($0))</title></circle>" } ?? head + "/>")
    }

    package mutating func text(
        _ text: String, x: Double, y: Double, size: Double = 11, anchor: Anchor = .start, fill: String = "#444",
        isBold: Bool = false
    ) {
        elements.append(
            "<text x=\"\(x.short)\" y=\"\(y.short)\" font-size=\"\(size.short)\" text-anchor=\"\(anchor.rawValue)\" "
                + "fill=\"\(Self.escaped(fill))\"\(isBold ? " font-weight=\"600\"" : "")>\(Self.escaped(text))</text>")
    }

    /// The file's content.
    package var svg: String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width.short)" height="\(height.short)" \
        viewBox="0 0 \(width.short) \(height.short)" font-family="system-ui, sans-serif">
        <rect width="100%" height="100%" fill="#ffffff"/>
        \(elements.joined(separator: "\n"))
        </svg>

        """
    }

    /// XML 1.0 section 2.2: signs below a space, but for tab and line ends, are none.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\t", "\n": escaped += " "
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension Double {
    /// The number in decimal, to a hundredth of a pixel, without zeros at the end.
    fileprivate var short: String {
        let text = decimals(2)
        guard text.contains(".") else { return text == "-" ? "0" : text }
        var trimmed = text
        while trimmed.last == "0" { trimmed.removeLast() }
        if trimmed.last == "." { trimmed.removeLast() }
        return trimmed
    }
}
