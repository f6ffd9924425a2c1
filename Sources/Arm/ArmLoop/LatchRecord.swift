import Manifests

/// What is written down of the control loop's latches, so that they outlive the process: decides what is to be written
/// when. Pure; the file is somebody else's.
package struct LatchRecord: Equatable, Sendable {
    /// What the file is to say.
    package struct Entry: Equatable, Sendable {
        fileprivate let state: ArmLatchedState
        /// What is known of the fault, and how it is mended.
        fileprivate let text: String
        fileprivate let stoppedBy: String?

        /// Puts the entry into what another process may have written meanwhile.
        package func write(into latch: inout ArmLatch) {
            latch.isEmergencyStop = state.isEmergencyStopped
            latch.stoppedBy = state.isEmergencyStopped ? stoppedBy : nil
            latch.awaitsResume = state.awaitsResume
            latch.fault = state.fault.flatMap { ArmLatch.Fault($0, text: text) }
        }
    }

    private var written: ArmLatchedState
    private var writtenText: String
    private var stoppedBy: String?
    /// What an earlier process wrote down about its driver; nil if there is nothing.
    package let earlierCause: String?

    /// Makes a record in which everything in `latch` counts as written.
    /// - Parameter latch: latches that an earlier process left behind.
    package init(_ latch: ArmLatch) {
        written = ArmLatchedState(latch)
        writtenText = latch.fault?.text ?? ""
        stoppedBy = latch.stoppedBy
        earlierCause = latch.fault?.reason == .driverFault ? latch.fault?.text : nil
    }

    /// Notes who was the last one to ask for an emergency stop.
    package mutating func noteStop(by operatorID: String) { stoppedBy = operatorID }

    /// Whether only the file knows of an emergency stop, because this process never heard it.
    package func hasMissedStop(in latch: ArmLatch) -> Bool { !written.isEmergencyStopped && latch.isEmergencyStop }

    /// What has to be written after `snapshot`; nil when the file says it already.
    package func entry(for snapshot: ArmLoopSnapshot) -> Entry? {
        // What was found stays with its fault, though the loop no longer knows it.
        let text = snapshot.cause?.description ?? (snapshot.latch.fault == written.fault ? writtenText : "")
        guard snapshot.latch != written || text != writtenText else { return nil }
        return Entry(state: snapshot.latch, text: text, stoppedBy: stoppedBy)
    }

    /// Notes that `entry` is in the file.
    package mutating func noteWritten(_ entry: Entry) { (written, writtenText) = (entry.state, entry.text) }
}
