import ArmDrivers
import Control
import Maths
import Messages
import ServoEmulation
import Time

/// What a servo of the grid's arm may be told.
struct GridServo {
    var id: UInt8
    /// Pulses.
    var limits: ClosedRange<Int>
    /// Pulses from one tick to the next; a goal is rounded, and so is the position it starts from.
    private var stride: Double
    /// Set for the gripper, whose way is counted in openings; `stride` then is openings.
    private var gripper: ServoLayout.Gripper?
    /// Pulses per second at the most.
    private(set) var speed: Double
    private static let rounding = 2

    /// - Parameter period: seconds from tick to tick.
    init(_ joint: ServoLayout.Joint, velocity: Double, period: Double) {
        (id, limits) = (joint.id, joint.limits)
        speed = velocity * 4_096 / (2 * .pi)
        stride = speed * period
    }

    init(_ gripper: ServoLayout.Gripper, strokesPerSecond: Double, period: Double) {
        (id, limits, self.gripper) = (gripper.id, gripper.limits, gripper)
        stride = strokesPerSecond * period
        speed = 0
        for step in 0...20 {
            let opening = Double(step) / 20
            let way = abs(gripper.pulse(opening + stride / 2) - gripper.pulse(opening - stride / 2))
            speed = max(speed, Double(way + 2) / period)
        }
    }

    /// The goals within so many ticks' travel of `pulses`.
    func reach(from pulses: Int, ticks: Double = 1) -> ClosedRange<Int> {
        guard let gripper else {
            let way = Int((stride * ticks).rounded(.up)) + Self.rounding
            return pulses - way...pulses + way
        }
        // The goal was rounded to this pulse; where a crank is near its dead centre half a pulse before is many after.
        let openings = [gripper.opening(Double(pulses) - 0.5), gripper.opening(Double(pulses) + 0.5)].sorted()
        let ends = [
            gripper.pulse(openings[0] - stride * ticks), gripper.pulse(openings[1] + stride * ticks), pulses,
        ].sorted()
        return ends[0] - 1...ends[2] + 1
    }
}

/// Judges what an arm's servos were told and what became of their shafts, whatever went wrong meanwhile.
///
/// It counts pulses and the simulation's own time. Rules, by number: 1 limits, 2 a tick's travel, 3 nothing to who was
/// not read, 4 torque only where the servo stands, 5 faults are named, 6 the shaft's way, 7 a way back, 8 no motion
/// without a reset.
struct GridJudge {
    struct Violation: Equatable, CustomStringConvertible {
        var rule: Int
        var time: MonotonicTime
        var text: String
        /// Since the simulation's beginning.
        var description: String {
            "rule \(rule) at \((time - (.zero + .seconds(10))).inSeconds.decimals(3)) s: \(text)"
        }
    }
    /// A goal that got lost on the way is excused while the servo's answers are no older than this: the arm cannot know
    /// of the loss. As many ticks as answers may be missed, and one.
    private static let freshness = Duration.milliseconds(80)
    /// How long a fault may go without its name.
    private static let patience = Duration.milliseconds(500)
    /// What comes before a silent servo counts as one: the answers that may be missed, and the tick that asks.
    private static let tolerance = Duration.milliseconds(120)

