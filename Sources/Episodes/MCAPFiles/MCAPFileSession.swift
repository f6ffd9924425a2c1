import Glibc
import Time

/// Brings records onto a disk, whatever the disk does; is told the time, and has no thread.
///
/// A chunk goes out when it is full or `flushInterval` old. What the disk does not take is kept and tried again, from
/// the byte where it stopped, so that the file is never anything but a beginning of the whole one.
struct MCAPFileSession {
    private let path: String
    private let descriptor: Int32
    private let calls: MCAPFileWriter.SystemCalls
    private let options: MCAPFileWriter.Options
    private var writer: MCAPWriter
    private var unwritten: [UInt8] = []
    private var chunkBegan: MonotonicTime?
    private var lastSync: MonotonicTime?
    private var isUnsynced: Bool { status.unsyncedBytes > 0 }
    private var retryTime: MonotonicTime?
    /// The disk has never said that it does not keep what it took: only then can anything be promised.
    private var keepsAll = true
    /// The newest commit that was asked for, until the disk has all before it.
    private var awaitedCommit: UInt64?
    private(set) var status = MCAPFileWriter.Status()
    /// Hears the status while a slow disk takes its time.
    private let progress: (MCAPFileWriter.Status) -> Void
    /// Bytes of entries that are in its hands and not packed yet.
    private var entryBytes = 0
    private static let lastAttempts = 3
    /// Bytes of one write, and of what is waited for at a time: so that it is seen that a slow disk gets on.
    private static let step = (write: 1 << 16, sync: 1 << 18)

    init(
        path: String, descriptor: Int32, options: MCAPFileWriter.Options, calls: MCAPFileWriter.SystemCalls,
        progress: @escaping (MCAPFileWriter.Status) -> Void = { _ in }
    ) {
        self.path = path
        self.descriptor = descriptor
        self.options = options
        self.calls = calls
        self.progress = progress
        writer = MCAPWriter(options.format)
    }

    /// Whether it holds so much for a disk that takes nothing that more must wait.
    var isFull: Bool { unwritten.count >= options.queueBytes }

    mutating func take(_ entries: [MCAPRecordQueue.Entry], at now: MonotonicTime) {
        entryBytes = entries.reduce(0) { $0 + MCAPRecordQueue.size(of: $1) }
        for entry in entries {
            entryBytes -= MCAPRecordQueue.size(of: entry)
            do throws(MCAPWriteError) {
                switch entry {
                case .schema(let schema): try writer.write(schema)
                case .channel(let channel): try writer.write(channel)
                case .message(let message): try writer.write(message)
                case .attachment(let attachment): try writer.write(attachment)
                case .metadata(let metadata): try writer.write(metadata)
                case .commit(let number): awaitedCommit = number
                }
            } catch {
                refuse(error)
            }
            if writer.openChunkBytes == 0 {
                chunkBegan = nil
            } else if chunkBegan == nil {
                chunkBegan = now
            }
            if writer.pendingBytes > 1 << 20 { push(at: now) }
        }
        turn(at: now)
    }

    /// Ends a chunk that is old enough, and writes. To be called often.
    mutating func turn(at now: MonotonicTime) {
        if let began = chunkBegan, now - began >= options.flushInterval {
            endChunk()
            chunkBegan = nil
        }
        if awaitedCommit != nil, chunkBegan != nil {
            endChunk()
            chunkBegan = nil
        }
        push(at: now)
        syncIfDue(at: now)
        commitIfWritten()
        tellWaiting()
    }

    /// Updates how many bytes wait for the disk.
    /// - Parameter written: number of bytes of `unwritten` that have been written since.
    private mutating func tellWaiting(beyond written: Int = 0) {
        status.waitingBytes = entryBytes + unwritten.count - written + writer.pendingBytes + writer.openChunkBytes
    }

    private mutating func commitIfWritten() {
        guard let number = awaitedCommit, unwritten.isEmpty, writer.pendingBytes == 0 else { return }
        if options.syncs && isUnsynced { sync() }
        awaitedCommit = nil
        if keepsAll { status.committed = number }
    }

    /// Ends the file. What the disk does not take now is lost, and counted; what stands there can be mended.
    mutating func finish(_ notes: [MCAP.Metadata], at now: MonotonicTime) {
        do throws(MCAPWriteError) {
            for note in notes { try writer.write(note) }
            try writer.finish()
        } catch {
            refuse(error)
        }
        // There is no later any more; a write that failed once, as over a network, may succeed at once.
        for _ in 0..<Self.lastAttempts where status.isStuck || !unwritten.isEmpty || writer.pendingBytes > 0 {
            retryTime = nil
            push(at: now, syncingEvery: options.syncs ? Self.step.sync : nil)
        }
        status.lostBytes = unwritten.count
        if options.syncs && isUnsynced { sync() }
        commitIfWritten()
        if calls.close(descriptor) != 0 { fail("closing", calls.errno()) }
    }

    private mutating func endChunk() {
        do throws(MCAPWriteError) {
            try writer.endChunk()
        } catch {
            refuse(error)
        }
    }

    private mutating func refuse(_ error: MCAPWriteError) {
        status.refused += 1
        if status.refusal == nil { status.refusal = error }
    }

    private mutating func fail(_ step: String, _ errno: Int32) {
        status.failures += 1
        if status.problem == nil { status.problem = .file(path: path, step: step, errno: errno) }
    }

    // MARK: The disk

    /// Writes as often as the disk takes something. write(2).
    /// - Parameter bytes: number of bytes after which what was written is also waited for, so that the end of a long
    ///   backlog comes nearer step by step; nil does not wait.
    private mutating func push(at now: MonotonicTime, syncingEvery bytes: Int? = nil) {
        if writer.pendingBytes > 0 {
            if unwritten.isEmpty { unwritten = writer.takeBytes() } else { unwritten += writer.takeBytes() }
        }
        if let retryTime, now < retryTime { return }
        retryTime = nil
        var start = 0
        defer { if start > 0 { unwritten.removeFirst(start) } }
        while start < unwritten.count {
            // The call reads what is left of the array.
            let put = unwritten.withUnsafeBytes {
                calls.write(
                    descriptor, $0.baseAddress.map { $0 + start }, min(unwritten.count - start, Self.step.write))
            }
            if put > 0 {
                start += put
                status.writtenBytes += UInt64(put)
                status.unsyncedBytes += put
                status.isStuck = false
                if let bytes, status.unsyncedBytes >= bytes { sync() }
                tellWaiting(beyond: start)
                progress(status)
                continue
            }
            let problem = put == 0 ? EIO : calls.errno()
            if problem == EINTR { continue }
            fail("writing", problem)
            status.isStuck = true
            retryTime = now + options.flushInterval
            return
        }
    }

    private mutating func syncIfDue(at now: MonotonicTime) {
        guard options.syncs, isUnsynced else { return }
        if let lastSync, now - lastSync < options.flushInterval { return }
        lastSync = now
        sync()
    }

    /// Waits until the disk has what was written. fdatasync(2).
    private mutating func sync() {
        status.unsyncedBytes = 0
        while calls.sync(descriptor) != 0 {
            let problem = calls.errno()
            if problem == EINTR { continue }
            keepsAll = false
            fail("writing to the disk under", problem)
            return
        }
        status.syncs += 1
    }
}
