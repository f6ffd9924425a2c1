import Maths
import Messages
import Time

/// What is known of every servo of an arm, and since when. Real-time safe.
///
/// A servo that has never been read has no position here, not even a default one; one that has fallen silent keeps the
/// position it told last, and when that was. What no joint could have reached since its last answer is refused.
struct ServoReadings {
    /// One whole answer.
    struct Measurement: Equatable, Sendable, BitwiseCopyable {
        /// The servo looked at itself after the question went out and before its answer was there; on a busy machine
        /// these are far apart, and far from the tick's stamp.
        var asked: MonotonicTime
        var answered: MonotonicTime
        var pulse: Double
        /// Velocity, pulses per second.
        var velocity: Double
        /// -1 ... 1 of what it may push.
        var load: Double
    }
    enum Knowledge: Equatable, Sendable, BitwiseCopyable {
        case neverRead
        case read(Measurement)
        /// The servo is silent since the first tick without an answer; `last` is what it said before.
        case lost(since: MonotonicTime, last: Measurement)

        /// The last answer, however old.
        var last: Measurement? {
            switch self {
            case .neverRead: nil
            case .read(let measurement), .lost(_, let measurement): measurement
            }
        }
    }
    struct Servo: Sendable {
        var knowledge = Knowledge.neverRead
        var temperature = Temperature()
        /// Number of ticks in a row without an answer.
        var misses = 0
        /// The servo has answered in this tick.
        var hasAnswered = false
        /// The servo's answer to the last question was not believed.
        var wasRefused = false
        /// What it told last, from where it was not to be expected; a second answer that agrees with it may count.
        var doubted: Measurement?
    }

    /// Highest speed that is believed, pulses per second: 12 rad/s, faster than the servos of an arm turn, and than a
    /// hand turns a joint. An XL330-M288 is made for 10.7 rad/s (its velocity limit, see `CalibrationCeiling`), an
    /// XM430-W350 for 4.8, an STS3215 for about 5.
    static var fastest: Double { 12 / ServoLayout.Joint.radiansPerPulse }
    /// How old a servo's own sample may be when it answers, seconds.
    private static var oldestSample: Double { 0.005 }
    /// Encoder noise and backlash, pulses.
    private static var noise: Double { 20 }
    /// How much a servo's speed is to change since its last answer without being asked twice, pulses per second: 3
    /// rad/s.
    private static var usualChange: Double { 2_000 }
    /// Longest time since a servo's last answer, seconds, for which one answer is enough when it has moved; later it is
    /// asked twice, for the setpoint may be drawn by what it tells.
    private static var longestGap: Double { 0.06 }

    private(set) var servos: [Servo]
    /// Number of answers that did not come, or not whole, since the start.
    private(set) var missed: UInt64 = 0
    /// Answers that told a place which the servo could not have reached, since the start.
    private(set) var implausible: UInt64 = 0

    init(count: Int) { servos = [Servo](repeating: Servo(), count: count) }

    /// Whether every servo has answered in this tick.
    var isComplete: Bool {
        for index in servos.indices where !servos[index].hasAnswered { return false }
        return true
    }

    /// Whether every servo has been read at some time.
    var isKnown: Bool {
        for index in servos.indices where servos[index].knowledge == .neverRead { return false }
        return true
    }

    /// The place that was read last, pulses; nil if there never was one.
    func pulse(_ index: Int) -> Double? { servos[index].knowledge.last?.pulse }

    /// Forgets where the servos are, as after a reconnection; temperatures stay.
    mutating func forget() {
        for index in servos.indices {
            servos[index].knowledge = .neverRead
            (servos[index].misses, servos[index].doubted) = (0, nil)
        }
    }

    mutating func begin() {
        for index in servos.indices { (servos[index].hasAnswered, servos[index].wasRefused) = (false, false) }
    }

    /// Takes note that a question goes out.
    mutating func beginQuestion() {
        for index in servos.indices { servos[index].wasRefused = false }
    }

    /// Whether every servo has answered in this tick, or said something to the last question that was not believed:
    /// there is nothing to wait for.
    var isHeard: Bool {
        for index in servos.indices where !servos[index].hasAnswered && !servos[index].wasRefused { return false }
        return true
    }

    private enum Plausibility {
        case expected
        /// The place is possible, but not where the last answer led to expect it.
        case surprising
        case impossible
    }

    private static func plausibility(of new: Measurement, after last: Measurement) -> Plausibility {
        let longest = max(0, (new.answered - last.asked).inSeconds) + oldestSample
        let shortest = max(0, (new.asked - last.answered).inSeconds - oldestSample)
        let moved = new.pulse - last.pulse
        if abs(moved) > fastest * longest + noise { return .impossible }
        let coasted = (last.velocity * shortest, last.velocity * longest)
        let surprise = max(min(coasted.0, coasted.1) - moved, moved - max(coasted.0, coasted.1), 0)
        let isNear = abs(moved) <= noise || longest <= longestGap && surprise <= usualChange * longest + noise
        return isNear ? .expected : .surprising
    }

