import CShims
import Foundation
import Time

/// Passes bytes between the pseudo-terminal and the emulated servos, each at its time.
package struct EmulationServer {
    package let bus: any EmulatedBus
    package let terminal: PseudoTerminal
    private var commands: [UInt8] = []

    package init(bus: any EmulatedBus, terminal: PseudoTerminal) {
        self.bus = bus
        self.terminal = terminal
    }

    /// Serves until SIGTERM, SIGINT or SIGHUP.
    /// - Parameter refuse: told of each line of standard input that cannot be obeyed.
    /// - Throws: `EmulationError.noSignals`.
    package mutating func serve(refuse: (any Error) -> Void) throws(EmulationError) {
        let signals = octo_signal_fd()
        guard signals >= 0 else { throw .noSignals(errno: -signals) }
        var isOpen = true
        // Servos move also while nobody talks to them: a watchdog runs by this.
        let pause = Duration.milliseconds(5)
        while octo_signal_read(signals) == 0 {
            let now = MonotonicTime.now()
            bus.advance(to: now)
            receive(at: now)
            send(at: .now())
            let deadline = min(bus.nextReplyTime ?? now + pause, now + pause)
            var polled = [
                pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen && mayRead ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: terminal.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = octo_poll_until_ns(&polled, 3, deadline.nanoseconds)
            // With nobody at the other end the terminal is readable for ever, and has nothing.
            if polled[2].revents & Int16(POLLHUP) != 0 { octo_sleep(pause) }
            if polled[1].revents != 0 { isOpen = readCommands(refuse) }
        }
    }

    /// Whether standard input is ours: a program that reads a shell's terminal in the background is stopped.
    /// tcgetpgrp(3).
    private var mayRead: Bool {
        let foreground = tcgetpgrp(STDIN_FILENO)
        return foreground < 0 || foreground == getpgrp()
    }

    private func octo_sleep(_ duration: Duration) { octo_sleep_until_ns((MonotonicTime.now() + duration).nanoseconds) }

    /// Gives the servos what the host has sent by now.
    package func receive(at now: MonotonicTime) {
        guard terminal.descriptor >= 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(terminal.descriptor, &bytes, bytes.count)
        guard count > 0 else { return }
        // Sent at another rate than theirs it is noise to the servos.
        bus.hostBaud = Int(octo_serial_baud(terminal.descriptor))
        bytes[..<count].withUnsafeBytes { bus.receive($0, at: now) }
    }

    /// Gives the host what the servos have answered by now.
    package func send(at now: MonotonicTime) {
        let bytes = bus.takeReplies(at: now)
        guard !bytes.isEmpty, terminal.descriptor >= 0 else { return }
        // What does not fit is lost, as on a line nobody reads.
        _ = write(terminal.descriptor, bytes, bytes.count)
    }

    // MARK: - Faults

    /// Reads and obeys the commands on standard input; `refuse` is told of those that cannot be obeyed.
    /// - Returns: false at the end of standard input, and when a line never ends.
    private mutating func readCommands(_ refuse: (any Error) -> Void) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        guard count > 0 else { return count < 0 && [EAGAIN, EINTR].contains(errno) }
        commands += bytes[..<count]
        while let end = commands.firstIndex(of: 10) {
            let line = String(decoding: commands[..<end], as: UTF8.self)
            commands.removeSubrange(...end)
            do {
                try obey(line)
            } catch {
                refuse(error)
            }
        }
        return commands.count < 10_000
    }

    /// Makes a fault, given in the words of `octo-arm help emulate`.
    /// - Throws: `EmulationError.unknownFault`.
    package mutating func obey(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        guard let name = words.first else { return }
        let numbers = words.dropFirst().compactMap(Double.init)
        guard numbers.count == words.count - 1 else { throw EmulationError.unknownFault(line) }
        switch (name, numbers.count) {
        case ("drop", 1) where (0...1).contains(numbers[0]): bus.faults.dropProbability = numbers[0]
        case ("corrupt", 1) where (0...1).contains(numbers[0]): bus.faults.corruptProbability = numbers[0]
        case ("delay", 1) where (0...10).contains(numbers[0]): bus.faults.delay = numbers[0]
        case ("latency", 1) where (0...1).contains(numbers[0]): bus.faults.latency = numbers[0]
        case ("hold", 1) where (0...10).contains(numbers[0]): bus.faults.hold = numbers[0]
        case ("pause", 1) where (0...10).contains(numbers[0]): bus.faults.pause = numbers[0]
        case ("stale", 1) where (0...100).contains(numbers[0]): bus.faults.stale = Int(numbers[0])
        case ("garble", 1) where (0...1).contains(numbers[0]): bus.faults.garbleProbability = numbers[0]
        case ("missing", 0): bus.faults.missing = []
        case ("unplug", 0): terminal.pullOut()
        case ("replug", 0):
            terminal.pullOut()
            bus.cyclePower()
            try terminal.plugIn()
        default:
            guard let id = numbers.first.flatMap({ UInt8(exactly: $0) }), bus.ids.contains(id),
                obey(name, of: id, Array(numbers.dropFirst()))
            else { throw EmulationError.unknownFault(line) }
        }
    }

    /// Obeys a line that concerns one servo.
    /// - Returns: false where the words say nothing.
    private func obey(_ name: String, of id: UInt8, _ numbers: [Double]) -> Bool {
        switch (name, numbers.count) {
        case ("missing", 0): bus.faults.missing.insert(id)
        case ("turn", 1) where abs(numbers[0]) <= 32_767: bus.turn(id, to: Int(numbers[0]))
        case ("heat", 1) where (0...255).contains(numbers[0]): bus.setTemperature(Int(numbers[0]), at: id)
        case ("obstacle", 0): bus.setObstacle(nil, at: id)
        case ("obstacle", 2) where numbers[0] <= numbers[1] && numbers[0] > -1e6 && numbers[1] < 1e6:
            bus.setObstacle(Int(numbers[0])...Int(numbers[1]), at: id)
        case ("error", 1):
            guard let bits = UInt8(exactly: numbers[0]) else { return false }
            bus.setHardwareError(bits, at: id)
        default:
            guard let (fault, id) = ServoFault.parsed(name, [Double(id)] + numbers) else { return false }
            return bus.apply(fault, to: id)
        }
        return true
    }
}
