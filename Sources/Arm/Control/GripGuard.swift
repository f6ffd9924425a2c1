import Messages

/// Keeps a gripper that has met something from pushing with all it has until its servo is too hot. Counts in control
/// ticks. Pure; real-time safe.
///
/// A gripper that stands on an object is no fault: the arm goes on. Its setpoint is held a little beyond where it met
/// the object, which is the force it grips with, until it is told to go the other way.
package struct GripGuard: Equatable, Sendable, BitwiseCopyable {
    /// How far beyond the object the setpoint stays, openings.
    package static let squeeze = 0.05
    /// The least motion within the stall time that counts as one, openings.
    private static let motion = 0.01

    private let stallLoad: Double
    private let stallTicks: Int
    private var ticks = 0
    private var blockedAt = 0.0
    /// Opening at which the gripper met something, and whether it was opening (1) or closing (-1); 0 when it is free.
    private var contact = 0.0
    private var direction = 0.0

    /// Makes a guard with the stall load and stall time of `limits`.
    /// - Parameter period: time from tick to tick, seconds.
    package init(limits: ServoLimits, period: Double) {
        stallLoad = limits.stallLoad
        stallTicks = max(1, Int((limits.stallTime.inSeconds / period).rounded(.up)))
    }

    /// Forgets what it held.
    package mutating func letGo() { (direction, ticks) = (0, 0) }

    /// Whether the gripper has met something.
    package var isGripping: Bool { direction != 0 }

    /// The opening to send, once per tick.
    /// - Parameters:
    ///   - wanted: opening.
    ///   - measured: opening and share of the permitted load; where no load is measured the gripper is not watched.
    package mutating func eased(_ wanted: Double, measured: JointState) -> Double {
        guard let load = measured.gripperLoad, load.isFinite, measured.gripper.isFinite else { return wanted }
        if direction != 0 {
            // What it holds has given way: it follows.
            if (measured.gripper - contact) * direction > 0 { contact = measured.gripper }
            if (wanted - contact) * direction > Self.squeeze { return contact + direction * Self.squeeze }
            (direction, ticks) = (0, 0)
        }
        guard abs(wanted - measured.gripper) > Self.squeeze, abs(load) >= stallLoad else {
            ticks = 0
            return wanted
        }
        if ticks == 0 || abs(measured.gripper - blockedAt) >= Self.motion { (ticks, blockedAt) = (0, measured.gripper) }
        ticks += 1
        guard ticks >= stallTicks else { return wanted }
        contact = measured.gripper
        direction = wanted > contact ? 1 : -1
        return contact + direction * Self.squeeze
    }
}
