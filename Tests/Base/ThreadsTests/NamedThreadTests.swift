import Files
import Glibc
import Synchronization
import Testing
import Threads

@Suite struct NamedThreadTests {
    @Test func theWorkIsDoneUnderTheThreadsName() throws {
        let found = Mutex("")
        let thread = try NamedThread("fifteen letters") {
            let name = try? FileSystem.read("/proc/thread-self/comm")
            found.withLock { $0 = String(decoding: name ?? [], as: UTF8.self) }
        }
        thread.join()
        #expect(found.withLock { $0 } == "fifteen letters\n")
        // Once more is harmless.
        thread.join()
    }

    /// Whoever lets go of the object does not end the work.
    @Test func theWorkGoesOnWithoutItsOwner() {
        let (begin, end) = (Gate(), Gate())
        NamedThread.run("orphan") {
            begin.wait()
            end.open()
        }
        begin.open()
        end.wait()
    }

    /// A refusal, which a stack larger than the address space brings about, names the thread.
    @Test func aRefusalIsAnErrorThatNamesTheThread() {
        let error = #expect(throws: ThreadStartError.self) { try NamedThread("huge", stackBytes: 1 << 60) {} }
        #expect(error?.description.hasPrefix("starting the thread 'huge': pthread_create failed") == true)
    }
}

/// Somebody waits until another says so.
// Sendable: the semaphore is made for several threads.
private final class Gate: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func open() { sem_post(semaphore) }
    func wait() { sem_wait(semaphore) }
}
