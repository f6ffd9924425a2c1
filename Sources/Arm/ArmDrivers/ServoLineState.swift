import Messages
import ServoProtocol
import Time

/// What both kinds of servo drivers keep between ticks: what was read, who is looked at next, and whether setpoints may
/// be sent at all.
struct ServoLineState {
    /// How long a servo's silence is borne; meanwhile the arm brakes and stands.
    static var tolerated: ServoReadings.Tolerance { .init(ticks: 3, time: .milliseconds(200)) }
    /// Number of tags by which questions are told apart, each asking for another number of bytes: a late answer to one
    /// of the last seven has another length.
    static var tags: Int { 8 }

    var readings: ServoReadings
    var looks: ServoLooks
    var cost: LineCost?
    /// Whether somebody asked for torque to be off, and it has not been asked for again.
    var isReleased: Bool
    private(set) var isSuspended: Bool
    /// Whether the port is gone.
    private(set) var isLost = false
    private(set) var nextRetry = MonotonicTime.zero
    private(set) var wantsResumption = false
    /// Bytes that the next question asks for beyond what is needed.
    private(set) var tag = 0
    /// Whether answers to former questions came since the last good one, for each servo.
    private var late: [Bool]

    init(_ layout: ServoLayout, kinds: [ServoLooks.Kind], torque: TorqueAtStart) {
        readings = ServoReadings(count: layout.leaders.count)
        looks = ServoLooks(layout, kinds: kinds)
        isReleased = torque == .released
        isSuspended = torque == .suspended
        late = [Bool](repeating: false, count: layout.leaders.count)
    }

    /// Whether torque should be on: it was not released, and nobody has to resume first.
    var expectsTorque: Bool { !isReleased && !isSuspended }

    mutating func nextTag() -> Int {
        tag = (tag + 1) % Self.tags
        return tag
    }

    /// An answer to a former question came.
    mutating func noteLate(_ index: Int) { late[index] = true }

    /// The answer of all servos to a former question came.
    mutating func noteAllLate() { for index in late.indices { late[index] = true } }

    mutating func answered(_ index: Int, _ measurement: ServoReadings.Measurement) {
        readings.answered(index, measurement, isHeld: expectsTorque)
        if readings.servos[index].hasAnswered { late[index] = false }
    }

    /// Suspends the line: from now on nothing is sent until somebody resumes.
    mutating func suspend() { isSuspended = true }

    mutating func lose(at now: MonotonicTime) {
        isSuspended = true
        isLost = true
        nextRetry = now + .milliseconds(500)
    }

    mutating func triedToOpen(at now: MonotonicTime) { nextRetry = now + .milliseconds(500) }

    /// The port is open again; where the servos are now is not known.
    mutating func foundAgain() {
        isLost = false
        readings.forget()
    }

    mutating func askToResume() { if isSuspended { wantsResumption = true } }

    /// Takes the request to resume, which is thereby served.
    /// - Returns: whether somebody has asked since the last call.
    mutating func takeResumption() -> Bool {
        defer { wantsResumption = false }
        return wantsResumption
    }

    /// Takes note that the servos are set up anew.
    mutating func resumed() {
        isSuspended = false
        isReleased = false
    }

    /// Ends a tick's questions.
    /// - Returns: the servo that has been silent for too long, and in what way; nil if there is none.
    mutating func endTick(_ leaders: [UInt8], at now: MonotonicTime) -> ArmDriverError? {
        guard let silent = readings.end(at: now, tolerated: Self.tolerated) else { return nil }
        let servo = Int(leaders[silent])
        if readings.servos[silent].wasRefused, let told = readings.servos[silent].doubted,
            let before = readings.pulse(silent)
        {
            return .implausible(servo: servo, told: Int(told.pulse), before: Int(before))
        }
        return late[silent] ? .lateReply(servo: servo) : .noReply(servo: servo)
    }
}

