extension Double {
    /// Radians as degrees, for people.
    var inDegrees: Double { self * 180 / .pi }

    /// With so many decimals, never "-0.0".
    func decimals(_ count: Int) -> String {
        guard isFinite, abs(self) < 1e9 else { return "\(self)" }
        var scale = 1.0
        for _ in 0..<count { scale *= 10 }
        let scaled = Int((self * scale).rounded())
        let digits = String(abs(scaled))
        let padded = String(repeating: "0", count: max(0, count + 1 - digits.count)) + digits
        let sign = scaled < 0 ? "-" : ""
        return count == 0 ? sign + padded : sign + padded.dropLast(count) + "." + padded.suffix(count)
    }
}
