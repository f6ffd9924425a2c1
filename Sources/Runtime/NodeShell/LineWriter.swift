import DequeModule
import Foundation
import Synchronization
import Threads
import Time

/// Lines to a descriptor, written by a thread of their own: a terminal that is stopped, a connection that stalls or a
/// log that is full holds up nobody who has something else to do. What finds no room is dropped, and counted.
package final class LineWriter: Sendable {
    /// Standard error of this process.
    package static let standardError = LineWriter(STDERR_FILENO)

    private struct Waiting {
        var lines: Deque<[UInt8]> = []
        var bytes = 0
        var dropped = 0
        /// A line is being written.
        var isBusy = false
        var hasThread = false
    }

    /// Hours of what a run says; a reader that is away for longer has lost the thread.
    private static let capacityBytes = 1 << 20

    private let descriptor: Int32
    private let waiting = Mutex(Waiting())
    private let news = DispatchSemaphore(value: 0)

    package init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Returns at once.
    package func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        let needsThread = waiting.withLock { waiting in
            guard waiting.bytes + bytes.count <= Self.capacityBytes else {
                waiting.dropped += 1
                return false
            }
            waiting.lines.append(bytes)
            waiting.bytes += bytes.count
            defer { waiting.hasThread = true }
            return !waiting.hasThread
        }
        if needsThread {
            do {
                try NamedThread("line writer") { [self] in run() }
            } catch {
                // The next line tries again.
                waiting.withLock { $0.hasThread = false }
            }
        }
        news.signal()
    }

    /// Waits until everything is written.
    /// - Parameter limit: no longer than this.
    /// - Returns: whether it is.
    @discardableResult
    package func flush(limit: Duration) -> Bool {
        let deadline = MonotonicTime.now() + limit
        while !waiting.withLock({ $0.lines.isEmpty && !$0.isBusy }) {
            guard MonotonicTime.now() < deadline else { return false }
            usleep(1_000)
        }
        return true
    }

    private func run() -> Never {
        while true {
            news.wait()
            while let line = next() {
                // One write(2) a line, so that lines of several programs on one terminal stay whole. A reader that is
                // gone is not our trouble.
                _ = Glibc.write(descriptor, line, line.count)
                waiting.withLock { $0.isBusy = false }
            }
        }
    }

    private func next() -> [UInt8]? {
        waiting.withLock { waiting in
            guard !waiting.lines.isEmpty else { return nil }
            waiting.isBusy = true
            if waiting.dropped > 0, waiting.bytes < Self.capacityBytes / 2 {
                defer { waiting.dropped = 0 }
                return Array("(\(waiting.dropped) lines were dropped: nobody read them)\n".utf8)
            }
            let line = waiting.lines.removeFirst()
            waiting.bytes -= line.count
            return line
        }
    }
}
