/// What goes wrong on an emulated servo bus.
package struct BusFaults: Equatable, Sendable {
    /// Probability that a packet, in either direction, is lost.
    package var dropProbability = 0.0
    /// Probability that a byte of a packet, in either direction, is damaged.
    package var corruptProbability = 0.0
    /// Added to the delay of each answer, seconds.
    package var delay = 0.0
    /// Servos that do not hear.
    package var missing: Set<UInt8> = []
    /// The cable is out: nobody hears.
    package var isUnplugged = false

    package init() {}
}

/// One register that was written, by a packet that was accepted.
package struct RegisterWrite: Equatable, Sendable {
    /// Nanoseconds of the monotonic clock.
    package var time: Int64
    package var id: UInt8
    package var address: Int
    package var data: [UInt8]
}
