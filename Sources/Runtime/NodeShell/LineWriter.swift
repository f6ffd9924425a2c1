import DequeModule
import Foundation
import Synchronization
import Threads
import Time

/// Lines to a descriptor, written by a thread of their own, for nodes and the launcher: a terminal that is stopped, a
/// connection that stalls or a log that is full holds up nobody who has something else to do. Lines that find no room
/// are dropped, and counted.
package final class LineWriter: Sendable {
    /// Standard error of this process.
    package static let standardError = LineWriter(STDERR_FILENO)

    private struct State {
        var waiting = LineQueue()
        var isWriting = false
        var hasThread = false
    }
    private let descriptor: Int32
    private let state = Mutex(State())
    private let news = DispatchSemaphore(value: 0)

    package init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Takes a line to be written; returns at once.
    package func write(_ line: String) {
        let needsThread = state.withLock { state in
            guard state.waiting.add(line) else { return false }
            defer { state.hasThread = true }
            return !state.hasThread
        }
        if needsThread {
            do {
                try NamedThread("line writer") { [self] in run() }
            } catch {
                // The next line tries again.
                state.withLock { $0.hasThread = false }
            }
        }
        news.signal()
    }

    /// Waits until everything is written, but no longer than `limit`.
    /// - Returns: whether everything is.
    @discardableResult
    package func flush(limit: Duration) -> Bool {
        let deadline = MonotonicTime.now() + limit
        while !state.withLock({ $0.waiting.isEmpty && !$0.isWriting }) {
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
                state.withLock { $0.isWriting = false }
            }
        }
    }

    private func next() -> [UInt8]? {
        state.withLock { state in
            let line = state.waiting.next()
            state.isWriting = line != nil
            return line
        }
    }
}

/// Lines that wait for their reader, and how many found no room.
package struct LineQueue {
    /// Hours of what a run says; a reader that is away for longer has lost the thread.
    package static let usualCapacity = 1 << 20

    private let capacity: Int
    private var lines: Deque<[UInt8]> = []
    private var bytes = 0
    private var dropped = 0

    /// Makes an empty queue.
    /// - Parameter capacity: size of the lines that can wait, bytes.
    package init(capacity: Int = Self.usualCapacity) { self.capacity = capacity }

    package var isEmpty: Bool { lines.isEmpty }

    /// Takes a line.
    /// - Returns: false when there is no room: the line is dropped.
    package mutating func add(_ line: String) -> Bool {
        let line = Array((line + "\n").utf8)
        guard bytes + line.count <= capacity else {
            dropped += 1
            return false
        }
        lines.append(line)
        bytes += line.count
        return true
    }

    /// The oldest line, with its end; nil when none waits. Once half of the room is free again it is told how many
    /// lines were dropped.
    package mutating func next() -> [UInt8]? {
        guard !lines.isEmpty else { return nil }
        if dropped > 0, bytes < capacity / 2 {
            defer { dropped = 0 }
            return Array("(\(dropped) lines were dropped: nobody read them)\n".utf8)
        }
        let line = lines.removeFirst()
        bytes -= line.count
        return line
    }
}
