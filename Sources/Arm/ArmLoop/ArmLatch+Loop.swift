import ArmDrivers
import Control
import Manifests
import Messages

extension ArmLatchedState {
    /// What an earlier process of the run left. After an emergency stop the policy waits for a person.
    package init(_ latch: ArmLatch) {
        self.init(
            isEmergencyStopped: latch.isEmergencyStop,
            fault: latch.fault.map { ArmFault(reason: $0.reason.holdReason, joint: $0.joint) },
            awaitsResume: latch.awaitsResume || latch.isEmergencyStop)
    }
}

extension TorqueAtStart {
    /// Torque stays as it is found where it was off on purpose, or where nobody has said yet that the arm may go on.
    package init(_ latch: ArmLatch, _ rule: Manifest.Arm.EmergencyStop) {
        if latch.isEmergencyStop, rule == .torqueOff {
            self = .released
        } else {
            self = latch.fault?.reason == .driverFault ? .suspended : .on
        }
    }
}

extension ArmLatch {
    /// What holds the arm, in one line.
    package var summary: String {
        let stop =
            isEmergencyStop
            ? ["an emergency stop\(stoppedBy.map { " by \($0)" } ?? "")\(damage.map { " (\($0))" } ?? "")"] : []
        let found = fault.map { ["\($0.reason.holdReason). \($0.text)"] } ?? []
        let waits = awaitsResume && !isEmergencyStop ? ["\(HoldReason.awaitingResume) ('octo-arm resume')"] : []
        return (stop + found + waits).joined(separator: "; ")
    }
}

extension ArmLatch.Fault {
    /// Makes the fault that is written down from the control loop's, with what is known of it in words.
    /// - Returns: nil for a fault that is found again by whoever reads the arm.
    init?(_ fault: ArmFault, text: String) {
        let reason: Reason
        switch fault.reason {
        case .driverFault: reason = .driverFault
        case .stalled: reason = .stalled
        case .overloaded: reason = .overloaded
        case .overheated: reason = .overheated
        case .notFollowing: reason = .notFollowing
        case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .stopping, .emergencyStop, .beyondLimits, .released,
            .awaitingResume:
            return nil
        }
        self.init(reason, joint: fault.joint, text: text)
    }
}

extension ArmLatch.Fault.Reason {
    /// The hold that such a fault causes.
    var holdReason: HoldReason {
        switch self {
        case .driverFault: .driverFault
        case .stalled: .stalled
        case .overloaded: .overloaded
        case .overheated: .overheated
        case .notFollowing: .notFollowing
        }
    }
}
