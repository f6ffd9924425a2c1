extension FoxgloveSession {
    /// The clock of the viewer, which it stamps messages with as they come: so it is told the time of each that it is
    /// to get, and, when none comes, how late it is.
    struct Clock: Equatable, Sendable {
        /// How fine the viewer's clock is: a message that is not later than this is stamped with the time before.
        private static let grain: UInt64 = 1_000_000
        /// How often the time is told when nothing happens: playback in the viewer goes on with it.
        private static let idlePeriod: UInt64 = 100_000_000

        /// The time that was told last, nanoseconds.
        private var told: UInt64?

        /// The message that tells a time, nanoseconds; nil when the viewer's clock shows it already, or is beyond it.
        mutating func advance(to time: UInt64) -> [UInt8]? { tell(time, ifLaterBy: Self.grain) }

        /// The message that tells the time while nothing happens; nil when it was told not long ago.
        mutating func idle(at time: UInt64) -> [UInt8]? { tell(time, ifLaterBy: Self.idlePeriod) }

        private mutating func tell(_ time: UInt64, ifLaterBy step: UInt64) -> [UInt8]? {
            if let told, time < told || time - told < step { return nil }
            told = time
            return FoxgloveWire.time(time)
        }
    }
}