/// Times a line before the arm may move.
struct LineTiming {
    private let ids: [UInt8]
    private var times: [Double] = []
    private var lost = 0
    private var wholeInARow = 0
    /// Number of rounds without an answer, for each servo.
    private var silence: [Int]

    init(_ ids: [UInt8]) {
        self.ids = ids
        silence = [Int](repeating: 0, count: ids.count)
    }

    /// Whether more rounds are needed: twice as many at most, where answers are lost.
    var needsMore: Bool {
        let asked = times.count + lost
        if asked >= 2 * LineCost.rounds { return false }
        return times.count < LineCost.rounds || wholeInARow < LineCost.wholeRounds
    }

    mutating func took(_ time: Duration, _ readings: ServoReadings) {
        if readings.isComplete {
            times.append(time.inSeconds)
            wholeInARow += 1
            return
        }
        lost += 1
        wholeInARow = 0
        for index in ids.indices where !readings.servos[index].hasAnswered { silence[index] += 1 }
    }

    /// Figures of the rounds that were timed.
    /// - Throws: `.unsteady` when the servos were not read whole several times in a row.
    func cost(port: String) throws(ServoStartError) -> LineCost {
        guard wholeInARow >= LineCost.wholeRounds, !times.isEmpty else {
            let worst = ids.indices.max { silence[$0] < silence[$1] } ?? 0
            throw .unsteady(servo: ids[worst], lost: silence[worst], asked: times.count + lost, port: port)
        }
        return LineCost(times, lost: lost)
    }
}

/// Finds and checks where a servo stands before its torque comes on.
enum ServoPlace {
    /// Encoder noise and backlash, pulses: 1°.
    private static let tolerance = 12

    /// Questions until a place has been told three times alike.
    static var attempts: Int { 30 }
    private static let alike = 3
    /// Uncertainty of an encoder, pulses. A joint that moves more between two questions is not held, and waits.
    private static let steadiness = 2

    /// Asks for a place until three answers in a row agree: a garbled one with a right checksum is not told alike again
    /// and again, and a goal is made by this.
    /// - Returns: the place; nil if no three answers in a row were alike.
    static func confirmed(_ ask: () throws(ServoPortError) -> Int?) throws(ServoPortError) -> Int? {
        var last: Int?
        var count = 0
        for _ in 0..<attempts {
            guard let told = try ask() else { continue }
            count = last.map { abs(told - $0) <= steadiness } ?? false ? count + 1 : 1
            if count == alike { return told }
            last = told
        }
        return nil
    }

    static func check(_ id: UInt8, _ position: Int, _ limits: ClosedRange<Int>) -> ServoStartOutcome? {
        let isInside = position >= limits.lowerBound - tolerance && position <= limits.upperBound + tolerance
        return isInside ? nil : .failed(.beyondOwnLimits(servo: id, found: position, limits: limits))
    }
}

extension ServoLayout {
    /// The joint that a servo moves, the number of joints for the gripper; nil for a servo that is not of this arm.
    func joint(movedBy servo: Int) -> Int? {
        if Int(gripper.id) == servo { return joints.count }
        for index in joints.indices {
            if Int(joints[index].id) == servo { return index }
            for shadow in joints[index].shadows where Int(shadow) == servo { return index }
        }
        return nil
    }

    /// The goal for a setpoint: inside `limits`, or where a servo was itself read beyond them, no further out than
    /// there.
    /// - Parameters:
    ///   - index: the joint's index, or the number of joints for the gripper.
    ///   - value: angle in radians for a joint, opening (0 closed ... 1 open) for the gripper.
    ///   - read: position at which the servo was read last, pulses.
    func goal(_ index: Int, _ value: Double, within limits: ClosedRange<Int>, read: Double?) -> Int {
        let wanted = index < joints.count ? joints[index].unlimitedPulse(value) : gripper.pulse(value, foundAt: read)
        let (low, high) = (Double(limits.lowerBound), Double(limits.upperBound))
        return Int(min(max(wanted, min(low, read ?? low)), max(high, read ?? high)).rounded())
    }
}
