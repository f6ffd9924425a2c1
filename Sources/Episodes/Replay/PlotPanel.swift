import Drawing
import Time

/// A diagram over time: several lines in one frame, with the marks of its axes.
struct PlotPanel {
    struct Series {
        var name: String
        var colour: String
        var width = 1.5
        /// Whether there are dots in place of a line: values that have nothing between them.
        var isDotted = false
        /// Points: seconds, and the value.
        var points: [(time: Double, value: Double)]
    }
    let title: String
    let unit: String
    let series: [Series]
    /// Values that are part of the axis in any case.
    var includes: [Double] = []
    /// Least height of the axis, in `unit`: without it a value that stands still would fill the height with its noise.
    var leastSpan = 0.0

    /// A panel's place in the drawing, and the times across it.
    struct Place {
        var left: Double
        var top: Double
        var width: Double
        var height: Double
        var times: ClosedRange<Double>

        func x(_ time: Double) -> Double {
            left + (time - times.lowerBound) / max(times.upperBound - times.lowerBound, 1e-9) * width
        }
    }

    /// The axis: a little more than the values.
    var range: ClosedRange<Double> {
        let values = series.flatMap { $0.points.map(\.value) }.filter(\.isFinite) + includes
        guard let low = values.min(), let high = values.max() else { return 0...1 }
        let span = max(high - low, leastSpan, 1e-9)
        let middle = (high + low) / 2
        return (middle - span * 0.54)...(middle + span * 0.54)
    }

    func y(_ value: Double, in place: Place) -> Double {
        let range = range
        return place.top + (range.upperBound - value) / (range.upperBound - range.lowerBound) * place.height
    }

    /// Finds round numbers within a range, about as many as asked for: 1, 2 or 5 times a power of ten apart.
    static func ticks(in range: ClosedRange<Double>, about count: Int) -> [Double] {
        let rough = (range.upperBound - range.lowerBound) / Double(max(count, 1))
        guard rough > 0, rough.isFinite else { return [range.lowerBound] }
        var power = 1.0
        while power > rough { power /= 10 }
        while power * 10 <= rough { power *= 10 }
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? power * 10
        var ticks: [Double] = []
        var number = (range.lowerBound / step).rounded(.up)
        while number * step <= range.upperBound * (1 + 1e-12), ticks.count < 100 {
            ticks.append(number * step)
            number += 1
        }
        return ticks
    }

    /// The tick's number, with as many digits as tell the ticks apart.
    static func text(_ tick: Double, step: Double) -> String {
        var digits = 0
        var step = step
        while step < 0.999, digits < 6 {
            step *= 10
            digits += 1
        }
        return tick.decimals(digits)
    }

    func draw(in place: Place, marksTime: Bool, into drawing: inout SVGDrawing) {
        let (right, bottom) = (place.left + place.width, place.top + place.height)
        let ticks = Self.ticks(in: range, about: 6)
        let step = ticks.count > 1 ? ticks[1] - ticks[0] : 1
        for tick in ticks {
            let y = y(tick, in: place)
            drawing.line(from: (place.left, y), to: (right, y), stroke: "#e8e8e8")
            drawing.text(
                Self.text(tick, step: step), x: place.left - 6, y: y + 3.5, size: 10, anchor: .end, fill: "#777")
        }
        let times = Self.ticks(in: place.times, about: 10)
        let apart = times.count > 1 ? times[1] - times[0] : 1
        for tick in times {
            drawing.line(from: (place.x(tick), bottom), to: (place.x(tick), bottom + 3), stroke: "#999")
            guard marksTime else { continue }
            drawing.text(
                Self.text(tick, step: apart), x: place.x(tick), y: bottom + 15, size: 10, anchor: .middle, fill: "#777")
        }
        drawing.rectangle(
            x: place.left, y: place.top, width: place.width, height: place.height, fill: "none", stroke: "#bbb")
        drawing.text("\(title), \(unit)", x: place.left, y: place.top - 5, isBold: true)
        for line in series {
            if line.isDotted {
                for point in line.points {
                    drawing.circle(x: place.x(point.time), y: y(point.value, in: place), radius: 2, fill: line.colour)
                }
            } else {
                let thinned = Self.thinned(line.points, buckets: Int(place.width), in: place.times)
                drawing.polyline(
                    thinned.map { (place.x($0.time), y($0.value, in: place)) }, stroke: line.colour, width: line.width)
            }
        }
        var x = right
        for line in series.reversed() {
            drawing.text(line.name, x: x, y: place.top - 5, size: 10, anchor: .end, fill: line.colour)
            x -= Double(line.name.count) * 5.6 + 14
        }
    }

    /// Leaves at most two points a bucket, its lowest and its highest in their order: what sticks out stays.
    static func thinned(
        _ points: [(time: Double, value: Double)], buckets: Int, in times: ClosedRange<Double>
    ) -> [(time: Double, value: Double)] {
        guard buckets > 0, points.count > buckets * 2 else { return points }
        var thinned: [(time: Double, value: Double)] = []
        let span = max(times.upperBound - times.lowerBound, 1e-9)
        var index = 0
        while index < points.count {
            let bucket = ((points[index].time - times.lowerBound) / span * Double(buckets)).rounded(.down)
            var (low, high) = (index, index)
            while index < points.count,
                ((points[index].time - times.lowerBound) / span * Double(buckets)).rounded(.down) == bucket
            {
                if points[index].value < points[low].value { low = index }
                if points[index].value > points[high].value { high = index }
                index += 1
            }
            thinned.append(points[min(low, high)])
            if low != high { thinned.append(points[max(low, high)]) }
        }
        return thinned
    }
}
