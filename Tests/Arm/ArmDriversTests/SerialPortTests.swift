import ArmDrivers
import CShims
import Glibc
import Testing
import Time

/// A serial line that is a pseudo-terminal.
@Suite struct SerialPortTests {
    private static func terminal() throws -> (master: Int32, path: String) {
        var name = [CChar](repeating: 0, count: 128)
        let master = octo_open_terminal(&name, name.count)
        try #require(master >= 0)
        return (master, String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    private static func receive(_ port: SerialPort, within duration: Duration) throws -> [UInt8] {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
        defer { room.deallocate() }
        let count = try port.receive(into: room, until: .now() + duration)
        return Array(room.prefix(count))
    }

    @Test func bytesPassUnchangedInBothDirections() throws {
        let (master, path) = try Self.terminal()
        defer { close(master) }
        let port = try SerialPort(path: path, baud: 1_000_000)
        let all = [UInt8](0...255)
        try all.withUnsafeBytes { bytes throws in try port.send(bytes) }
        var heard = [UInt8](repeating: 0, count: 256)
        #expect(read(master, &heard, heard.count) == 256 && heard == all)
        // What a line discipline would change: control characters, line ends.
        let sent: [UInt8] = [3, 4, 10, 13, 17, 19, 26, 0xFF, 0xFF, 0]
        _ = write(master, sent, sent.count)
        #expect(try Self.receive(port, within: .seconds(2)) == sent)
    }

    /// The goals of one tick may still be on their way out when the next one throws old answers away.
    @Test func whatIsUnsentStaysWhenOldAnswersAreThrownAway() throws {
        let (master, path) = try Self.terminal()
        defer { close(master) }
        let port = try SerialPort(path: path, baud: 1_000_000)
        let goals: [UInt8] = [1, 2, 3]
        try goals.withUnsafeBytes { bytes throws in try port.send(bytes) }
        let answer: [UInt8] = [4, 5]
        _ = write(master, answer, answer.count)
        #expect(try Self.receive(port, within: .seconds(2)) == answer)
        port.discardInput()
        var heard = [UInt8](repeating: 0, count: 8)
        #expect(read(master, &heard, heard.count) == goals.count && heard.starts(with: goals))
    }

    @Test func silenceEndsAtTheDeadline() throws {
        let (master, path) = try Self.terminal()
        defer { close(master) }
        let port = try SerialPort(path: path, baud: 1_000_000)
        let begin = MonotonicTime.now()
        #expect(try Self.receive(port, within: .milliseconds(20)) == [])
        #expect(MonotonicTime.now() - begin >= .milliseconds(20))
    }

    @Test func anAdapterThatIsPulledOutIsAnErrorAtOnceAndCanComeBack() throws {
        let (master, path) = try Self.terminal()
        let port = try SerialPort(path: path, baud: 1_000_000)
        close(master)
        #expect(throws: ServoPortError.self) { try Self.receive(port, within: .seconds(60)) }
        #expect(throws: ServoPortError(errno: ENODEV)) { try Self.receive(port, within: .seconds(60)) }
        #expect(throws: ServoPortError.self) { try port.reopen() }
    }

    @Test func aPortIsOpenOnce() throws {
        let (master, path) = try Self.terminal()
        defer { close(master) }
        let port = try SerialPort(path: path, baud: 57_600)
        do {
            _ = try SerialPort(path: path, baud: 57_600)
            Issue.record("opened twice")
        } catch {
            #expect(error.description.contains("another program has it"))
        }
        #expect(port.baud == 57_600)
    }

    @Test func whatIsNoPortIsNamed() {
        for (path, words) in [("/dev/ttyNone9", "there is no such device"), ("/dev/null", "/dev/null")] {
            do {
                _ = try SerialPort(path: path, baud: 1_000_000)
                Issue.record("opened \(path)")
            } catch {
                #expect(error.description.contains(words) && error.description.contains(path))
            }
        }
    }
}
