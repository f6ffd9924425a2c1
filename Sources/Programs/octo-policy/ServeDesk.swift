import Bus
import CShims
import Glibc
import Keys
import Link
import NodeShell
import Time

/// Carries messages between the robots' links, the core that decides, and the network's thread.
struct ServeDesk {
    /// How often those who wait outside are looked at, whatever the descriptors say.
    private static let gatePeriod = Duration.milliseconds(100)
    /// Messages that are taken before signals and keys are looked at.
    private static let mostAtOnce = 64
    /// At most so often a key is told that was not let in.
    private static let refusalPeriod = Duration.seconds(1)
    /// What was said last needs that long to be on its way: closed sockets drop it.
    private static let farewell = Duration.milliseconds(100)
    /// How long the end waits for the network.
    private static let patience = Duration.milliseconds(500)

    private var core: ServeCore
    private let socket: LinkServerSocket
    private let bench: ServeBench
    private let lines: LineWriter
    private var toldRefusals: Int64 = 0
    private var nextRefusal = MonotonicTime.zero

    init(core: ServeCore, socket: LinkServerSocket, bench: ServeBench, lines: LineWriter) {
        self.core = core
        self.socket = socket
        self.bench = bench
        self.lines = lines
    }

    var summary: ServeSummary { core.summary }

    /// Serves until a signal comes, and takes leave of all robots.
    /// - Returns: whether the network's thread has ended, too.
    mutating func run(until signals: Int32) throws(BusError) -> Bool {
        while octo_signal_read(signals) == 0 {
            // Whoever floods the port does not keep the end from being noticed.
            if try turn() { continue }
            let now = MonotonicTime.now()
            try wait(until: min(core.nextTime ?? now + Self.gatePeriod, now + Self.gatePeriod), or: signals)
        }
        bench.submit(.end)
        try perform(core.leave(at: .now()))
        octo_sleep_until_ns((MonotonicTime.now() + Self.farewell).nanoseconds)
        socket.close()
        let deadline = MonotonicTime.now() + Self.patience
        while !bench.hasEnded, MonotonicTime.now() < deadline {
            octo_sleep_until_ns((MonotonicTime.now() + .milliseconds(10)).nanoseconds)
        }
        return bench.hasEnded
    }

    /// Carries to and fro until nobody has more. What is sent can take a socket's sign of something new away, so that
    /// it is looked at again after that.
    /// - Returns: whether there is more already.
    private mutating func turn() throws(BusError) -> Bool {
        if try socket.judge(at: .now()) { try perform(core.judge(at: .now(), socket.admits)) }
        tellRefusals(at: .now())
        for _ in 0..<Self.mostAtOnce {
            var isBusy = false
            if let (peer, message) = try socket.receive() {
                isBusy = true
                try perform(core.received(message, from: peer, at: .now()))
            }
            if let outcome = bench.take() {
                isBusy = true
                try perform(core.receive(outcome, at: .now()))
            }
            // Also while messages come without end.
            try perform(core.tick(at: .now()))
            if !isBusy { return false }
        }
        return true
    }

    private func perform(_ actions: [ServeCore.Action]) throws(BusError) {
        for action in actions {
            switch action {
            case .say(let sayings): try socket.send(sayings)
            case .work(let job): bench.submit(job)
            case .tell(let line): lines.write(line)
            }
        }
    }

    private mutating func tellRefusals(at now: MonotonicTime) {
        let (count, last) = socket.refused
        guard count > toldRefusals, now >= nextRefusal else { return }
        let key = last.map { "the key \($0)" } ?? "somebody without a key"
        lines.write(
            "\(key) was not let in (\(count - toldRefusals) times): octo-bus keys allow NAME 'KEY' --role robot lets a "
                + "robot in")
        (toldRefusals, nextRefusal) = (count, now + Self.refusalPeriod)
    }

    private func wait(until deadline: MonotonicTime, or signals: Int32) throws(BusError) {
        var polled = ([signals, bench.wakeDescriptor] + socket.descriptors).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        let ready = octo_poll_until_ns(&polled, UInt32(polled.count), max(deadline.nanoseconds, 0))
        guard ready >= 0 else { throw .callFailed("ppoll", about: "the links", code: -ready) }
        socket.wake()
    }
}
