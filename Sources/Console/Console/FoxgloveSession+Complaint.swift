import Time

extension FoxgloveSession {
    /// Tells a viewer that it loses messages, at most once a second, and takes it back when it no longer does.
    struct Complaint: Equatable, Sendable {
        private static let id = "dropped"
        private static let period = Duration.seconds(1)
        private static let validity = Duration.seconds(10)

        private var said = FoxgloveQueue.Dropped()
        /// Time at which something was said last.
        private var time: MonotonicTime?
        private var stands = false

        /// What is to be said now; nil for nothing.
        /// - Parameter dropped: all that was dropped since the viewer connected.
        mutating func next(_ dropped: FoxgloveQueue.Dropped, at now: MonotonicTime) -> String? {
            guard dropped != said else {
                guard stands, let time, now - time >= Self.validity else { return nil }
                stands = false
                return FoxgloveWire.removeStatus(Self.id)
            }
            if let time, now - time < Self.period { return nil }
            let (pictures, messages) = (dropped.pictures - said.pictures, dropped.messages - said.messages)
            said = dropped
            time = now
            stands = true
            return FoxgloveWire.status(
                .warning,
                """
                This connection is slower than the run: \(pictures) pictures and \(messages) messages were left out, \
                \(dropped.pictures + dropped.messages) since it began. Subscribe to fewer topics.
                """, id: Self.id)
        }
    }
}
