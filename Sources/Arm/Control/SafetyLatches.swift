import Maths
import Messages

/// What holds the arm until a person ends it: an emergency stop, a fault of the driver, a fault of a joint. They are
/// independent of each other, and what the arm tells is the strongest. Pure; real-time safe.
struct SafetyLatches: Sendable, BitwiseCopyable {
    /// How far an emergency stop is ended, until the policy has the arm again.
    enum EmergencyStop: Sendable, BitwiseCopyable {
        case none
        case active
        /// The stop is reset; the policy waits until somebody tells it to go on.
        case awaitsResume
    }

    /// A fault of the driver, which goes before any other.
    struct DriverFault: Sendable, BitwiseCopyable {
        /// The joint that it is about, as in `ArmFault`; nil when it is about none.
        var joint: Int?
        /// Whether somebody has cleared it; it ends once the driver works.
        var isClearing = false
    }

    var emergencyStop = EmergencyStop.none
    /// A failure of the driver that nobody has cleared yet; nil when there is none.
    private(set) var driver: DriverFault?
    /// What a joint was found to do wrong.
    private(set) var fault: ArmFault?
    /// Whether the servos have been told to let go.
    var isLimp = false
    /// Who ended the last emergency stop, or let the policy go on after it.
    var lastResetBy: OperatorID?
    /// Looks after the joints; nil when the servos are not watched.
    private var monitor: ServoMonitor?

    /// Makes latches of which none is set.
    /// - Parameters:
    ///   - limits: limits of the servos; nil does not watch them.
    ///   - period: time from tick to tick, seconds.
    init(limits: ServoLimits?, period: Double) {
        monitor = limits.map { ServoMonitor(limits: $0, period: period) }
    }

    /// Whether nothing is the matter that keeps the policy from moving the arm.
    var isClear: Bool { emergencyStop == .none && driver == nil && fault == nil }

    /// Whether nothing is the matter that keeps an operator from moving the arm, who may also move a joint back from
    /// beyond its limits.
    var letsOperatorMove: Bool {
        emergencyStop != .active && driver == nil && (fault == nil || fault?.reason == .beyondLimits)
    }

    /// Why the arm holds when nobody moves it and neither driver nor emergency stop holds it.
    var restingReason: HoldReason { fault?.reason ?? idleReason }

    /// Why the arm holds when nothing is the matter with it and nobody moves it.
    var idleReason: HoldReason { emergencyStop == .none ? .released : .awaitingResume }

    /// Latches that the driver failed. What was wrong first stays: the rest may follow from it.
    mutating func noteDriverFailure(blaming joint: Int?) { driver = DriverFault(joint: driver?.joint ?? joint) }

    /// Lets the driver try again, as somebody says.
    mutating func beginClearingDriver() { driver?.isClearing = true }

    /// Ends the fault of the driver, which works again, and with it that joints did not follow.
    mutating func endDriverFault() {
        driver = nil
        if fault?.reason == .notFollowing { fault = nil }
        monitor?.restart()
    }

    /// Latches what a joint does wrong, unless something is latched already.
    mutating func latch(_ found: ArmFault) { if fault == nil { fault = found } }

    /// Takes over a fault that an earlier process left.
    mutating func restore(_ fault: ArmFault) {
        if fault.reason == .driverFault { driver = DriverFault(joint: fault.joint) } else { latch(fault) }
    }

    /// Ends the fault of a joint that was beyond its limits.
    mutating func endBeyondLimits() { if fault?.reason == .beyondLimits { fault = nil } }

    /// Ends the fault of a joint, because a person says so.
    mutating func clearFault() {
        fault = nil
        monitor?.restart()
    }

    /// Looks whether the joints follow, how hard they push and how hot they are.
    /// - Returns: what was found, which is latched from now on.
    mutating func watch(_ measured: JointState, setpoint: JointVector) -> ServoMonitor.Finding? {
        guard fault == nil, driver == nil, emergencyStop != .active,
            let finding = monitor?.check(measured, setpoint: setpoint)
        else { return nil }
        monitor?.restart()
        fault = ArmFault(reason: finding.reason, joint: finding.joint)
        return finding
    }
}
