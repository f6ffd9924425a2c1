import CShims
import Files
import Glibc
import Maths
import Time

/// An IPv4 address with its port, such as 127.0.0.1:7400.
struct RelayAddress: Equatable, CustomStringConvertible {
    let host: String
    /// 0 where the system chooses.
    let port: UInt16
    private let numeric: in_addr_t

    /// - Returns: nil for what is no such address.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var address = in_addr()
        guard parts.count == 2, let port = UInt16(parts[1]), inet_pton(AF_INET, String(parts[0]), &address) == 1 else {
            return nil
        }
        (host, self.port, numeric) = (String(parts[0]), port, address.s_addr)
    }

    static func == (a: Self, b: Self) -> Bool { a.numeric == b.numeric && a.port == b.port }

    var description: String { "\(host):\(port)" }

    /// Calls `body` with the address as system calls take it.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = numeric
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }
}

enum RelayError: Error, CustomStringConvertible {
    case listening(RelayAddress, errno: Int32)
    case waiting(errno: Int32)

    var description: String {
        switch self {
        case .listening(let address, let number):
            "listening at \(address): \(SystemError(number)), expected a free port there. Give another with --listen, "
                + "or port 0 for any."
        case .waiting(let number): "waiting for bytes: \(SystemError(number)), expected to be told when some come."
        }
    }
}

/// Forwards TCP connections over a network that is as bad as it is told to be.
///
/// One thread waits for all sockets. What is not forwarded is kept up to `RelayLine.room` bytes, then left to the
/// sender, which TCP holds up.
final class TCPRelay {
    /// What becomes of bytes that are on their way.
    enum Passage: Equatable {
        case open
        /// Nothing passes, nothing is lost: as while a cable is pulled, TCP keeps what was sent. New connections are
        /// answered by the kernel, and wait.
        case cut
        /// All bytes are taken, and none forwarded: as with a machine that is gone without a word. Connections that it
        /// has seen never come back.
        case blackhole
        /// There is nobody: connections are reset and refused.
        case closed
    }
    /// More than any number of robots; what comes beyond is turned away.
    private static let mostConnections = 512

    let target: RelayAddress
    var conditions: RelayConditions
    private(set) var address: RelayAddress
    private(set) var passage = Passage.open
    private var listener: Int32 = -1
    private var connections: [RelayConnection] = []
    private var dice: SplitMix64
    private var memory = [UInt8](repeating: 0, count: 1 << 16)
    private var lostBefore = 0

    /// Listens.
    /// - Parameter seed: says which segments are lost.
    init(
        listening address: RelayAddress, to target: RelayAddress, conditions: RelayConditions, seed: UInt64
    ) throws(RelayError) {
        (self.address, self.target, self.conditions, dice) = (address, target, conditions, SplitMix64(seed: seed))
        try listen()
    }

    deinit { closeAll() }

    var connectionCount: Int { connections.count }
    /// Segments that were lost at first, so far.
    var lostSegments: Int { connections.reduce(lostBefore) { $0 + $1.lostSegments } }

    /// Changes what becomes of bytes, from now on.
    func set(_ passage: Passage) throws(RelayError) {
        if passage == .closed {
            closeAll()
        } else if listener < 0 {
            try listen()
        }
        if passage == .blackhole { for connection in connections { connection.isLost = true } }
        self.passage = passage
    }

    /// Waits until bytes come, bytes are due, or `extra` can be read, and does what is to be done.
    /// - Parameter extra: a descriptor that is waited for too; negative: none.
    /// - Returns: whether `extra` can be read.
    func turn(alsoOn extra: Int32) throws(RelayError) -> Bool {
        let accepts = listener >= 0 && passage != .cut
        var waits = [
            pollfd(fd: extra, events: Int16(POLLIN), revents: 0),
            pollfd(fd: accepts ? listener : -1, events: Int16(POLLIN), revents: 0),
        ]
        var deadline: MonotonicTime?
        for connection in connections {
            waits += connection.waits
            if passage == .open, let next = connection.nextTime { deadline = min(deadline ?? next, next) }
        }
        let ready = octo_poll_until_ns(&waits, UInt32(waits.count), deadline?.nanoseconds ?? -1)
        guard ready >= 0 else { throw .waiting(errno: -ready) }
        let now = MonotonicTime.now()
        for (index, connection) in connections.enumerated() {
            let events = (waits[2 + 2 * index].revents, waits[3 + 2 * index].revents)
            connection.receive(events, into: &memory, at: now, under: conditions, isOpen: passage == .open, dice: &dice)
            if passage == .open { connection.deliver(at: now) }
        }
        connections.removeAll { connection in
            if connection.isOver { lostBefore += connection.lostSegments }
            return connection.isOver
        }
        if waits[1].revents != 0 { acceptAll() }
        return waits[0].revents != 0
    }

    /// socket(2), bind(2), listen(2); the port stays the one that was chosen first.
    private func listen() throws(RelayError) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(AF_INET, kind, 0)
        guard socket >= 0 else { throw .listening(address, errno: errno) }
        var yes: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard address.withSocketAddress({ bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 64) == 0 else {
            let number = errno
            close(socket)
            throw .listening(address, errno: number)
        }
        var (bound, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        withUnsafeMutablePointer(to: &bound) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
        }
        address = RelayAddress("\(address.host):\(UInt16(bigEndian: bound.sin_port))") ?? address
        listener = socket
    }

    private func acceptAll() {
        while true {
            let near = accept(listener, nil, nil)
            guard near >= 0 else { return }
            _ = fcntl(near, F_SETFD, FD_CLOEXEC)
            _ = fcntl(near, F_SETFL, O_NONBLOCK)
            guard connections.count < Self.mostConnections, let connection = RelayConnection(near: near, to: target)
            else {
                close(near)
                continue
            }
            connection.isLost = passage == .blackhole
            connections.append(connection)
        }
    }

    private func closeAll() {
        for connection in connections { connection.reset() }
        lostBefore = lostSegments
        connections = []
        if listener >= 0 { close(listener) }
        listener = -1
    }
}
