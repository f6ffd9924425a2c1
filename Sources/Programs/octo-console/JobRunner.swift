import CShims
import Console
import Files
import Glibc
import NodeShell
import Synchronization
import Threads
import Time

/// Runs the programs of jobs beside this one: after all others, without standard input, and no longer than this
/// process lives.
///
/// One thread starts them, reads what they write and waits for their ends. It lives as long as they may: the kernel
/// kills a child when the thread ends that made it.
final class JobRunner: Sendable {
    /// What happens to a job.
    enum Event: Sendable {
        /// Its program wrote on standard output.
        case wrote([UInt8], id: Int)
        /// Its program wrote on standard error.
        case said([UInt8], id: Int)
        /// Its program has ended, with all that it wrote told before; nil: by a signal.
        case ended(id: Int, exitCode: Int32?)
        /// It did not start, or had to be ended; why, in words.
        case failed(id: Int, reason: String)
    }

    private struct Inbox {
        var launches: [ConsoleJobs.Launch] = []
        var isStopping = false
    }

    private let environment: [String: String]
    private let report: @Sendable (Event) -> Void
    private let inbox = Mutex(Inbox())
    private let wake: Int32
    private let thread = Mutex<NamedThread?>(nil)

    /// Makes a runner; its thread begins with the first job.
    /// - Parameters:
    ///   - environment: environment of the programs, and OCTO_BIN_DIR, where they are looked for first.
    ///   - report: told what happens, on the runner's thread; it may not wait.
    /// - Throws: `SystemError` without a descriptor to be woken by.
    init(
        environment: [String: String], report: @escaping @Sendable (Event) -> Void
    ) throws(SystemError) {
        wake = octo_event_fd()
        guard wake >= 0 else { throw SystemError(-wake) }
        self.environment = environment
        self.report = report
    }

    deinit { close(wake) }

    /// Starts a job's program as soon as may be; what becomes of it is reported.
    func start(_ launch: ConsoleJobs.Launch) {
        let isStopping = inbox.withLock { inbox in
            if !inbox.isStopping { inbox.launches.append(launch) }
            return inbox.isStopping
        }
        guard !isStopping else { return report(.failed(id: launch.job.id, reason: "the console is ending.")) }
        do throws(ThreadStartError) {
            try beginThread()
            octo_event_signal(wake)
        } catch {
            inbox.withLock { inbox in inbox.launches.removeAll { $0.job.id == launch.job.id } }
            report(.failed(id: launch.job.id, reason: error.description))
        }
    }

    /// Kills what runs and waits until it is gone.
    func stop() {
        inbox.withLock { $0.isStopping = true }
        octo_event_signal(wake)
        let running = thread.withLock { $0 }
        running?.join()
    }

    private func beginThread() throws(ThreadStartError) {
        try thread.withLock { thread throws(ThreadStartError) in
            guard thread == nil else { return }
            thread = try NamedThread("jobs") { [self] in run() }
        }
    }

    // MARK: The thread

    /// Period in which it looks after processes that say nothing.
    private static let period = Duration.milliseconds(50)
    /// The robot's processes, which have 0, come first. setpriority(2).
    private static let niceness: Int32 = 10

    private func run() {
        // On Linux this is of the thread alone, and its children inherit it: no moment passes in which they have more.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        var running: [JobProcess] = []
        while true {
            let (launches, isStopping) = inbox.withLock { inbox in
                defer { inbox.launches = [] }
                return (inbox.launches, inbox.isStopping)
            }
            if isStopping { break }
            for launch in launches {
                do throws(SpawnError) {
                    running.append(try JobProcess(launch, environment: environment))
                } catch {
                    report(.failed(id: launch.job.id, reason: error.description))
                }
            }
            for process in running { read(process) }
            running.removeAll(where: hasEnded)
            wait(for: running)
        }
        for process in running { process.end() }
    }

    private func wait(for running: [JobProcess]) {
        var descriptors = ([wake] + running.flatMap(\.descriptors)).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        let deadline = running.isEmpty ? -1 : (MonotonicTime.now() + Self.period).nanoseconds
        octo_poll_until_ns(&descriptors, UInt32(descriptors.count), deadline)
        octo_event_consume(wake)
    }

    /// Tells what a process has written.
    /// - Returns: whether it had written something.
    @discardableResult
    private func read(_ process: JobProcess) -> Bool {
        let (said, wrote) = (process.readWords(), process.readOutput())
        if !said.isEmpty { report(.said(said, id: process.id)) }
        if !wrote.isEmpty { report(.wrote(wrote, id: process.id)) }
        return !said.isEmpty || !wrote.isEmpty
    }

    private func hasEnded(_ process: JobProcess) -> Bool {
        if process.deadline < .now() {
            process.end()
            report(
                .failed(
                    id: process.id,
                    reason: "it had not ended after \(Int(JobProcess.longest.inSeconds / 60)) minutes, and was killed."
                ))
            return true
        }
        guard let status = process.reapIfEnded() else { return false }
        // What it wrote at last; nobody writes any more.
        while read(process) {}
        // The encoding of wait(2): the signal in the low seven bits, the exit code in the next byte.
        report(.ended(id: process.id, exitCode: status & 0x7f == 0 ? (status >> 8) & 0xff : nil))
        return true
    }
}
