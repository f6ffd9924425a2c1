import Glibc
import Time

/// Brings records onto a disk, whatever the disk does; is told the time, and has no thread.
///
/// A chunk goes out when it is full or `flushInterval` old. What the disk does not take is kept and tried again, from the
/// byte where it stopped, so that the file is never anything but a beginning of the whole one.
struct MCAPFileSession {
    private let path: String
    private let descriptor: Int32
    private let calls: MCAPFileWriter.SystemCalls
    private let options: MCAPFileWriter.Options
    private var writer: MCAPWriter
    private var unwritten: [UInt8] = []
    private var chunkBegan: MonotonicTime?
    private var lastSync: MonotonicTime?
    private var isUnsynced = false
    private var retryTime: MonotonicTime?
    private(set) var status = MCAPFileWriter.Status()

    init(
        path: String, descriptor: Int32, options: MCAPFileWriter.Options, calls: MCAPFileWriter.SystemCalls
    ) {
        self.path = path
        self.descriptor = descriptor
        self.options = options
        self.calls = calls
        writer = MCAPWriter(options.format)
    }

    /// Whether it holds so much for a disk that takes nothing that more must wait.
    var isFull: Bool { unwritten.count >= options.queueBytes }

    mutating func take(_ entries: [MCAPRecordQueue.Entry], at now: MonotonicTime) {
        for entry in entries {
            do throws(MCAPWriteError) {
                switch entry {
                case .schema(let schema): try writer.write(schema)
                case .channel(let channel): try writer.write(channel)
                case .message(let message): try writer.write(message)
                case .attachment(let attachment): try writer.write(attachment)
                case .metadata(let metadata): try writer.write(metadata)
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

    /// To be called often: ends a chunk that is old enough, and writes.
    mutating func turn(at now: MonotonicTime) {
        if let began = chunkBegan, now - began >= options.flushInterval {
            endChunk()
            chunkBegan = nil
        }
        push(at: now)
        syncIfDue(at: now)
    }

    /// Ends the file. What the disk does not take now is lost, and counted; what stands there can be mended.
    mutating func finish(_ notes: [MCAP.Metadata], at now: MonotonicTime) {
        do throws(MCAPWriteError) {
            for note in notes { try writer.write(note) }
            try writer.finish()
        } catch {
            refuse(error)
        }
        retryTime = nil
        push(at: now)
        status.lostBytes = unwritten.count
        if options.syncs && isUnsynced { sync() }
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

    /// write(2), as often as it takes something.
    private mutating func push(at now: MonotonicTime) {
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
                calls.write(descriptor, $0.baseAddress.map { $0 + start }, unwritten.count - start)
            }
            if put > 0 {
                start += put
                status.writtenBytes += UInt64(put)
                isUnsynced = true
                status.isStuck = false
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

    /// fdatasync(2).
    private mutating func sync() {
        isUnsynced = false
        while calls.sync(descriptor) != 0 {
            let problem = calls.errno()
            if problem == EINTR { continue }
            fail("writing to the disk under", problem)
            return
        }
        status.syncs += 1
    }
}
