import ArmLoop
import Manifests
import Messages

/// Writes down what holds the arm until a person ends it, so that it outlives this process.
struct LatchKeeper {
    private let folder: String
    private let complain: (any Error) -> Void
    private var record: LatchRecord

    /// Makes a keeper of the file in a run's folder.
    /// - Parameters:
    ///   - latch: latches that an earlier process left behind.
    ///   - folder: folder of the run.
    ///   - complain: told why the file could not be written.
    init(_ latch: ArmLatch, folder: String, complain: @escaping (any Error) -> Void) {
        self.folder = folder
        self.complain = complain
        record = LatchRecord(latch)
    }

    /// What an earlier process wrote down about its driver; nil if there is nothing.
    var earlierCause: String? { record.earlierCause }

    /// Notes what a command does to the file: who stops the arm, and the end of a stop that only the file knows.
    mutating func prepare(for command: ArmCommand) {
        switch command.action {
        case .emergencyStop: record.noteStop(by: command.operatorID)
        case .resetEmergencyStop:
            guard record.hasMissedStop(in: ArmLatch.load(folder: folder)) else { return }
            update { latch in
                latch.isEmergencyStop = false
                latch.stoppedBy = nil
            }
        case .clearFault, .recover, .resume: break
        }
    }

    /// Writes it down if it has changed; what cannot be written is tried again with the next snapshot.
    mutating func keep(_ snapshot: ArmLoopSnapshot) {
        guard let entry = record.entry(for: snapshot), update(entry.write) else { return }
        record.noteWritten(entry)
    }

    /// Changes the file.
    /// - Returns: whether it is written.
    @discardableResult
    private func update(_ change: (inout ArmLatch) -> Void) -> Bool {
        do {
            try ArmLatch.update(folder: folder, change)
            return true
        } catch {
            complain(error)
            return false
        }
    }
}
