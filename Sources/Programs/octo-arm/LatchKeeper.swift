import ArmDrivers
import ArmLoop
import Control
import Manifests
import Messages

/// Writes down what holds the arm until a person ends it, so that it outlives this process.
struct LatchKeeper {
    private let folder: String
    private let complain: (any Error) -> Void
    private var kept: ArmLatchedState
    private var keptText: String
    private var stoppedBy: String?
    /// What an earlier process wrote down about its driver.
    let earlierCause: String?

    /// - Parameter latch: as an earlier process left it.
    init(_ latch: ArmLatch, folder: String, complain: @escaping (any Error) -> Void) {
        self.folder = folder
        self.complain = complain
        kept = ArmLatchedState(latch)
        keptText = latch.fault?.text ?? ""
        stoppedBy = latch.stoppedBy
        earlierCause = latch.fault?.reason == .driverFault ? latch.fault?.text : nil
    }

    /// The last one to ask for an emergency stop.
    mutating func stopped(by operatorID: String) { stoppedBy = operatorID }

    /// A person resets the arm: a stop that only the file knows, because this process never heard it, ends too.
    mutating func reset() {
        guard !kept.isEmergencyStopped, ArmLatch.load(folder: folder).isEmergencyStop else { return }
        do {
            try ArmLatch.update(folder: folder) { latch in
                latch.isEmergencyStop = false
                latch.stoppedBy = nil
            }
        } catch {
            complain(error)
        }
    }

    /// Writes it down if it has changed; what cannot be written is tried again with the next snapshot.
    mutating func keep(_ snapshot: ArmLoopSnapshot) {
        let text = snapshot.cause?.description ?? (snapshot.latch.fault == kept.fault ? keptText : "")
        guard snapshot.latch != kept || text != keptText else { return }
        do {
            try ArmLatch.update(folder: folder) { latch in
                latch.isEmergencyStop = snapshot.latch.isEmergencyStopped
                latch.stoppedBy = snapshot.latch.isEmergencyStopped ? stoppedBy : nil
                latch.awaitsResume = snapshot.latch.awaitsResume
                latch.fault = snapshot.latch.fault.flatMap { ArmLatch.Fault($0, text: text) }
            }
            kept = snapshot.latch
            keptText = text
        } catch {
            complain(error)
        }
    }
}

extension ArmLatchedState {
    init(_ latch: ArmLatch) {
        self.init(
            isEmergencyStopped: latch.isEmergencyStop,
            fault: latch.fault.map { ArmFault(reason: $0.reason.holdReason, joint: $0.joint) },
            awaitsResume: latch.awaitsResume || latch.isEmergencyStop)
    }
}

extension ArmLatch {
    /// What holds the arm, in one line.
    var summary: String {
        let stop =
            isEmergencyStop
            ? ["an emergency stop\(stoppedBy.map { " by \($0)" } ?? "")\(damage.map { " (\($0))" } ?? "")"] : []
        let found = fault.map { ["\($0.reason.holdReason). \($0.text)"] } ?? []
        let waits = awaitsResume && !isEmergencyStop ? ["\(HoldReason.awaitingResume) ('octo-arm resume')"] : []
        return (stop + found + waits).joined(separator: "; ")
    }
}

extension ArmLatch.Fault {
    /// - Returns: nil for a fault that is found again by whoever reads the arm.
    fileprivate init?(_ fault: ArmFault, text: String) {
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

extension TorqueAtStart {
    /// Torque stays as it is found where it was off on purpose, or where nobody has said yet that the arm may go on.
    init(_ latch: ArmLatch, _ rule: Manifest.Arm.EmergencyStop) {
        if latch.isEmergencyStop, rule == .torqueOff {
            self = .released
        } else {
            self = latch.fault?.reason == .driverFault ? .suspended : .on
        }
    }
}
