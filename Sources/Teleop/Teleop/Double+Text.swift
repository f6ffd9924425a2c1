extension Double {
    /// Radians as degrees, for people.
    var inDegrees: Double { self * 180 / .pi }
}
