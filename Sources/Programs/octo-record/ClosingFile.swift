import Foundation
import MCAPFiles
import Recording
import Synchronization
import Threads

/// A file that gets its end, on a thread of its own.
final class ClosingFile: Sendable {
    let path: String
    private let end: EpisodeClosing
    private let result = Mutex<MCAPFileWriter.Status?>(nil)
    private let isDone = DispatchSemaphore(value: 0)

    private let writer: MCAPFileWriter

    init(_ writer: MCAPFileWriter, _ end: EpisodeClosing) {
        path = writer.path
        self.writer = writer
        self.end = end
        NamedThread.run("closing a file") { [self] in
            let status = writer.close { end.records(drops: $0.drops) }
            result.withLock { $0 = status }
            isDone.signal()
        }
    }

    /// Status after closing; nil as long as that takes.
    var status: MCAPFileWriter.Status? { result.withLock { $0 } }

    /// Number of bytes that are not on the disk yet. Those that the system has taken count half, so that progress shows
    /// while the disk works.
    var bytesLeft: Int {
        let status = writer.status
        return status.waitingBytes + status.unsyncedBytes / 2
    }

    /// Waits for the end.
    func finish() {
        isDone.wait()
        isDone.signal()
    }

    func missing(_ status: MCAPFileWriter.Status) -> String {
        end.records(drops: status.drops).last?.metadata["missing"] ?? ""
    }
}
