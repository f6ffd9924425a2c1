import Foundation
import NodeShell
import Testing
import Threads

/// Lines that wait for their reader.
@Suite struct LineWriterTests {
    private func text(_ line: [UInt8]?) -> String? { line.map { String(decoding: $0, as: UTF8.self) } }

    @Test func linesComeOutInOrderEachWithItsEnd() {
        var queue = LineQueue()
        #expect(queue.isEmpty && queue.next() == nil)
        for line in ["one", "two", ""] { #expect(queue.add(line) == true) }
        #expect(!queue.isEmpty)
        #expect([text(queue.next()), text(queue.next()), text(queue.next())] == ["one\n", "two\n", "\n"])
        #expect(queue.isEmpty && queue.next() == nil)
    }

    @Test func whatFindsNoRoomIsDroppedAndCountedOnceThereIsRoomAgain() {
        // Two lines of five bytes fit.
        var queue = LineQueue(capacity: 10)
        #expect(queue.add("aaaa") && queue.add("bbbb"))
        #expect(!queue.add("cccc") && !queue.add(""))
        // Half of the room has to be free, so that the count is not one of itself.
        #expect(text(queue.next()) == "aaaa\n")
        #expect(queue.add("d") == true)
        #expect(text(queue.next()) == "bbbb\n")
        #expect(text(queue.next()) == "(2 lines were dropped: nobody read them)\n")
        #expect(text(queue.next()) == "d\n")
        #expect(queue.next() == nil)
    }

    @Test func theCountBeginsAnew() {
        var queue = LineQueue(capacity: 6)
        #expect(queue.add("abcde") && !queue.add("x"))
        #expect(text(queue.next()) == "abcde\n" && queue.next() == nil, "it is told before the next line, not alone")
        #expect(queue.add("y") == true)
        #expect(text(queue.next()) == "(1 lines were dropped: nobody read them)\n" && text(queue.next()) == "y\n")
        #expect(queue.add("z") && text(queue.next()) == "z\n")
    }

    /// A pipe that nobody reads: whoever writes is not held up, and what is lost is told to who reads at last.
    @Test func aReaderThatIsAwayHoldsUpNobody() throws {
        let pipe = Pipe()
        let writer = LineWriter(pipe.fileHandleForWriting.fileDescriptor)
        let line = String(repeating: "x", count: 1_023)
        let count = 3 * LineQueue.usualCapacity / 1_024
        for _ in 0..<count { writer.write(line) }
        #expect(!writer.flush(limit: .zero))
        // The count comes after what fitted, which is more than a pipe holds.
        var read = Data()
        while !read.contains(UInt8(ascii: "(")) { read += pipe.fileHandleForReading.availableData }
        #expect(read.count { $0 == UInt8(ascii: "\n") } >= LineQueue.usualCapacity / 2 / 1_024)
        // Drained by another thread, or the rest might not fit into the pipe.
        let reading = pipe.fileHandleForReading
        try NamedThread("reader") { while !reading.availableData.isEmpty {} }
        #expect(writer.flush(limit: .seconds(60)))
        try pipe.fileHandleForWriting.close()
    }

    @Test func aReaderThatIsGoneEndsNothing() throws {
        signal(SIGPIPE, SIG_IGN)
        let pipe = Pipe()
        let writer = LineWriter(pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForReading.close()
        writer.write("nobody reads this")
        #expect(writer.flush(limit: .seconds(60)))
    }
}
