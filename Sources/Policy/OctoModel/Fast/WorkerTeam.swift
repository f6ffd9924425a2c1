import CKernels
import Glibc

/// The threads that share the work of a network. They exist from here on: an inference makes none.
///
/// The thread that calls the network is one of them; the others sleep while there is nothing to do, and keep spinning
/// for some microseconds between two steps of an inference.
package final class WorkerTeam {
    /// The machine did not give the threads asked for.
    package struct Unavailable: Error, CustomStringConvertible {
        package var threads: Int
        package var code: Int32

        package var description: String {
            "starting the network's threads: the system refused \(threads) of them (error \(code)). "
                + "Set fewer threads for the policy, or raise the limit on processes."
        }
    }

    let handle: OpaquePointer
    package let threads: Int
    /// Multiplications and additions in the products done so far; for benchmarks.
    package internal(set) var floatingPointOperations = 0
    /// Called at the end of each stage of an inference, with its kind; for benchmarks.
    package var stageEnded: ((Stage) -> Void)?

    /// What the time of an inference goes into.
    package enum Stage: String, CaseIterable, Sendable {
        case stems
        case projections
        case attention
        case norms
        case head
        /// Checking, comparing and copying.
        case rest
    }

    /// Starts the team's threads.
    /// - Parameters:
    ///   - threads: number of threads, the caller included, at least 1.
    ///   - cpus: numbers of the CPUs on which the others run, one for each; empty leaves that to the scheduler.
    package init(threads: Int, cpus: [Int] = []) throws(Unavailable) {
        let count = max(1, threads)
        let pins = cpus.count >= count - 1 ? cpus.prefix(count - 1).map { Int32(clamping: $0) } : []
        let made = pins.withUnsafeBufferPointer { pins in
            octo_team_create(Int32(clamping: count), pins.isEmpty ? nil : pins.baseAddress)
        }
        guard let made else { throw Unavailable(threads: count, code: errno) }
        handle = made
        self.threads = count
    }

    deinit { octo_team_destroy(handle) }
}
