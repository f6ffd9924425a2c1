import MCAPFiles
import Messages

extension RecorderCore {
    /// What the shell knows of the disk that takes the episodes.
    package struct Disk: Equatable, Sendable {
        /// How far the open file is; nil while none is open.
        package var file: MCAPFileWriter.Status?
        /// Bytes that may wait for the disk before messages are dropped.
        package var queueBytes: Int
        /// Bytes that are left on it; nil where the system does not say.
        package var freeBytes: UInt64?
        /// The path of the folder of the run's episodes, for people.
        package var folder: String

        package init(file: MCAPFileWriter.Status?, queueBytes: Int, freeBytes: UInt64?, folder: String) {
            self.file = file
            self.queueBytes = queueBytes
            self.freeBytes = freeBytes
            self.folder = folder
        }
    }

    /// Share of `queueBytes`, one in so many, at which a person is told that the disk is slow: half a minute of two
    /// webcams.
    private static let alarmingShare = 4
    /// Free bytes below which a person should look.
    private static let littleSpace: UInt64 = 1 << 30

    /// What the recorder says of itself: `degraded` when messages are lost or soon will be.
    /// - Parameter state: state of the same moment, as `state(at:path:dropped:)` has it.
    package func status(_ state: EpisodeState, disk: Disk) -> NodeStatus {
        let (health, headline) = condition(state, disk)
        return NodeStatus(
            node: "", processID: 0, state: health, headline: headline,
            counters: [
                .init(name: "messages", value: state.messages), .init(name: "bytes", value: state.bytes),
                .init(name: "missing", value: state.missing), .init(name: "refused", value: refused),
                .init(name: "disk_failures", value: Int64(disk.file?.failures ?? 0)),
            ])
    }

    private func condition(_ state: EpisodeState, _ disk: Disk) -> (NodeStatus.State, String) {
        if let openProblem { return (.degraded, openProblem) }
        if let file = disk.file, file.isStuck, let problem = file.problem {
            return (.degraded, "the disk takes nothing (\(problem)); \(state.missing) messages are lost so far")
        }
        if let file = disk.file, file.waitingBytes > disk.queueBytes / Self.alarmingShare {
            return (
                .degraded,
                "the disk is too slow: \(file.waitingBytes >> 20) MB wait for it, from \(disk.queueBytes >> 20) MB on "
                    + "messages are lost; record to another disk (record.folder), or frames as \"mjpeg\""
            )
        }
        guard state.isRecording else { return (.ready, "not recording; 'octo-record start' begins") }
        if let free = disk.freeBytes, free < Self.littleSpace {
            return (.degraded, "\(free >> 20) MB are left in \(disk.folder)")
        }
        return (
            .ready,
            "recording \(state.name): \(state.messages) messages, \(state.bytes >> 20) MB, \(state.missing) missing"
        )
    }
}
