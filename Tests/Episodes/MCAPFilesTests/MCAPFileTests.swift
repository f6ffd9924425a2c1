import Foundation
import MCAPFiles
import Synchronization
import TestSupport
import Testing

/// A disk that does as it is told.
private final class ToldDisk: Sendable {
    enum Answer {
        case takes(Int)
        case fails(Int32)
        /// Takes what fits into so many bytes in all, then fails.
        case holds(Int, then: Int32)
    }
    private struct State {
        var bytes: [UInt8] = []
        /// For the next calls of write; then it takes everything.
        var answers: [Answer] = []
        var always: Answer?
        var syncs: [Answer] = []
        var writes = 0
        var errno: Int32 = 0
    }
    private let state = Mutex(State())

    init(_ answers: [Answer] = [], always: Answer? = nil, syncs: [Answer] = []) {
        state.withLock {
            $0.answers = answers
            $0.always = always
            $0.syncs = syncs
        }
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var writes: Int { state.withLock { $0.writes } }
    func heal() { state.withLock { $0.always = nil } }

    var calls: MCAPFileWriter.SystemCalls {
        .init(
            write: { [self] (_, bytes, count) in
                // The caller owns `count` bytes there during the call.
                let given = Array(UnsafeRawBufferPointer(start: bytes, count: count))
                return state.withLock { state in
                    state.writes += 1
                    switch state.answers.isEmpty ? state.always : state.answers.removeFirst() {
                    case .fails(let problem):
                        state.errno = problem
                        return -1
                    case .holds(let room, let problem):
                        let fitting = given.prefix(room - state.bytes.count)
                        state.bytes += fitting
                        state.errno = problem
                        return fitting.isEmpty ? -1 : fitting.count
                    case .takes(let most):
                        state.bytes += given.prefix(most)
                        return min(most, count)
                    case nil:
                        state.bytes += given
                        return count
                    }
                }
            },
            sync: { [self] _ in
                state.withLock { state in
                    guard case .fails(let problem)? = state.syncs.isEmpty ? nil : state.syncs.removeFirst() else {
                        return 0
                    }
                    state.errno = problem
                    return -1
                }
            },
            close: { Glibc.close($0) },
            errno: { [self] in state.withLock { $0.errno } })
    }
}

/// The writer with a thread: what reaches the disk, and what is said of the rest.
@Suite struct MCAPFileTests {
    private func made(_ count: Int = 200) -> MadeRecording {
        var generator = SeededGenerator(seed: 12)
        return MadeRecording(messages: count, bytes: 100, using: &generator)
    }

    private func append(_ made: MadeRecording, to writer: MCAPFileWriter) -> Int {
        writer.attach(made.attachment)
        writer.note(made.metadata)
        for schema in made.schemas { writer.define(schema) }
        for channel in made.channels { writer.define(channel) }
        return made.messages.count { writer.append($0) }
    }

    private func messages(_ file: [UInt8]) throws -> [MCAP.Message] {
        var cursor = try MCAPReader(MCAPBytes(file)).messages()
        return try cursor.all().map(\.message)
    }

    /// Waits until the condition holds; false after ten seconds.
    private func holds(_ condition: () -> Bool) -> Bool {
        for _ in 0..<1000 {
            if condition() { return true }
            usleep(10_000)
        }
        return condition()
    }

