import Drawing
import JSONTree
import Time

/// An alignment study as a picture: a panel for each axis, success with its interval over the distance.
package struct AlignmentFigure {
    private static let panel = (width: 250.0, height: 130.0, left: 52.0, top: 46.0, right: 18.0, bottom: 42.0)
    private static let columns = 4
    private static let head = 54.0
    private static let colour = (line: "#1f5fa8", amber: "#c98a00", red: "#c0392b", grid: "#e8e8e8", text: "#777")
    private let table: AlignmentTable

    package init(_ table: AlignmentTable) { self.table = table }

    package var svg: String {
        let (panel, columns) = (Self.panel, min(Self.columns, max(table.curves.count, 1)))
        let rows = (table.curves.count + columns - 1) / columns
        let cell = (width: panel.left + panel.width + panel.right, height: panel.top + panel.height + panel.bottom)
        var drawing = SVGDrawing(
            width: Double(columns) * cell.width, height: Self.head + Double(rows) * cell.height + 24)
        drawing.text(
            "How well must the goal fit? \(table.task.rawValue), \(table.object)", x: panel.left, y: 28, size: 17,
            fill: "#222",
            isBold: true)
        drawing.text(
            "success of \(table.policy) with a goal that differs from the scene in one thing; bars: 95 % Wilson",
            x: panel.left,
            y: 46, size: 11, fill: "#666")
        for (index, curve) in table.curves.enumerated() {
            draw(
                curve, left: Double(index % columns) * cell.width + panel.left,
                top: Self.head + Double(index / columns) * cell.height + panel.top, into: &drawing)
        }
        drawing.text(
            "blue line: the non-increasing curve nearest to the points; amber: fallen by a tenth, red: halved",
            x: panel.left,
            y: Self.head + Double(rows) * cell.height + 12, size: 10, fill: "#666")
        return drawing.svg
    }

    private func draw(_ curve: AlignmentTable.Curve, left: Double, top: Double, into drawing: inout SVGDrawing) {
        let (panel, colour) = (Self.panel, Self.colour)
        let values = curve.rows.map(\.value)
        func y(_ rate: Double) -> Double { top + (1 - rate) * panel.height }
        func x(_ place: Double) -> Double { left + (place + 0.5) / Double(max(values.count, 1)) * panel.width }
        drawing.text(curve.axis.rawValue, x: left, y: top - 20, size: 12, fill: "#222", isBold: true)
        drawing.text(curve.axis.words, x: left, y: top - 7, size: 10, fill: "#666")
        for share in [0, 0.25, 0.5, 0.75, 1] {
            drawing.line(from: (left, y(share)), to: (left + panel.width, y(share)), stroke: colour.grid)
            drawing.text(
                "\((100 * share).decimals(0)) %", x: left - 6, y: y(share) + 3.5, size: 9, anchor: .end,
                fill: colour.text)
        }
        if case .success(let limits) = curve.limits {
            for (limit, stroke) in [(limits.amber, colour.amber), (limits.red, colour.red)] {
                guard let place = limit.flatMap({ Self.place(of: $0, among: values) }) else { continue }
                drawing.line(
                    from: (x(place), top), to: (x(place), top + panel.height), stroke: stroke, width: 1.5, dashes: "4 3"
                )
            }
            let places = limits.curve.compactMap { point in
                values.firstIndex(of: point.value).map { (x(Double($0)), y(point.rate)) }
            }
            drawing.polyline(places.map { (x: $0.0, y: $0.1) }, stroke: colour.line, width: 1.5)
        }
        for (index, row) in curve.rows.enumerated() {
            let middle = x(Double(index))
            drawing.text(
                JSONNode(number: row.value).text(), x: middle, y: top + panel.height + 13, size: 9, anchor: .middle,
                fill: colour.text)
            guard row.summary.episodes > 0 else { continue }
            let interval = row.summary.interval
            drawing.line(
                from: (middle, y(interval.upperBound)), to: (middle, y(interval.lowerBound)), stroke: "#9db8d6",
                width: 3)
            drawing.circle(
                x: middle, y: y(row.summary.rate), radius: 3.5, fill: colour.line,
                title: "\(row.summary.successes) of \(row.summary.episodes)")
        }
        drawing.text(
            curve.axis.unit, x: left + panel.width / 2, y: top + panel.height + 27, size: 9, anchor: .middle,
            fill: colour.text)
        drawing.rectangle(x: left, y: top, width: panel.width, height: panel.height, fill: "none", stroke: "#bbb")
    }

    /// The values stand at equal distances, as each is about twice the one before: where one that lies between them
    /// stands.
    static func place(of value: Double, among values: [Double]) -> Double? {
        guard let next = values.firstIndex(where: { $0 >= value }) else { return nil }
        if next == 0 || values[next] == value { return Double(next) }
        return Double(next - 1) + (value - values[next - 1]) / (values[next] - values[next - 1])
    }
}
