/// What one control tick puts on the servo bus.
package struct ServoBudget: Equatable, Sendable {
    /// Sent and received.
    package var bytesPerTick: Int
    /// Bits per second.
    package var baud: Int
    /// What is not bytes: return delays, and an adapter's turn-round.
    package var delaySeconds: Double

    /// Time on the wire, seconds; a byte has ten bits.
    package var tickSeconds: Double { Double(bytesPerTick) * 10 / Double(baud) + delaySeconds }
    /// The highest rate at which four fifths of a tick are enough.
    package var highestHertz: Double { 0.8 / tickSeconds }
}

extension ServoBudget: CustomStringConvertible {
    package var description: String {
        let share = Int((tickSeconds * 1e6).rounded())
        return "\(bytesPerTick) bytes a tick at \(baud) baud: \(share) µs, at most \(Int(highestHertz)) Hz"
    }
}