    @Test func whatIsAppendedIsInTheFile() throws {
        let folder = try TemporaryFolder()
        let made = made()
        let writer = try MCAPFileWriter(
            creating: folder.file("a.mcap"), options: .init(format: .init(chunkBytes: 2000)))
        #expect(append(made, to: writer) == 200)
        let status = writer.close { _ in [MCAP.Metadata(name: "last", metadata: ["a": "b"])] }
        #expect(status.problem == nil && status.lostBytes == 0 && status.refused == 0 && status.drops.isEmpty)
        let reader = try MCAPReader(MCAPFile(path: folder.file("a.mcap")))
        #expect(reader.isFinished && reader.source.byteCount == status.writtenBytes)
        #expect(reader.metadata.map(\.name) == ["machine", "last"] && reader.attachments.count == 1)
        var cursor = reader.messages()
        #expect(try cursor.all().map(\.message) == made.messages)
        #expect(!writer.append(made.messages[0]) && writer.close() == status)
        #expect(throws: MCAPError.file(path: folder.file("a.mcap"), step: "creating", errno: EEXIST)) {
            try MCAPFileWriter(creating: folder.file("a.mcap"))
        }
    }

    /// Without an end of the chunk by its size: the time alone brings it to the disk.
    @Test func whatIsAppendedIsFlushedSoonAndSurvivesAKill() throws {
        let folder = try TemporaryFolder()
        let made = made()
        let path = folder.file("a.mcap")
        let writer = try MCAPFileWriter(creating: path, options: .init(flushInterval: .milliseconds(50)))
        _ = append(made, to: writer)
        // What a kill would leave is what stands there now.
        #expect(holds { (try? MCAPReader(MCAPFile(path: path)).statistics.messageCount) == 200 })
        let reader = try MCAPReader(MCAPFile(path: path))
        #expect(!reader.isFinished && writer.status.syncs > 0)
        var cursor = reader.messages()
        #expect(try cursor.all().map(\.message) == made.messages)
        writer.close()
    }

    @Test func metadataAtTheBeginningIsFoundWithoutTheRest() throws {
        let made = made()
        var writer = MCAPWriter(.init(chunkBytes: 2000))
        try writer.write(made.metadata)
        for schema in made.schemas { try writer.write(schema) }
        for channel in made.channels { try writer.write(channel) }
        for message in made.messages { try writer.write(message) }
        try writer.write(MCAP.Metadata(name: "late", metadata: [:]))
        try writer.finish()
        let file = writer.takeBytes()
        for bytes in [file, Array(file.prefix(file.count / 2))] {
            let source = MCAPBytes(bytes)
            #expect(try MCAPReader.metadata(named: "machine", atBeginningOf: source) == made.metadata)
            #expect(try MCAPReader.metadata(named: "late", atBeginningOf: source) == nil)
        }
        #expect(try MCAPReader.metadata(named: "machine", atBeginningOf: MCAPBytes([1, 2, 3])) == nil)
    }

    /// What is to be promised to a person is on the disk when its number comes back, long before the next flush.
    @Test func aCommitIsKeptWhenEverythingBeforeItIsOnTheDisk() throws {
        let folder = try TemporaryFolder()
        let disk = ToldDisk(always: .fails(ENOSPC))
        let writer = try MCAPFileWriter(
            creating: folder.file("a.mcap"), options: .init(flushInterval: .milliseconds(50)), calls: disk.calls)
        _ = append(made(), to: writer)
        let number = writer.commit()
        #expect(holds { writer.status.isStuck } && writer.status.committed < number && writer.status.waitingBytes > 0)
        disk.heal()
        #expect(holds { writer.status.committed == number })
        let bytes = disk.bytes
        writer.close()
        let reader = try MCAPReader(MCAPBytes(bytes))
        #expect(reader.statistics.messageCount == 200, "all of it was there at that time")
    }

    @Test func aCommitIsNotKeptByADiskThatDoesNotKeepWhatItTakes() throws {
        let folder = try TemporaryFolder()
        let disk = ToldDisk(syncs: Array(repeating: .fails(EIO), count: 100))
        let writer = try MCAPFileWriter(creating: folder.file("a.mcap"), calls: disk.calls)
        _ = append(made(), to: writer)
        _ = writer.commit()
        #expect(holds { writer.status.failures > 0 } && writer.status.committed == 0)
        writer.close()
    }

