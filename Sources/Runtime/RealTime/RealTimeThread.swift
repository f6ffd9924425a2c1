import Synchronization
import Glibc

/// The kernel would not make a thread.
package struct ThreadStartError: Error, Equatable, CustomStringConvertible {
    /// Error number from pthread_create(3).
    package let errno: Int32

    package var description: String {
        "starting the real-time thread: pthread_create failed (\(String(cString: strerror(errno)))), expected a "
            + "thread. Raise the limit of processes (`ulimit -u`) and, if memory is locked, of locked memory (`ulimit "
            + "-l`)."
    }
}

/// A pthread that asks for real-time rights, then runs one piece of work.
// Sendable: `report` is written by the thread before `isReady` is set (release) and read by the owner after it has
// seen that (acquire); `handle` is the owner's alone.
package final class RealTimeThread: @unchecked Sendable {
    private let rights: RealTimeRights
    private let work: @Sendable () -> Void
    private let isReady = Atomic<Bool>(false)
    private var report = RealTimeReport()
    private var handle: pthread_t?

    package init(rights: RealTimeRights, work: @escaping @Sendable () -> Void) {
        self.rights = rights
        self.work = work
    }

    /// Starts the thread and waits until it has asked for its rights; the work begins right after. To be called once.
    /// - Returns: what it runs with.
    package func start() throws(ThreadStartError) -> RealTimeReport {
        precondition(handle == nil, "a thread is started once")
        var created = pthread_t()
        // The reference goes to the thread, which gives it back when it ends.
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &created, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<RealTimeThread>.fromOpaque(context).takeRetainedValue().main()
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<RealTimeThread>.fromOpaque(context).release()
            throw ThreadStartError(errno: error)
        }
        handle = created
        // A few system calls away, once in a thread's life: not worth a condition variable.
        while !isReady.load(ordering: .acquiring) { usleep(100) }
        return report
    }

    private func main() {
        report = rights.acquire()
        isReady.store(true, ordering: .releasing)
        work()
    }

    /// Waits for the work to end. Only after `start`, once.
    package func join() {
        guard let handle else { return }
        pthread_join(handle, nil)
        self.handle = nil
    }
}
