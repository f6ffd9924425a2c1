import Episodes
import Foundation
import Recording
import Synchronization

/// A file that gets its end, on a thread of its own.
final class ClosingFile: Sendable {
    let path: String
    private let end: EpisodeClosing
    private let result = Mutex<MCAPFileWriter.Status?>(nil)
    private let isDone = DispatchSemaphore(value: 0)

    init(_ writer: MCAPFileWriter, _ end: EpisodeClosing) {
        path = writer.path
        self.end = end
        Thread.detachNewThread { [self] in
            let status = writer.close { end.records(drops: $0.drops) }
            result.withLock { $0 = status }
            isDone.signal()
        }
    }

    /// Nil as long as it takes.
    var status: MCAPFileWriter.Status? { result.withLock { $0 } }

    /// Waits for the end.
    func finish() {
        isDone.wait()
        isDone.signal()
    }

    func missing(_ status: MCAPFileWriter.Status) -> String {
        end.records(drops: status.drops).last?.metadata["missing"] ?? ""
    }
}