    /// A slow disk at the end: the bytes that are left get fewer, step by step.
    @Test func whatIsLeftAtTheEndGetsLess() throws {
        let folder = try TemporaryFolder()
        let disk = ToldDisk(always: .fails(ENOSPC))
        var generator = SeededGenerator(seed: 5)
        let made = MadeRecording(messages: 40, bytes: 100_000, using: &generator)
        var format = MCAPWriter.Options()
        format.compression = .none
        let writer = try MCAPFileWriter(
            creating: folder.file("a.mcap"), options: .init(format: format), calls: disk.calls)
        _ = append(made, to: writer)
        #expect(holds { writer.status.isStuck && writer.status.waitingBytes > 2_000_000 })
        disk.heal()
        let status = writer.close()
        #expect(status.lostBytes == 0 && status.waitingBytes == 0 && status.unsyncedBytes == 0)
        #expect(disk.writes > 8 && status.syncs > 4, "in steps, each waited for")
    }

    @Test func interruptedAndShortWritesAreGoneOnWith() throws {
        let folder = try TemporaryFolder()
        let answers: [ToldDisk.Answer] = [
            .fails(EINTR), .takes(1), .takes(7), .fails(EINTR), .fails(EINTR), .takes(100),
        ]
        let disk = ToldDisk(answers, always: .takes(333), syncs: [.fails(EINTR)])
        let writer = try MCAPFileWriter(creating: folder.file("a.mcap"), calls: disk.calls)
        let made = made()
        _ = append(made, to: writer)
        let status = writer.close()
        #expect(status.problem == nil && status.failures == 0 && disk.writes > 20)
        #expect(try messages(disk.bytes) == made.messages)
    }

    @Test func aFullDiskIsReportedOnceAndGoneOnWithWhenThereIsRoom() throws {
        let folder = try TemporaryFolder()
        let disk = ToldDisk([.takes(500)], always: .fails(ENOSPC))
        let path = folder.file("a.mcap")
        let options = MCAPFileWriter.Options(format: .init(chunkBytes: 1000), flushInterval: .milliseconds(20))
        let writer = try MCAPFileWriter(creating: path, options: options, calls: disk.calls)
        let made = made()
        _ = append(made, to: writer)
        #expect(holds { writer.status.failures > 2 })
        #expect(writer.status.problem == .file(path: path, step: "writing", errno: ENOSPC) && writer.status.isStuck)
        disk.heal()
        #expect(holds { !writer.status.isStuck })
        let status = writer.close()
        #expect(status.lostBytes == 0 && status.problem != nil)
        #expect(try messages(disk.bytes) == made.messages)
    }

    @Test(arguments: [ENOSPC, EIO])
    func aDiskThatTakesNothingMoreLeavesAFileThatOpensAndIsMended(_ problem: Int32) throws {
        let folder = try TemporaryFolder()
        let disk = ToldDisk(always: .holds(25_000, then: problem))
        let options = MCAPFileWriter.Options(
            format: .init(compression: .none, chunkBytes: 1000), queueBytes: 40_000, flushInterval: .milliseconds(1))
        let writer = try MCAPFileWriter(creating: folder.file("a.mcap"), options: options, calls: disk.calls)
        let made = made(2000)
        var taken = 0
        for schema in made.schemas { writer.define(schema) }
        for channel in made.channels { writer.define(channel) }
        for (index, message) in made.messages.enumerated() {
            if writer.append(message) { taken += 1 }
            if index % 10 == 0 { usleep(2000) }
        }
        let status = writer.close()
        // Memory stays bounded: what neither disk nor queue takes is dropped, with its numbers.
        let dropped = status.drops.values.reduce(0) { $0 + $1.count }
        #expect(dropped > 0 && Int(dropped) == 2000 - taken && status.lostBytes > 0)
        let named = status.drops.values.flatMap(\.ranges).reduce(0) { $0 + $1.count }
        #expect(named == Int(dropped))
        #expect(status.problem == .file(path: writer.path, step: "writing", errno: problem))
        let found = try messages(disk.bytes)
        let dropStart = status.drops.values.compactMap { $0.ranges.first.map { Int($0.lowerBound) } }.min() ?? 0
        #expect(found.count > 50 && dropStart > 0)
        #expect(found.prefix(3 * dropStart) == made.messages.prefix(min(found.count, 3 * dropStart)))
        let (report, _) = try MCAPRecovery.recover(disk.bytes)
        #expect(!report.wasWhole && report.messages == UInt64(found.count))
    }

