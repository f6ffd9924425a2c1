extension Double {
    /// The number with `count` digits after the point, never "-0.0"; "-" for what is no number, or too large to be
    /// shown so.
    package func decimals(_ count: Int) -> String {
        var scale = 1
        for _ in 0..<count { scale *= 10 }
        guard isFinite, magnitude * Double(scale) < 1e18 else { return "-" }
        let scaled = Int((magnitude * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return (self < 0 && scaled > 0 ? "-" : "") + String(scaled / scale)
            + (count == 0 ? "" : "." + String(repeating: "0", count: count - fraction.count) + fraction)
    }
}
