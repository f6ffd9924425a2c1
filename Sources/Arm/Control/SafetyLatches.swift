import Maths
import Messages

/// What holds the arm until a person ends it: an emergency stop, a fault of the driver, a fault of a joint. They are
/// independent of each other, and what the arm tells is the strongest. Pure; real-time safe.
struct SafetyLatches: Sendable, BitwiseCopyable {
    /// From an emergency stop to the moment at which the policy has the arm again.
    enum EmergencyStop: Sendable, BitwiseCopyable {
        case none
        case active
        /// It is reset; the policy waits until somebody tells it to go on.
        case awaitsResume
    }

    /// A fault of the driver, which goes before any other.
    struct DriverFault: Sendable, BitwiseCopyable {
        /// As in `ArmFault`.
        var joint: Int?
        /// Somebody has cleared it; it ends once the driver works.
        var isClearing = false
    }

    var emergencyStop = EmergencyStop.none
    private(set) var driver: DriverFault?
    /// What a joint was found to do wrong.
    private(set) var fault: ArmFault?
    /// The servos have been told to let go.
    var isLimp = false
    /// Who ended the last emergency stop, or let the policy go on after it.
    var lastResetBy: OperatorID?
    /// nil when the servos are not watched.
    private var monitor: ServoMonitor?

    /// - Parameters:
    ///   - limits: nil does not watch the servos.
    ///   - period: seconds from tick to tick.
    init(limits: ServoLimits?, period: Double) {
        monitor = limits.map { ServoMonitor(limits: $0, period: period) }
    }

    /// Nothing is the matter that keeps the policy from moving the arm.
    var isClear: Bool { emergencyStop == .none && driver == nil && fault == nil }

    /// Nothing is the matter that keeps an operator from moving the arm, who may also move a joint back from beyond its
    /// limits.
    var letsOperatorMove: Bool {
        emergencyStop != .active && driver == nil && (fault == nil || fault?.reason == .beyondLimits)
    }

    /// Why the arm holds when nobody moves it and neither driver nor emergency stop holds it.
    var restingReason: HoldReason { fault?.reason ?? idleReason }

    /// Why the arm holds when nothing is the matter with it and nobody moves it.
    var idleReason: HoldReason { emergencyStop == .none ? .released : .awaitingResume }

    /// The driver failed. What was wrong first stays: the rest may follow from it.
    mutating func noteDriverFailure(blaming joint: Int?) { driver = DriverFault(joint: driver?.joint ?? joint) }

    /// Somebody says that the driver is to try again.
    mutating func beginClearingDriver() { driver?.isClearing = true }

    /// The driver works again: its fault is over, and with it that joints did not follow.
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

    /// No joint is beyond its limits any more.
    mutating func endBeyondLimits() { if fault?.reason == .beyondLimits { fault = nil } }

    /// The fault of a joint is over because a person says so.
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