    /// What is known of one servo.
    private struct Record {
        /// The last goal that was sent to it, and the same if it had torque then and ever since.
        var sent: Int?
        var firm: Int?
        /// The last goal that it took, with torque then and ever since, and how many were sent after it.
        var taken: Int?
        var lost = 0.0
        /// The last position that it really told, and when that reached the host.
        var told: Int?
        var toldTime: MonotonicTime?
        /// It has told a position since the line was opened.
        var isKnown = false
        var stance: ServoStance?
        /// Since when the goal it took has been the same, about, and where it stood some time later.
        var restGoal: Int?
        var restTime = MonotonicTime.zero
        var restPosition: Int?
        /// Since when it has been without torque, far from its goal.
        var limpSince: MonotonicTime?
        var farSince: MonotonicTime?
        /// Where it stood when the arm had come to rest behind a fault.
        var latched: Int?
    }
    private let servos: [GridServo]
    private var records: [UInt8: Record] = [:]
    /// Where each stood over the last quarter of a second; apart, so that nothing is copied.
    private var ways: [UInt8: [(time: MonotonicTime, position: Int)]] = [:]
    private(set) var violations: [Violation] = []
    /// Servos with an error of their own, and since when.
    private var failing: [UInt8: MonotonicTime] = [:]
    private var latchedSince: MonotonicTime?
    /// When somebody said that the arm may go on; nil once it did, or should have.
    private var resetTime: MonotonicTime?
    /// The servo that a fault is about, if it is about one, and shadows that have the same.
    var culprits: Set<UInt8> = []

    init(_ servos: [GridServo]) {
        self.servos = servos
        for servo in servos { records[servo.id] = Record() }
    }

    private mutating func blame(_ rule: Int, _ time: MonotonicTime, _ text: @autoclosure () -> String) {
        // One of each rule says enough; the rest follows from it.
        guard !violations.contains(where: { $0.rule == rule }) else { return }
        violations.append(Violation(rule: rule, time: time, text: text()))
    }

    // MARK: - The line

    /// The line was opened anew: nobody is known.
    mutating func reopened() {
        for id in records.keys { records[id]?.isKnown = false }
    }

    /// The host was told a position.
    mutating func told(_ reading: PositionReading, at now: MonotonicTime) {
        records[reading.id]?.isKnown = true
        guard !reading.isGarbled else { return }
        records[reading.id]?.told = reading.pulses
        records[reading.id]?.toldTime = now
    }

    /// The host has sent a goal, which may or may not arrive.
    mutating func sent(_ goal: Int, to id: UInt8, at now: MonotonicTime) {
        guard let servo = servos.first(where: { $0.id == id }), var record = records[id] else { return }
        defer { records[id] = record }
        let told = record.told
        if !servo.limits.contains(goal) {
            let isWayBack = told.map { min($0, servo.limits.lowerBound)...max($0, servo.limits.upperBound) }?.contains(
                goal)
            if isWayBack != true { blame(1, now, "servo \(id) was sent to \(goal), limits \(servo.limits)") }
        }
        if !record.isKnown {
            blame(3, now, "servo \(id) was sent to \(goal) and has told nothing since the line was opened")
        }
        let hasTorque = record.stance?.isTorqueOn ?? false
        let references = [hasTorque ? record.firm : record.sent, told].compactMap { $0 }
        if !references.contains(where: { servo.reach(from: $0).contains(goal) }) {
            blame(
                2, now,
                "servo \(id) was sent to \(goal), last goal "
                    + "\(record.sent ?? -1)\(record.firm == nil ? " (without torque)" : ""), last told \(told ?? -1), "
                    + "stands at \(record.stance?.position ?? -1)")
        }
        record.sent = goal
        record.firm = hasTorque ? goal : nil
        if record.toldTime.map({ now - $0 <= Self.freshness }) ?? false { record.lost += 1 }
    }

