import CShims
import Glibc
import Synchronization

/// The kernel would not make a thread.
package struct ThreadStartError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The thread's name.
    package let name: String
    /// Error number from pthread_create(3).
    package let errno: Int32

    package init(name: String, errno: Int32) {
        self.name = name
        self.errno = errno
    }

    package var description: String {
        "starting the thread '\(name)': pthread_create failed (\(String(cString: strerror(errno)))), expected a "
            + "thread. Raise the limit of processes (`ulimit -u`) and, if memory is locked, of locked memory (`ulimit "
            + "-l`)."
    }
}

/// A thread for one piece of work, under a name that `top -H`, `ps -L` and debuggers show.
///
/// It runs to the end of its work whether or not anybody holds this object; who wants to wait for that end joins it.
package final class NamedThread: Sendable {
    private let handle: Mutex<pthread_t?>

    /// Starts the thread. pthread_create(3), pthread_setname_np(3).
    /// - Parameters:
    ///   - name: name of the thread, at most 15 bytes, which is what Linux keeps.
    ///   - stackBytes: size of the thread's stack, bytes; nil takes the system's usual one.
    ///   - work: runs on the thread.
    @discardableResult
    package init(
        _ name: String, stackBytes: Int? = nil, work: @escaping @Sendable () -> Void
    ) throws(ThreadStartError) {
        precondition(name.utf8.count <= 15, "Linux keeps 15 bytes of a thread's name, '\(name)' has more")
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        // The reference goes to the thread, which gives it back when it begins.
        let body = Unmanaged.passRetained(Body(name, work))
        var created = pthread_t()
        let error = pthread_create(
            &created, &attributes,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        guard error == 0 else {
            body.release()
            throw ThreadStartError(name: name, errno: error)
        }
        handle = Mutex(created)
    }

    deinit {
        if let handle = handle.withLock({ $0 }) { pthread_detach(handle) }
    }

    /// Waits for the end of the work; returns at once when somebody has done so before. pthread_join(3).
    package func join() {
        let handle = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let handle { pthread_join(handle, nil) }
    }

    /// Does the work on a thread of its own or, where the kernel makes none, on the caller's before this returns: it is
    /// done in any case.
    package static func run(_ name: String, work: @escaping @Sendable () -> Void) {
        do {
            try NamedThread(name, work: work)
        } catch {
            work()
        }
    }

    private final class Body: Sendable {
        private let name: String
        private let work: @Sendable () -> Void

        init(_ name: String, _ work: @escaping @Sendable () -> Void) {
            self.name = name
            self.work = work
        }

        func run() {
            octo_thread_set_name(name)
            work()
        }
    }
}
