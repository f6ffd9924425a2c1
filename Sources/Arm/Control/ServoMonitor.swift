import Maths
import Messages

/// Limits from which on a joint counts as blocked, overloaded or too hot.
package struct ServoLimits: Equatable, Sendable, BitwiseCopyable {
    /// Distance between setpoint and joint from which on it does not follow, radians.
    package var stallError: Double
    /// Share of the permitted load that a joint must push with to count as blocked, where the load is measured.
    package var stallLoad: Double
    /// Motion within `stallTime` without which a joint counts as blocked, radians.
    package var stallMotion: Double
    /// How long a joint must not have come on to count as blocked.
    package var stallTime: Duration
    /// Share of the permitted load that no joint may exceed for `overloadTime`.
    package var overloadLoad: Double
    /// How long a joint must have pushed too hard.
    package var overloadTime: Duration
    /// Temperature from which on a servo is too hot, degrees Celsius.
    package var temperature: Double

    /// The defaults: a joint lags by less than 0.2 rad at full speed when its servo is sound (0.08 s × 2.5 rad/s), and
    /// pushes with half its strength only when something is in its way; servos switch themselves off at 80 °C.
    package init(
        stallError: Double = 0.2, stallLoad: Double = 0.5, stallMotion: Double = 0.02,
        stallTime: Duration = .milliseconds(500), overloadLoad: Double = 0.95, overloadTime: Duration = .seconds(1),
        temperature: Double = 70
    ) {
        self.stallError = stallError
        self.stallLoad = stallLoad
        self.stallMotion = stallMotion
        self.stallTime = stallTime
        self.overloadLoad = overloadLoad
        self.overloadTime = overloadTime
        self.temperature = temperature
    }
}

/// Why the arm holds until somebody clears it, and which joint it is about.
package struct ArmFault: Equatable, Sendable, BitwiseCopyable {
    package var reason: HoldReason
    /// Number of the joint, from 0 at the base; the number of joints is the gripper; nil when it is about none.
    package var joint: Int?

    package init(reason: HoldReason, joint: Int?) {
        self.reason = reason
        self.joint = joint
    }
}

/// Watches whether the joints follow, how hard they push and how hot they are. Counts in control ticks, so that a tick
/// that comes late makes nothing worse. Pure; real-time safe.
package struct ServoMonitor: Sendable, BitwiseCopyable {
    /// What is wrong, and with which joint.
    package struct Finding: Equatable, Sendable, BitwiseCopyable {
        /// The reason to hold: `stalled`, `overloaded`, `overheated` or `notFollowing`.
        package var reason: HoldReason
        /// Number of the joint, from 0 at the base; the number of joints is the gripper.
        package var joint: Int

        package init(reason: HoldReason, joint: Int) {
            self.reason = reason
            self.joint = joint
        }
    }

    package let limits: ServoLimits
    private let stallTicks: Int
    private let overloadTicks: Int
    private var blocked = InlineArray<8, Int>(repeating: 0)
    private var loaded = InlineArray<8, Int>(repeating: 0)
    /// Angle of each joint when it began not to follow, radians.
    private var blockedAt = InlineArray<8, Double>(repeating: 0)

    /// Makes a monitor that counts the times of `limits` in ticks.
    /// - Parameter period: time from tick to tick, seconds.
    package init(limits: ServoLimits, period: Double) {
        self.limits = limits
        stallTicks = max(1, Int((limits.stallTime.inSeconds / period).rounded(.up)))
        overloadTicks = max(1, Int((limits.overloadTime.inSeconds / period).rounded(.up)))
    }

    /// Begins to count anew, as when the arm has been let go.
    package mutating func restart() {
        blocked = InlineArray(repeating: 0)
        loaded = InlineArray(repeating: 0)
    }

    /// Holds one tick's measurement against the setpoint that was sent before it.
    /// - Returns: what is wrong; the joint nearest to the base when there are several.
    package mutating func check(_ measured: JointState, setpoint: JointVector) -> Finding? {
        var finding: Finding?
        for joint in 0..<setpoint.count {
            if let found = check(measured, setpoint[joint], joint), finding == nil {
                finding = Finding(reason: found, joint: joint)
            }
        }
        if finding == nil, let hot = measured.gripperTemperature, hot >= limits.temperature {
            finding = Finding(reason: .overheated, joint: setpoint.count)
        }
        return finding
    }

    private mutating func check(_ measured: JointState, _ setpoint: Double, _ joint: Int) -> HoldReason? {
        let load = measured.load.flatMap { joint < $0.count && $0[joint].isFinite ? abs($0[joint]) : nil }
        if let hottest = measured.temperatures, joint < hottest.count, hottest[joint] >= limits.temperature {
            return .overheated
        }
        loaded[joint] = (load ?? 0) >= limits.overloadLoad ? loaded[joint] + 1 : 0
        let position = measured.positions[joint]
        let pushes = load.map { $0 >= limits.stallLoad } ?? true
        if abs(setpoint - position) >= limits.stallError {
            // It begins, or begins again because the joint has come on since.
            if blocked[joint] == 0 || abs(position - blockedAt[joint]) >= limits.stallMotion {
                blocked[joint] = 0
                blockedAt[joint] = position
            }
            blocked[joint] += 1
        } else {
            blocked[joint] = 0
        }
        // Something is in its way, or it has no torque: the one pushes, the other does not.
        if blocked[joint] >= stallTicks { return pushes ? .stalled : .notFollowing }
        return loaded[joint] >= overloadTicks ? .overloaded : nil
    }
}