    /// A servo has accepted a write.
    mutating func accepted(_ write: RegisterWrite, isGoal: Bool) {
        let now = MonotonicTime(nanoseconds: write.time)
        let (before, after) = (write.before, write.after)
        if after.isTorqueOn && !before.isTorqueOn {
            if abs(after.goal - after.position) > 2 {
                blame(4, now, "servo \(write.id) got torque at \(after.position) with the goal \(after.goal)")
            }
            if latchedSince != nil { blame(8, now, "servo \(write.id) got torque without a reset") }
        }
        guard isGoal, let servo = servos.first(where: { $0.id == write.id }), var record = records[write.id] else {
            return
        }
        defer { records[write.id] = record }
        if after.isTorqueOn {
            // Of those that were lost on the way the arm knows only by and by.
            let isNear =
                record.taken.map { servo.reach(from: $0, ticks: max(record.lost, 1)).contains(after.goal) } ?? false
                || [record.told, after.position].compactMap { $0 }.contains {
                    servo.reach(from: $0).contains(after.goal)
                }
            if !isNear {
                blame(
                    2, now,
                    "servo \(write.id) took \(after.goal), the last it took was \(record.taken ?? -1) and "
                        + "\(Int(record.lost)) were sent, last told \(record.told ?? -1), stands at \(after.position)")
            }
        }
        record.taken = after.isTorqueOn ? after.goal : nil
        record.lost = 0
        if record.restGoal.map({ abs($0 - after.goal) > 2 }) ?? true {
            (record.restGoal, record.restTime, record.restPosition) = (after.goal, now, nil)
        }
    }

    // MARK: - The shafts

    /// Where a servo stands at `now`; to be told often.
    mutating func stands(_ id: UInt8, _ stance: ServoStance, at now: MonotonicTime) {
        guard let servo = servos.first(where: { $0.id == id }), var record = records[id] else { return }
        defer { records[id] = record }
        record.stance = stance
        guard stance.isTorqueOn else {
            (record.firm, record.taken, record.latched, record.restGoal) = (nil, nil, nil, nil)
            ways[id]?.removeAll(keepingCapacity: true)
            return
        }
        guard let start = extendWay(of: id, to: stance.position, at: now) else { return }
        let seconds = (now - start.time).inSeconds
        let moved = abs(stance.position - start.position)
        // A servo lags, and catches up with up to as many goals as may be lost.
        if Double(moved) > servo.speed * (seconds + 0.12) + 8 {
            blame(
                6, now,
                "servo \(id) turned by \(moved) pulses within \(seconds.decimals(3)) s, \(Int(servo.speed)) a second "
                    + "are allowed"
            )
        }
        let limits = servo.limits.lowerBound - 4...servo.limits.upperBound + 4
        if !limits.contains(stance.position), limits.contains(start.position) {
            blame(6, now, "servo \(id) went to \(stance.position), limits \(servo.limits)")
        }
        if record.restGoal != nil, now - record.restTime > .milliseconds(400) {
            let rest = record.restPosition ?? stance.position
            record.restPosition = rest
            if abs(stance.position - rest) > 8 {
                blame(6, now, "servo \(id) went from \(rest) to \(stance.position) while its goal rested")
            }
        }
        guard latchedSince.map({ now - $0 > Self.patience }) ?? false else { return }
        let rest = record.latched ?? stance.position
        record.latched = rest
        if abs(stance.position - rest) > 8 {
            blame(8, now, "servo \(id) went from \(rest) to \(stance.position) without a reset")
        }
    }

    /// - Returns: where it stood a quarter of a second ago; nil if it is known already where it stands at `now`.
    private mutating func extendWay(
        of id: UInt8, to position: Int, at now: MonotonicTime
    ) -> (time: MonotonicTime, position: Int)? {
        if let last = ways[id]?.last, last.time == now { return nil }
        ways[id, default: []].append((now, position))
        while let first = ways[id]?.first, now - first.time > .milliseconds(250), (ways[id]?.count ?? 0) > 2 {
            ways[id]?.removeFirst()
        }
        return ways[id]?.first
    }

    /// A hand has turned a servo.
    mutating func turned(_ id: UInt8) {
        ways[id] = nil
        records[id]?.latched = nil
        records[id]?.restPosition = nil
    }

    /// A servo reports an error from now on, or no longer.
    mutating func fails(_ id: UInt8, _ fails: Bool, at now: MonotonicTime) { failing[id] = fails ? now : nil }

    // MARK: - The state