    /// Takes a whole answer, unless it is from a place that the servo could not have reached. From one where it was not
    /// expected, and at first, two answers are believed: a garbled one with a right checksum does not come twice.
    /// - Parameter isHeld: torque is on. Without it a hand may take the joint anywhere between two looks.
    mutating func answered(_ index: Int, _ measurement: Measurement, isHeld: Bool) {
        let isConfirmed =
            servos[index].doubted.map { Self.plausibility(of: measurement, after: $0) == .expected } ?? false
        if let last = servos[index].knowledge.last {
            let plausibility = Self.plausibility(of: measurement, after: last)
            if plausibility == .impossible && (isHeld || !isConfirmed) || plausibility == .surprising && !isConfirmed {
                if plausibility == .impossible { implausible += 1 }
                servos[index].doubted = measurement
                servos[index].wasRefused = true
                return
            }
        } else if !isConfirmed {
            // All that follows is measured by the first place.
            servos[index].doubted = measurement
            servos[index].wasRefused = true
            return
        }
        servos[index].doubted = nil
        servos[index].knowledge = .read(measurement)
        servos[index].misses = 0
        servos[index].hasAnswered = true
    }

    /// Takes a temperature at the start, which was asked for twice.
    mutating func startTemperature(_ degrees: Int, of index: Int) {
        for _ in 0..<2 { servos[index].temperature.take(Double(degrees)) }
    }

    mutating func setTemperature(_ degrees: Int, of index: Int) { servos[index].temperature.take(Double(degrees)) }

    /// How much silence is borne: at least so many ticks, and so long.
    struct Tolerance {
        var ticks: Int
        var time: Duration
    }

    /// Ends a tick: whoever has not answered is lost from now on, and stays where it was read last.
    /// - Returns: the first servo that was never read, or has been silent for longer than is tolerated.
    mutating func end(at now: MonotonicTime, tolerated: Tolerance) -> Int? {
        var silent: Int?
        for index in servos.indices where !servos[index].hasAnswered {
            missed += 1
            servos[index].misses += 1
            switch servos[index].knowledge {
            case .neverRead: silent = silent ?? index
            case .read(let last): servos[index].knowledge = .lost(since: now, last: last)
            case .lost(let since, _):
                if servos[index].misses > tolerated.ticks, now - since >= tolerated.time { silent = silent ?? index }
            }
        }
        return silent
    }

    /// What the arm does, as the servos told; nil while one of them was never read.
    ///
    /// The servos of `layout`'s joints come first, then the gripper's.
    func state(_ layout: ServoLayout, looks: ServoLooks, at now: MonotonicTime) -> JointState? {
        let count = layout.joints.count
        var positions = JointVector(repeating: 0, count: count)
        var velocities = positions
        var load = positions
        var temperatures = positions
        var knowsTemperatures = true
        var unread = JointSet()
        for joint in 0..<count {
            guard let last = servos[joint].knowledge.last else { return nil }
            if !servos[joint].hasAnswered { unread.insert(joint) }
            let direction = Double(layout.joints[joint].direction)
            positions[joint] = layout.joints[joint].radians(last.pulse)
            velocities[joint] = direction * last.velocity * ServoLayout.Joint.radiansPerPulse
            load[joint] = direction * last.load
            if let own = servos[joint].temperature.degrees {
                temperatures[joint] = max(own, looks.hottestShadow(of: joint) ?? own)
            } else {
                knowsTemperatures = false
            }
        }
        guard let hand = servos[count].knowledge.last else { return nil }
        if !servos[count].hasAnswered { unread.insert(count) }
        return JointState(
            time: now, positions: positions, velocities: velocities, gripper: layout.gripper.opening(hand.pulse),
            load: load,
            temperatures: knowsTemperatures ? temperatures : nil, gripperLoad: abs(hand.load),
            gripperTemperature: servos[count].temperature.degrees, unread: unread)
    }
}

/// A servo's temperature, of which one garbled answer changes nothing: what is far from the last is believed when the
/// next answer says it again.
struct Temperature: Equatable, Sendable, BitwiseCopyable {
    /// Change of temperature that is too large between two looks, degrees Celsius.
    private static var jump: Double { 10 }

    /// Temperature, degrees Celsius; nil before the first answer that counts.
    private(set) var degrees: Double?
    private var doubted: Double?

    /// The last answer waits to be confirmed.
    var isDoubtful: Bool { doubted != nil }

    mutating func take(_ told: Double) {
        let isNear = degrees.map { abs($0 - told) <= Self.jump } ?? false
        let isConfirmed = doubted.map { abs($0 - told) <= Self.jump } ?? false
        guard isNear || isConfirmed else { return doubted = told }
        (degrees, doubted) = (told, nil)
    }
}
