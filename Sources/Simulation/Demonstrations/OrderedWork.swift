import Foundation
import Threads

/// Does pieces of work on several threads and hands the results over in order, so that what is made of them is the same
/// however many threads there are.
package enum OrderedWork {
    /// Number of pieces that a thread may be ahead of what was handed over: a slow one does not fill the memory with
    /// those after it.
    private static let lookahead = 4
    /// Size of a thread's stack, bytes: parsers of large models recurse.
    private static let stackSize = 8 << 20

    /// Makes `count` pieces and hands them over in order.
    /// - Parameters:
    ///   - threads: number of threads, at least 1; with 1 everything happens on the caller's.
    ///   - make: makes a piece; called once for each number below `count`, on any thread.
    ///   - take: takes the pieces from the first to the last, on the caller's thread.
    /// - Throws: the first error of `make` in that order, what `take` throws, or `ThreadStartError`; no piece is
    ///   begun after it, and none is still under way when this returns.
    package static func run<Product: Sendable>(
        _ count: Int, threads: Int, make: @escaping @Sendable (Int) throws -> Product, take: (Product) throws -> Void
    ) throws {
        precondition(threads >= 1, "work needs a thread")
        guard threads > 1, count > 1 else {
            for index in 0..<count { try take(make(index)) }
            return
        }
        let board = Board<Product>(count: count, lead: lookahead * threads)
        var workers: [NamedThread] = []
        defer {
            board.stop()
            for worker in workers { worker.join() }
        }
        for _ in 0..<min(threads, count) {
            workers.append(try NamedThread("ordered work", stackBytes: stackSize) { board.work(make) })
        }
        for index in 0..<count { try take(board.wait(for: index).get()) }
    }

    /// State of the work: who does which piece, and what has come of it.
    // Sendable: all that changes is read and written with the condition locked.
    private final class Board<Product: Sendable>: @unchecked Sendable {
        private let condition = NSCondition()
        private let count: Int
        private let lead: Int
        private var next = 0
        private var taken = 0
        private var isStopped = false
        private var done: [Int: Result<Product, any Error>] = [:]

        init(count: Int, lead: Int) {
            self.count = count
            self.lead = lead
        }

        func work(_ make: (Int) throws -> Product) {
            while let index = claim() {
                let result = Result { try make(index) }
                condition.withLock {
                    done[index] = result
                    condition.broadcast()
                }
            }
        }

        /// The next piece; nil when there is none left. Waits while it would be too far ahead.
        private func claim() -> Int? {
            condition.withLock {
                while !isStopped, next < count, next >= taken + lead { condition.wait() }
                guard !isStopped, next < count else { return nil }
                next += 1
                return next - 1
            }
        }

        func wait(for index: Int) -> Result<Product, any Error> {
            condition.withLock {
                while true {
                    if let result = done.removeValue(forKey: index) {
                        taken = index + 1
                        condition.broadcast()
                        return result
                    }
                    condition.wait()
                }
            }
        }

        /// Lets no piece begin any more.
        func stop() {
            condition.withLock {
                isStopped = true
                condition.broadcast()
            }
        }
    }
}