    /// The process runs again after a while in which nothing could be named.
    mutating func resumed(at now: MonotonicTime) {
        for id in records.keys {
            if records[id]?.toldTime != nil { records[id]?.toldTime = now }
            if records[id]?.limpSince != nil { records[id]?.limpSince = now }
            if records[id]?.farSince != nil { records[id]?.farSince = now }
        }
        for id in failing.keys { failing[id] = now }
    }

    /// A person has said: go on.
    mutating func reset(at now: MonotonicTime) {
        latchedSince = nil
        resetTime = now
        for id in records.keys { records[id]?.latched = nil }
    }

    /// What a tick's snapshot says.
    /// - Parameters:
    ///   - isLimp: the servos are meant to be without torque.
    ///   - named: the servo that the snapshot blames.
    mutating func ticked(_ mode: ArmMode, isLimp: Bool, named: Int?, at now: MonotonicTime) {
        let isHalted = Self.fault(mode) != nil || mode == .holding(.emergencyStop)
        // Setting servos up takes its time.
        if !isHalted || resetTime.map({ now - $0 > .seconds(1) }) ?? false { resetTime = nil }
        if isHalted {
            if resetTime == nil { latchedSince = latchedSince ?? now }
        } else if latchedSince != nil, Self.moves(mode) {
            blame(8, now, "the arm is \(mode) without a reset after a fault")
        }
        let found = findings(isLimp: isLimp, at: now)
        guard let worst = found.max(by: { $0.lasting < $1.lasting }), worst.lasting > Self.patience else { return }
        let isHeld = mode == .holding(.emergencyStop) || mode == .holding(.stopping)
        if Self.fault(mode) == nil && !isHeld {
            blame(
                5, now,
                "servo \(worst.id) \(worst.text) for \(worst.lasting.inSeconds.decimals(2)) s, the arm says \(mode)")
        } else if !isHeld, !culprits.isEmpty, let named, !culprits.contains(where: { Int($0) == named }) {
            let expected = culprits.sorted()
            blame(5, now, "servo \(worst.id) \(worst.text), blamed is servo \(named), not \(expected)")
        }
    }

    private func findings(isLimp: Bool, at now: MonotonicTime) -> [(id: UInt8, text: String, lasting: Duration)] {
        var found: [(id: UInt8, text: String, lasting: Duration)] = []
        for servo in servos {
            guard let record = records[servo.id] else { continue }
            if let told = record.toldTime, now - told > Self.tolerance {
                found.append((servo.id, "has been silent", now - told - Self.tolerance))
            }
            if let since = failing[servo.id] { found.append((servo.id, "has reported an error", now - since)) }
            if !isLimp, let since = record.limpSince { found.append((servo.id, "has had no torque", now - since)) }
            if !isLimp, let since = record.farSince { found.append((servo.id, "has not followed", now - since)) }
        }
        return found
    }

    /// Notes what a servo's stance means, once per tick.
    mutating func noteStances(isLimp: Bool, at now: MonotonicTime) {
        for id in records.keys {
            guard let record = records[id], let stance = record.stance else { continue }
            let isFar = record.firm.map { abs($0 - stance.position) > 150 } ?? false
            records[id]?.limpSince = stance.isTorqueOn || isLimp ? nil : record.limpSince ?? now
            records[id]?.farSince = isFar && !isLimp ? record.farSince ?? now : nil
        }
    }

    /// A way back that should have been there was not.
    mutating func noWayBack(_ text: String, at now: MonotonicTime) { blame(7, now, text) }

    static func fault(_ mode: ArmMode) -> HoldReason? {
        guard case .holding(let reason) = mode else { return nil }
        switch reason {
        case .driverFault, .stalled, .overloaded, .overheated, .notFollowing: return reason
        case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .stopping, .emergencyStop, .beyondLimits, .released,
            .awaitingResume:
            return nil
        }
    }

    static func moves(_ mode: ArmMode) -> Bool {
        switch mode {
        case .executing, .manual, .recovering: true
        case .holding: false
        }
    }
}