    /// Whichever write it is that fails, once or from then on: what is in the file is what came before, in order, and
    /// what is not there is counted.
    @Test(arguments: [false, true]) func aWriteThatFailsAnywhereLosesNothingInSilence(isForGood: Bool) throws {
        let made = made()
        let options = MCAPFileWriter.Options(
            format: .init(compression: .none, chunkBytes: 1000), flushInterval: .milliseconds(1))
        func record(failing number: Int?) throws -> (MCAPFileWriter.Status, [UInt8], writes: Int) {
            let folder = try TemporaryFolder()
            let good = Array(repeating: ToldDisk.Answer.takes(.max), count: max(0, (number ?? 1) - 1))
            let disk =
                number == nil
                ? ToldDisk() : isForGood ? ToldDisk(good, always: .fails(EIO)) : ToldDisk(good + [.fails(EIO)])
            let writer = try MCAPFileWriter(creating: folder.file("a.mcap"), options: options, calls: disk.calls)
            #expect(append(made, to: writer) == 200)
            return (writer.close(), disk.bytes, disk.writes)
        }
        let writes = try record(failing: nil).writes
        for number in 1...writes {
            let (status, bytes, calls) = try record(failing: number)
            // How many writes it takes depends on when its thread wakes.
            guard calls >= number else { continue }
            #expect(status.failures > 0 || !isForGood, "write \(number)")
            if isForGood {
                let found = bytes.isEmpty ? [] : (try? messages(bytes)) ?? []
                #expect(found == Array(made.messages.prefix(found.count)) && status.lostBytes > 0, "write \(number)")
            } else {
                #expect(try messages(bytes) == made.messages && status.lostBytes == 0, "write \(number)")
            }
        }
    }

    @Test func aDiskThatCannotKeepIsReported() throws {
        let folder = try TemporaryFolder()
        let disk = ToldDisk(syncs: [.fails(EIO)])
        let writer = try MCAPFileWriter(creating: folder.file("a.mcap"), calls: disk.calls)
        _ = append(made(), to: writer)
        let status = writer.close()
        #expect(status.failures == 1 && status.lostBytes == 0)
        #expect(status.problem == .file(path: writer.path, step: "writing to the disk under", errno: EIO))
    }

    @Test func aFolderThatCannotBeWrittenIsSaid() throws {
        #expect(throws: MCAPError.file(path: "/nonexistent/a.mcap", step: "creating", errno: ENOENT)) {
            try MCAPFileWriter(creating: "/nonexistent/a.mcap")
        }
        #expect(throws: MCAPError.file(path: "/proc/a.mcap", step: "creating", errno: ENOENT)) {
            try MCAPFileWriter(creating: "/proc/a.mcap")
        }
    }

    @Test func messagesOfNoChannelAreCountedAndDoNoHarm() throws {
        let folder = try TemporaryFolder()
        let writer = try MCAPFileWriter(creating: folder.file("a.mcap"))
        let made = made()
        var stranger = made.messages[0]
        stranger.channelID = 99
        writer.append(stranger)
        _ = append(made, to: writer)
        let status = writer.close()
        #expect(status.refused == 1 && status.refusal == .undefined(.channel, id: 99))
        var cursor = try MCAPReader(MCAPFile(path: writer.path)).messages()
        #expect(try cursor.all().count == 200)
    }
}
