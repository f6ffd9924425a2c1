import Time

/// What goes wrong on an emulated servo bus.
package struct BusFaults: Equatable, Sendable {
    /// Probability that a packet, in either direction, is lost.
    package var dropProbability = 0.0
    /// Probability that a byte of a packet, in either direction, is damaged.
    package var corruptProbability = 0.0
    /// Probability that an answer tells, with a right checksum, a position that has nothing to do with the servo's.
    package var garbleProbability = 0.0
    /// Time added to the delay of each answer, seconds.
    package var delay = 0.0
    /// The adapter hands bytes over once 62 are there, or so many seconds after the first of them, as an FTDI chip
    /// does; 0 hands over at once.
    package var latency = 0.0
    /// Number of further requests that are answered before the answers to a request are handed over: what the host
    /// takes for an answer to this request is one to an earlier one.
    package var stale = 0
    /// Seconds for which answers pile up in the adapter; then all of them come at once. Begins when the line is next
    /// used, which sets it back to 0.
    package var hold = 0.0
    /// Seconds for which the line is frozen in both directions; then it goes on where it was; the servos have power all
    /// the while. Begins when the line is next used, which sets it back to 0.
    package var pause = 0.0
    /// Servos that do not hear.
    package var missing: Set<UInt8> = []
    /// The cable is out: nobody hears.
    package var isUnplugged = false

    package init() {}
}

/// One register that was written, by a packet that was accepted.
package struct RegisterWrite: Equatable, Sendable {
    /// Time of the write, nanoseconds of the monotonic clock.
    package var time: Int64
    package var id: UInt8
    package var address: Int
    package var data: [UInt8]
    /// The servo before and after it.
    package var before: ServoStance
    package var after: ServoStance

    package init(time: Int64, id: UInt8, address: Int, data: [UInt8], before: ServoStance, after: ServoStance) {
        self.time = time
        self.id = id
        self.address = address
        self.data = data
        self.before = before
        self.after = after
    }
}

/// A servo's place, and the one it is told to go to.
package struct ServoStance: Equatable, Sendable {
    /// Present position, pulses as its position register counts.
    package var position: Int
    /// Goal position, pulses as its goal register says; without torque it goes nowhere.
    package var goal: Int
    package var isTorqueOn: Bool

    package init(position: Int, goal: Int, isTorqueOn: Bool) {
        self.position = position
        self.goal = goal
        self.isTorqueOn = isTorqueOn
    }
}

/// A position that an answer told the host.
package struct PositionReading: Equatable, Sendable {
    package var id: UInt8
    /// What the answer says, pulses.
    package var pulses: Int
    /// The servo stood elsewhere: the line has put another number in its place.
    package var isGarbled: Bool
    /// Time at which the servo stood there.
    package var time: MonotonicTime

    package init(id: UInt8, pulses: Int, isGarbled: Bool, time: MonotonicTime) {
        self.id = id
        self.pulses = pulses
        self.isGarbled = isGarbled
        self.time = time
    }
}
