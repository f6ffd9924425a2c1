import CShims
import Glibc

/// What a real-time thread asks the kernel for. Nothing here is needed to run, all of it to be punctual under load.
package struct RealTimeRights: Equatable, Sendable {
    /// SCHED_FIFO priority 1...99, nil for the ordinary scheduler.
    package var fifoPriority: Int?
    /// Whether all pages of the process are locked, so that none has to be fetched inside the loop.
    package var locksMemory: Bool
    /// CPU that the thread is pinned to; nil lets it wander.
    package var cpu: Int?
    /// How late the kernel may wake an ordinary thread to save power; nil leaves its 50 µs. SCHED_FIFO ignores it.
    package var timerSlackNanoseconds: Int?

    package init(
        fifoPriority: Int? = 80, locksMemory: Bool = true, cpu: Int? = nil, timerSlackNanoseconds: Int? = 1
    ) {
        self.fifoPriority = fifoPriority
        self.locksMemory = locksMemory
        self.cpu = cpu
        self.timerSlackNanoseconds = timerSlackNanoseconds
    }

    /// Asks for nothing.
    package static let none = RealTimeRights(
        fifoPriority: nil, locksMemory: false, cpu: nil, timerSlackNanoseconds: nil)

    /// Asks for everything on behalf of the calling thread (the memory lock is the whole process's) and touches its
    /// stack. What is refused is in the report; the thread goes on without it.
    package func acquire() -> RealTimeReport { acquire(through: KernelRights()) }

    /// Asks for these rights for the calling thread, and reports what was granted and what refused.
    /// - Parameter kernel: makes the requests; tests pass one that refuses.
    package func acquire(through kernel: some RightsKernel) -> RealTimeReport {
        var report = RealTimeReport()
        if let cpu { report.note(.cpu(cpu), kernel.pin(toCPU: cpu)) }
        if let slack = timerSlackNanoseconds {
            report.note(.timerSlack(nanoseconds: slack), kernel.setTimerSlack(nanoseconds: slack))
        }
        if locksMemory { report.note(.memoryLock, kernel.lockMemory()) }
        if let priority = fifoPriority { report.note(.fifo(priority: priority), kernel.setFIFO(priority: priority)) }
        kernel.prefaultStack()
        return report
    }
}

/// The requests as the kernel takes them; each returns 0 or an errno.
package protocol RightsKernel {
    func pin(toCPU cpu: Int) -> Int32
    func setTimerSlack(nanoseconds: Int) -> Int32
    func lockMemory() -> Int32
    func setFIFO(priority: Int) -> Int32
    func prefaultStack()
}

/// The real kernel, for the calling thread.
struct KernelRights: RightsKernel {
    func pin(toCPU cpu: Int) -> Int32 { Int32(exactly: cpu).map(octo_thread_set_cpu) ?? EINVAL }
    func setTimerSlack(nanoseconds: Int) -> Int32 {
        UInt(exactly: nanoseconds).map(octo_thread_set_timer_slack) ?? EINVAL
    }
    func lockMemory() -> Int32 { octo_lock_memory() }
    func setFIFO(priority: Int) -> Int32 { Int32(exactly: priority).map(octo_thread_set_fifo) ?? EINVAL }
    func prefaultStack() { octo_prefault_stack() }
}

/// What a thread asked for, what it got, and how to get the rest.
package struct RealTimeReport: Equatable, Sendable, CustomStringConvertible {
    /// One thing that can be asked for.
    package enum Right: Equatable, Sendable, CustomStringConvertible {
        case fifo(priority: Int)
        case memoryLock
        case cpu(Int)
        case timerSlack(nanoseconds: Int)

        package var description: String {
            switch self {
            case .fifo(let priority): "SCHED_FIFO \(priority)"
            case .memoryLock: "memory locked"
            case .cpu(let cpu): "on CPU \(cpu)"
            case .timerSlack(let nanoseconds): "timer slack \(nanoseconds) ns"
            }
        }

        /// What a person can do so that it is granted next time.
        func mend(errno: Int32) -> String {
            switch self {
            case .fifo(let priority) where errno == EINVAL: "choose a priority from 1 to 99 instead of \(priority)"
            case .fifo(let priority):
                "add `@realtime - rtprio \(min(max(priority + 10, 1), 99))` to /etc/security/limits.conf, put the user "
                    + "into the group realtime and log in again (a container needs --ulimit rtprio and --cap-add "
                    + "SYS_NICE)"
            case .memoryLock:
                "add `@realtime - memlock unlimited` to /etc/security/limits.conf, put the user into the group "
                    + "realtime and log in again (a container needs --ulimit memlock=-1)"
            case .cpu(let cpu): "choose a CPU that `taskset -p $$` lists instead of \(cpu)"
            case .timerSlack: "leave it at the kernel's default, 50000 ns"
            }
        }
    }
    /// A request that was turned down.
    package struct Refusal: Equatable, Sendable, CustomStringConvertible {
        package var right: Right
        /// Error number as the kernel gave it.
        package var errno: Int32
        package var description: String {
            "\(right) (\(String(cString: strerror(errno))))"
        }
    }

    package private(set) var granted: [Right] = []
    package private(set) var refused: [Refusal] = []

    /// Makes a report of a thread that has asked for nothing yet.
    package init() {}

    /// Whether nothing that was asked for was refused.
    package var isComplete: Bool { refused.isEmpty }
    /// Whether SCHED_FIFO was granted: the loop does not wait for ordinary processes.
    package var hasRealTimeScheduling: Bool {
        granted.contains { if case .fifo = $0 { true } else { false } }
    }

    mutating func note(_ right: Right, _ errno: Int32) {
        if errno == 0 { granted.append(right) } else { refused.append(Refusal(right: right, errno: errno)) }
    }

    /// "SCHED_FIFO 80, memory locked; refused: on CPU 9 (Invalid argument)"
    package var description: String {
        let got = granted.isEmpty ? "ordinary scheduling" : granted.map(\.description).joined(separator: ", ")
        return got + (refused.isEmpty ? "" : "; refused: " + refused.map(\.description).joined(separator: ", "))
    }

    /// What a person can do so that it is granted next time; nil when nothing was refused.
    package var advice: String? {
        refused.isEmpty ? nil : refused.map { $0.right.mend(errno: $0.errno) }.joined(separator: "; ")
    }
}
