import Glibc
import Maths
import Time

/// A connection through a relay: the socket of the one who came, the socket to the target, and what is between them.
final class RelayConnection {
    private struct Side {
        /// Negative when it is closed.
        var descriptor: Int32
        var isConnected: Bool
        /// Its kernel takes no more bytes for now.
        var isFull = false
        /// It has been told that the other side sends no more.
        var knowsEnd = false
        /// What it sent, on the way to the other side.
        var sent = RelayLine()
    }
    private var sides: [Side]
    /// Whether nothing that is sent here ever arrives.
    var isLost = false
    private(set) var isOver = false

    /// Begins to connect to the target. connect(2).
    /// - Returns: nil where the system has no socket for it.
    init?(near: Int32, to target: RelayAddress) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let far = socket(AF_INET, kind, 0)
        guard far >= 0 else { return nil }
        var yes: Int32 = 1
        for descriptor in [near, far] {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        // Its outcome is told when the socket can be written to.
        _ = target.withSocketAddress { connect(far, $0, $1) }
        sides = [Side(descriptor: near, isConnected: true), Side(descriptor: far, isConnected: false)]
    }

    var lostSegments: Int { sides[0].sent.lostSegments + sides[1].sent.lostSegments }

    /// What to wait for, of both sockets.
    var waits: [pollfd] {
        sides.map { side in
            var events: Int16 = 0
            if side.isConnected, isLost || side.sent.hasRoom { events |= Int16(POLLIN) }
            if !side.isConnected || side.isFull { events |= Int16(POLLOUT) }
            // Else a socket that hangs up would be reported without end.
            return pollfd(fd: events == 0 ? -1 : side.descriptor, events: events, revents: 0)
        }
    }

    /// When bytes arrive for a socket that takes some.
    var nextTime: MonotonicTime? {
        guard !isLost else { return nil }
        let times = [0, 1].compactMap { index -> MonotonicTime? in
            let reader = sides[1 - index]
            return reader.isConnected && !reader.isFull ? sides[index].sent.nextTime : nil
        }
        return times.min()
    }

    /// Takes up what the sockets have.
    /// - Parameters:
    ///   - events: what poll(2) said of both.
    ///   - isOpen: false while nothing passes: then an end that is heard goes no further either.
    func receive(
        _ events: (Int16, Int16), into memory: inout [UInt8], at now: MonotonicTime,
        under conditions: RelayConditions, isOpen: Bool, dice: inout SplitMix64
    ) {
        for (index, events) in [events.0, events.1].enumerated() where events != 0 && sides[index].descriptor >= 0 {
            if !sides[index].isConnected {
                guard socketError(sides[index].descriptor) == 0 else { return lose(index, isOpen: isOpen) }
                sides[index].isConnected = true
            }
            sides[index].isFull = false
            guard events & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { continue }
            let count = recv(sides[index].descriptor, &memory, memory.count, 0)
            if count > 0 {
                guard !isLost else { continue }
                sides[index].sent.take(memory[..<count], at: now, under: conditions, dice: &dice)
            } else if count == 0, !isLost {
                sides[index].sent.end()
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                lose(index, isOpen: isOpen)
            }
            if isOver { return }
        }
    }

    /// Hands on what has arrived.
    func deliver(at now: MonotonicTime) {
        guard !isLost, !isOver else { return }
        for index in [0, 1] {
            let reader = 1 - index
            while sides[reader].isConnected, !sides[reader].isFull, let bytes = sides[index].sent.due(at: now) {
                let count = bytes.withUnsafeBytes {
                    send(sides[reader].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count >= 0 {
                    sides[index].sent.handedOn(count)
                } else if errno == EAGAIN || errno == EINTR {
                    sides[reader].isFull = true
                } else {
                    // It also meets a socket that was closed while nothing passed.
                    return reset()
                }
            }
            if sides[index].sent.isOver, sides[reader].isConnected, !sides[reader].knowsEnd {
                shutdown(sides[reader].descriptor, Int32(SHUT_WR))
                sides[reader].knowsEnd = true
            }
        }
        if sides.allSatisfy(\.knowsEnd) { finish() }
    }

    /// One socket is gone; where nothing passes, the other end does not hear of it.
    private func lose(_ index: Int, isOpen: Bool) {
        guard isLost || !isOpen else { return reset() }
        close(sides[index].descriptor)
        sides[index].descriptor = -1
        sides[index].sent.end()
        if sides.allSatisfy({ $0.descriptor < 0 }) { isOver = true }
    }

    /// Ends both sides at once, as a connection ends that something broke. SO_LINGER in socket(7).
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        for side in sides where side.descriptor >= 0 {
            setsockopt(side.descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        }
        finish()
    }

    private func finish() {
        for index in sides.indices where sides[index].descriptor >= 0 {
            close(sides[index].descriptor)
            sides[index].descriptor = -1
        }
        isOver = true
    }

    /// SO_ERROR in socket(7).
    private func socketError(_ descriptor: Int32) -> Int32 {
        var (error, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno
    }
}
