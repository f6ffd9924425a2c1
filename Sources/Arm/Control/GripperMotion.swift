import Messages

/// The gripper's way from what is asked for to what is sent. All numbers are openings, 0 closed ... 1 open. Pure;
/// real-time safe.
struct GripperMotion: Sendable, BitwiseCopyable {
    /// The most that the opening changes in one tick.
    let stroke: Double
    /// The opening that is asked for.
    private var target: Double
    /// The opening on the way to `target`, at the gripper's speed.
    private var opening: Double
    /// The opening to send: `opening`, unless something is in its way.
    private(set) var sent: Double
    private var latch: GripperLatch
    /// Keeps it from pushing too hard; nil when the servos are not watched.
    private var gripGuard: GripGuard?

    /// Makes a gripper that stays at `opening` until something else is asked for.
    /// - Parameters:
    ///   - speed: speed of the gripper, strokes per second.
    ///   - limits: limits of the servos; nil does not watch the gripper's.
    ///   - period: time from tick to tick, seconds.
    ///   - opening: opening at which the gripper was found, 0 closed ... 1 open.
    init(rule: GripperRule, speed: Double, limits: ServoLimits?, period: Double, at opening: Double) {
        stroke = speed * period
        target = opening
        self.opening = opening
        sent = opening
        latch = GripperLatch(rule: rule, opening: opening)
        gripGuard = limits.map { GripGuard(limits: $0, period: period) }
    }

    /// Takes the gripper's number of an action.
    mutating func obey(action number: Double) { target = latch.opening(for: number) }

    /// Goes to `opening`, because an operator wants it.
    mutating func go(to opening: Double) { target = min(max(opening, 0), 1) }

    /// Stops on the way.
    mutating func stay() { target = opening }

    /// Stays where an operator has let it go; the actions that follow start from there.
    mutating func restart() {
        stay()
        latch.restart(at: opening)
    }

    /// Moves for one tick.
    mutating func advance(measured: JointState) {
        opening += limited(target - opening)
        let eased = gripGuard?.eased(opening, measured: measured) ?? opening
        // Nor does it jump when it meets something, or when that gives way.
        sent += limited(eased - sent)
    }

    private func limited(_ way: Double) -> Double { min(max(way, -stroke), stroke) }

    /// Draws the opening to where it was measured, if that is further away than a tick's travel.
    /// - Parameter stays: whether nobody wants it anywhere else.
    /// - Returns: whether it was so far away.
    mutating func draw(to measured: Double, stays: Bool) -> Bool {
        guard abs(sent - measured) > stroke else { return false }
        (opening, sent) = (measured, measured)
        if stays { target = measured }
        gripGuard?.letGo()
        return true
    }

    /// Goes with a gripper that has no torque.
    mutating func goAlong(with measured: Double) {
        (opening, sent) = (measured, measured)
        gripGuard?.letGo()
        restart()
    }
}
