extension Double {
    /// This angle in radians, as degrees for people.
    var inDegrees: Double { self * 180 / .pi }
}
