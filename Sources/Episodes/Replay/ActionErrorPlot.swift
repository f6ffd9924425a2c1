import Drawing

/// How far a policy's actions are from the logged ones, over the time of an episode: a diagram for each number.
package struct ActionErrorPlot {
    private static let size = (width: 1200.0, left: 70.0, right: 24.0, panel: 104.0, gap: 34.0, top: 66.0, bottom: 40.0)
    private static let colour = "#1f5fa8"
    /// Names and units of the numbers of a Bridge action.
    private static let names = [
        ("dx", "m"), ("dy", "m"), ("dz", "m"), ("droll", "rad"), ("dpitch", "rad"), ("dyaw", "rad"), ("gripper", ""),
    ]

    private let title: String
    private let points: [(time: Double, errors: [Double])]

    /// Makes a plot of the errors at some times.
    /// - Parameter points: time in seconds, and computed minus logged value of each number.
    package init(title: String, points: [(time: Double, errors: [Double])]) {
        self.title = title
        self.points = points
    }

    private func panel(_ element: Int, of count: Int) -> PlotPanel {
        let name = count == Self.names.count ? Self.names[element] : ("number \(element)", "")
        return PlotPanel(
            title: name.0, unit: name.1,
            series: [
                .init(
                    name: "computed - logged", colour: Self.colour, isDotted: true,
                    points: points.compactMap { element < $0.errors.count ? ($0.time, $0.errors[element]) : nil })
            ], includes: [0], leastSpan: 1e-6)
    }

    package var svg: String {
        let count = points.map(\.errors.count).max() ?? 0
        let height = Self.size.top + Double(count) * (Self.size.panel + Self.size.gap) + Self.size.bottom
        var drawing = SVGDrawing(width: Self.size.width, height: height)
        drawing.text(title, x: Self.size.left, y: 30, size: 18, fill: "#222", isBold: true)
        drawing.text(
            "error of each chunk's first action: computed - logged, \(points.count) chunks", x: Self.size.left, y: 48,
            size: 12,
            fill: "#666")
        let end = max(points.map(\.time).max() ?? 0, 1e-3)
        for element in 0..<count {
            let place = PlotPanel.Place(
                left: Self.size.left, top: Self.size.top + Double(element) * (Self.size.panel + Self.size.gap),
                width: Self.size.width - Self.size.left - Self.size.right, height: Self.size.panel, times: 0...end)
            panel(element, of: count).draw(in: place, marksTime: element == count - 1, into: &drawing)
        }
        drawing.text("seconds", x: Self.size.width / 2, y: height - 8, anchor: .middle)
        return drawing.svg
    }
}
