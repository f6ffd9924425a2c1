import Glibc
import Synchronization
import Threads

/// A thread that asks for real-time rights, then does one piece of work.
// Sendable: `report` is written by the thread before `isReady` is set (release) and read by the owner after it has
// seen that (acquire); `thread` is the owner's alone.
package final class RealTimeThread: @unchecked Sendable {
    private let name: String
    private let rights: RealTimeRights
    private let work: @Sendable () -> Void
    private let isReady = Atomic<Bool>(false)
    private var report = RealTimeReport()
    private var thread: NamedThread?

    /// Makes a thread that is yet to be started.
    /// - Parameter name: name of the thread, at most 15 bytes, as for `NamedThread`.
    package init(_ name: String, rights: RealTimeRights, work: @escaping @Sendable () -> Void) {
        self.name = name
        self.rights = rights
        self.work = work
    }

    /// Starts the thread and waits until it has asked for its rights; the work begins right after. To be called once.
    /// - Returns: what it runs with.
    package func start() throws(ThreadStartError) -> RealTimeReport {
        precondition(thread == nil, "a thread is started once")
        thread = try NamedThread(name) { [self] in
            report = rights.acquire()
            isReady.store(true, ordering: .releasing)
            work()
        }
        // A few system calls away, once in a thread's life: not worth a condition variable.
        while !isReady.load(ordering: .acquiring) { usleep(100) }
        return report
    }

    /// Waits for the work to end. Only after `start`.
    package func join() {
        thread?.join()
        thread = nil
    }
}
