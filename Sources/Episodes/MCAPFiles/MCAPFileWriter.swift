import Glibc
import Synchronization
import Threads
import Time

/// Writes an MCAP file from a thread of its own. No call waits for the disk: when it is too slow and the queue full,
/// messages are dropped, counted, and named by topic and sequence number.
///
/// What was appended is in the file at most `flushInterval` and a turn of the thread later, and by then also asked onto
/// the disk (fdatasync) where `syncs` says so: a killed process loses at most that, a power cut what the disk held
/// back. It lives until it is closed.
package final class MCAPFileWriter: Sendable {
    /// How the file is written, and how much may wait.
    package struct Options: Sendable {
        package var format: MCAPWriter.Options
        /// Bytes for messages that wait; as much again may wait for a disk that is full.
        package var queueBytes: Int
        /// How old an open chunk grows before it is written.
        package var flushInterval: Duration
        /// Whether each flush is followed by fdatasync(2).
        package var syncs: Bool

        package init(
            format: MCAPWriter.Options = .init(), queueBytes: Int = 64 << 20,
            flushInterval: Duration = .milliseconds(900), syncs: Bool = true
        ) {
            self.format = format
            self.queueBytes = queueBytes
            self.flushInterval = flushInterval
            self.syncs = syncs
        }
    }

    /// The calls that a disk answers; tests put a full or a failing one in their place.
    package struct SystemCalls: Sendable {
        package var write: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int
        package var sync: @Sendable (Int32) -> Int32
        package var close: @Sendable (Int32) -> Int32
        /// The error number of the call before it, on the same thread.
        package var errno: @Sendable () -> Int32

        package init(
            write: @escaping @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { Glibc.write($0, $1, $2) },
            sync: @escaping @Sendable (Int32) -> Int32 = { fdatasync($0) },
            close: @escaping @Sendable (Int32) -> Int32 = { Glibc.close($0) },
            errno: @escaping @Sendable () -> Int32 = { Glibc.errno }
        ) {
            self.write = write
            self.sync = sync
            self.close = close
            self.errno = errno
        }
    }

    /// Numbers of the messages of one channel that did not get into the file.
    package struct Drops: Equatable, Sendable {
        /// How many messages were dropped.
        package private(set) var count: UInt64 = 0
        /// Their sequence numbers.
        package private(set) var ranges: [ClosedRange<UInt32>] = []

        package init() {}

        /// Counts a message that was dropped.
        /// - Parameter most: number of ranges from which on the last one grows over what lies between.
        package mutating func add(_ sequence: UInt32, most: Int) {
            count += 1
            if let last = ranges.last, sequence >= last.upperBound,
                sequence == last.upperBound &+ 1 || ranges.count == most
            {
                ranges[ranges.count - 1] = last.lowerBound...sequence
            } else if ranges.count < most {
                ranges.append(sequence...sequence)
            }
        }
    }

    /// How far the file is, as of one moment.
    package struct Status: Equatable, Sendable {
        /// Bytes that the system has taken.
        package var writtenBytes: UInt64 = 0
        /// Bytes that wait for the disk: queued, being packed, or packed.
        package var waitingBytes = 0
        /// Bytes that the system has and the disk perhaps not yet.
        package var unsyncedBytes = 0
        /// The newest number from `commit()` of which the disk has all that came before.
        package var committed: UInt64 = 0
        /// How often the disk was asked to keep what it has.
        package var syncs = 0
        /// The first failure of the disk; later ones are only counted.
        package var problem: MCAPError?
        package var failures = 0
        /// The last attempt to write failed. It is repeated.
        package var isStuck = false
        /// Bytes of a finished file that the disk did not take.
        package var lostBytes = 0
        /// Records that do not fit into the file, such as messages of a channel that was not defined.
        package var refusal: MCAPWriteError?
        package var refused = 0
        /// Messages that did not get into the file, by channel.
        package var drops: [UInt16: Drops] = [:]

        package init() {}
    }

    private struct Shared {
        var queue: MCAPRecordQueue
        var status = Status()
        var isClosing = false
        var commits: UInt64 = 0

        /// The status, with what the queue knows.
        var reported: Status {
            var status = status
            status.drops = queue.drops
            status.waitingBytes += queue.bytes
            return status
        }
    }

    /// How long the thread sleeps between its turns: short against the flush, long against a context switch.
    private static let turn: Duration = .milliseconds(20)

    package let path: String
    private let shared: Mutex<Shared>
    private let thread: Mutex<NamedThread?>

    /// Creates the file, which must not be there yet, and starts the thread. open(2), pthread_create(3).
    package init(
        creating path: String, options: Options = Options(), calls: SystemCalls = SystemCalls()
    ) throws(MCAPError) {
        self.path = path
        shared = Mutex(Shared(queue: MCAPRecordQueue(limit: options.queueBytes)))
        thread = Mutex(nil)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .file(path: path, step: "creating", errno: errno) }
        do throws(ThreadStartError) {
            let started = try NamedThread("mcap writer") { [self] in
                run(
                    MCAPFileSession(path: path, descriptor: descriptor, options: options, calls: calls) {
                        [self] status in
                        shared.withLock { $0.status = status }
                    })
            }
            thread.withLock { $0 = started }
        } catch {
            Glibc.close(descriptor)
            throw .file(path: path, step: "starting a thread for", errno: error.errno)
        }
    }

    package var status: Status { shared.withLock { $0.reported } }

    /// Queues a schema; again with the same content it does nothing.
    package func define(_ schema: MCAP.Schema) { _ = append(.schema(schema)) }
    /// Queues a channel, whose schema was defined before.
    package func define(_ channel: MCAP.Channel) { _ = append(.channel(channel)) }
    /// Queues an attachment.
    package func attach(_ attachment: MCAP.Attachment) { _ = append(.attachment(attachment)) }
    /// Queues metadata.
    package func note(_ metadata: MCAP.Metadata) { _ = append(.metadata(metadata)) }

    /// Asks all that was given so far onto the disk at once, without waiting for it.
    /// - Returns: the number that `Status.committed` reaches when it is there.
    package func commit() -> UInt64 {
        shared.withLock { shared in
            if shared.isClosing { return shared.commits }
            shared.commits += 1
            _ = shared.queue.append(.commit(shared.commits))
            return shared.commits
        }
    }

    /// Queues a message for the file.
    /// - Returns: false when the message was dropped, because the queue is full or the file closed.
    @discardableResult
    package func append(_ message: MCAP.Message) -> Bool { append(.message(message)) }

    private func append(_ entry: MCAPRecordQueue.Entry) -> Bool {
        shared.withLock { shared in
            if shared.isClosing { return false }
            return shared.queue.append(entry)
        }
    }

    /// Writes what waits, ends the file and the thread. Waits for the disk.
    /// - Parameter notes: the last metadata records, made when it is known what was dropped.
    @discardableResult
    package func close(_ notes: @escaping @Sendable (Status) -> [MCAP.Metadata] = { _ in [] }) -> Status {
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let running {
            lastNotes.withLock { $0 = notes }
            shared.withLock { $0.isClosing = true }
            running.join()
        }
        return status
    }

    private let lastNotes = Mutex<@Sendable (Status) -> [MCAP.Metadata]>({ _ in [] })

    private func run(_ session: MCAPFileSession) {
        var session = session
        while true {
            let isFull = session.isFull
            let (entries, isClosing): ([MCAPRecordQueue.Entry], Bool) = shared.withLock { shared in
                if isFull { return ([], shared.isClosing) }
                shared.status.waitingBytes += shared.queue.bytes
                return (shared.queue.takeAll(), shared.isClosing)
            }
            session.take(entries, at: .now())
            let latest = session.status
            shared.withLock { $0.status = latest }
            if isClosing { break }
            var pause = timespec(tv_sec: 0, tv_nsec: Int(Self.turn / .nanoseconds(1)))
            nanosleep(&pause, nil)
        }
        // What a full disk left in the queue has its last chance.
        let rest: [MCAPRecordQueue.Entry] = shared.withLock { shared in
            shared.status.waitingBytes += shared.queue.bytes
            return shared.queue.takeAll()
        }
        session.take(rest, at: .now())
        let notes = lastNotes.withLock { $0 }
        session.finish(notes(status), at: .now())
        let latest = session.status
        shared.withLock { $0.status = latest }
    }
}
