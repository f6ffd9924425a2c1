import Time

/// Whose turn it is to be asked for what its position does not tell: whether its torque is on, how hot it is, whether
/// it has stopped by itself. All servos, shadows too, in less than half a second. What is bad counts when a second look
/// says so again. Real-time safe.
struct ServoLooks {
    enum Kind: Equatable, Sendable {
        /// Whether torque is on; with Dynamixel also the servo's errors and its watchdog.
        case torque
        case temperature
    }
    struct Turn: Sendable {
        var id: UInt8
        var kind: Kind
        /// The joint that the servo moves; the number of joints is the gripper.
        var joint: Int
        var isShadow: Bool
        /// Temperature that the servo told as a shadow.
        var temperature = Temperature()
    }
    /// What a look that found nothing good leads to.
    enum Verdict {
        /// The servo is looked at again before it is believed.
        case doubt
        case certain
    }

    /// Time in which every servo is looked at once.
    private static var round: Duration { .milliseconds(360) }
    /// Bad looks in a row before they are believed.
    private static var patience: Int { 2 }

    private var turns: [Turn] = []
    private let period: Duration
    private var place = 0
    private var due = MonotonicTime.zero
    private var badLooks = 0
    private var silentLooks = 0
    private var silentSince = MonotonicTime.zero

    /// Plans the turns in which the layout's servos are looked at one by one.
    /// - Parameter kinds: what each servo is asked for.
    init(_ layout: ServoLayout, kinds: [Kind]) {
        for kind in kinds {
            for (joint, part) in layout.joints.enumerated() {
                turns.append(Turn(id: part.id, kind: kind, joint: joint, isShadow: false))
                // A shadow obeys its leader's id; whether it was there when it was told is its own affair.
                for shadow in part.shadows { turns.append(Turn(id: shadow, kind: kind, joint: joint, isShadow: true)) }
            }
            turns.append(Turn(id: layout.gripper.id, kind: kind, joint: layout.joints.count, isShadow: false))
        }
        period = Self.round / max(turns.count, 1)
    }

    /// The look that is due; nil when it is not time for one.
    func next(at now: MonotonicTime) -> Turn? { now >= due && !turns.isEmpty ? turns[place] : nil }

    /// The look found what it should: on to the next one, in time.
    mutating func wasGood(at now: MonotonicTime) {
        (badLooks, silentLooks) = (0, 0)
        place = (place + 1) % turns.count
        due = now + period
    }

    /// The look found something bad.
    mutating func wasBad(at now: MonotonicTime) -> Verdict {
        badLooks += 1
        silentLooks = 0
        guard badLooks >= Self.patience else { return .doubt }
        wasGood(at: now)
        return .certain
    }

    /// Takes note that the servo did not answer.
    mutating func wasSilent(at now: MonotonicTime, tolerated: ServoReadings.Tolerance) -> Verdict {
        if silentLooks == 0 { silentSince = now }
        silentLooks += 1
        guard silentLooks > tolerated.ticks, now - silentSince >= tolerated.time else { return .doubt }
        wasGood(at: now)
        return .certain
    }

    /// Takes the temperature of the shadow whose turn it is.
    mutating func setTemperature(_ degrees: Int) { turns[place].temperature.take(Double(degrees)) }

    /// Whether the temperature that a shadow told last is waiting to be confirmed.
    var isDoubtful: Bool { turns[place].temperature.isDoubtful }

    /// Temperature of the hottest shadow that turns with a joint, degrees Celsius; nil where there is none, or none was
    /// heard yet.
    func hottestShadow(of joint: Int) -> Double? {
        var hottest: Double?
        for turn in turns where turn.isShadow && turn.joint == joint {
            if let degrees = turn.temperature.degrees { hottest = max(degrees, hottest ?? degrees) }
        }
        return hottest
    }
}
