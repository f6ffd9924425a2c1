import CShims
import Console
import Files
import FlyingSocks
import Glibc
import Time

/// The web server's sockets as the system knows them: which are open, what has passed by each, and their end.
///
/// The server closes its descriptors without a word, and their numbers are used again at once. So each is asked
/// together with its inode, and only on a copy of the descriptor, which nobody else closes, is anything done to it.
struct ServerSockets {
    /// What `find` found.
    struct Found {
        /// The server's connections that are open.
        var open: Set<ConnectionLedger.ID> = []
        /// Those of them that were not known.
        var new: [(id: ConnectionLedger.ID, peer: ConnectionLedger.Peer)] = []
    }

    /// The listening socket and its port, from when it is first waited for.
    private var listener: (id: ConnectionLedger.ID, port: UInt16)?
    /// Sockets that are not the server's: the bus's, the listener.
    private var others: Set<ConnectionLedger.ID> = []

    /// The identity of an open descriptor; nil where none is. fstat(2).
    static func id(of descriptor: Int32) -> ConnectionLedger.ID? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        return ConnectionLedger.ID(descriptor: descriptor, inode: UInt64(status.st_ino))
    }

    static func isOpen(_ id: ConnectionLedger.ID) -> Bool { Self.id(of: id.descriptor) == id }

    /// Whether this is the server's listening socket. When it is seen first, it gets the options that all sockets
    /// inherit which it accepts. getsockopt(2), SO_ACCEPTCONN.
    mutating func isListener(_ id: ConnectionLedger.ID) -> Bool {
        if let listener { return listener.id == id }
        guard Self.option(SO_ACCEPTCONN, of: id.descriptor) == 1, let port = Self.port(of: id.descriptor) else {
            return false
        }
        listener = (id, port)
        // Answers and pictures are written whole: nothing is gained by waiting for more to send.
        Self.set(TCP_NODELAY, to: 1, of: id.descriptor, level: Int32(IPPROTO_TCP))
        Self.set(SO_RCVBUF, to: ServerLimits.receiveBuffer, of: id.descriptor)
        Self.set(SO_SNDBUF, to: ServerLimits.sendBuffer, of: id.descriptor)
        // Programs that we start must not keep the port, nor the connections.
        _ = fcntl(id.descriptor, F_SETFD, FD_CLOEXEC)
        // A second listen(2) changes the length of the queue.
        _ = listen(id.descriptor, ServerLimits.backlog)
        return true
    }

    /// Looks through the descriptors of this process for connections to the server. proc_pid_fd(5).
    /// - Returns: nil where they cannot be listed, or nothing listens yet.
    mutating func find(isKnown: (ConnectionLedger.ID) -> Bool) -> Found? {
        guard let listener, let names = FileSystem.names(in: "/proc/self/fd") else { return nil }
        var found = Found()
        var strangers: Set<ConnectionLedger.ID> = []
        for descriptor in names.compactMap({ Int32($0) }) {
            guard let id = Self.id(of: descriptor) else { continue }
            if isKnown(id) {
                found.open.insert(id)
            } else if others.contains(id) {
                strangers.insert(id)
            } else if Self.port(of: descriptor) != listener.port || Self.option(SO_ACCEPTCONN, of: descriptor) != 0 {
                strangers.insert(id)
            } else if let peer = Self.peer(of: descriptor) {
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                // The descriptor may have been closed and used again since; then it is found the next time.
                guard Self.isOpen(id) else { continue }
                found.open.insert(id)
                found.new.append((id, peer))
            }
        }
        others = strangers
        return found
    }

    /// What has passed by a connection; nil where it is gone.
    static func traffic(of id: ConnectionLedger.ID) -> ConnectionLedger.Traffic? {
        var traffic = ConnectionLedger.Traffic()
        // Asked in this order: a descriptor that is the connection's now was so before.
        guard octo_tcp_traffic(id.descriptor, &traffic.received, &traffic.taken) == 0, isOpen(id) else { return nil }
        return traffic
    }

    /// Ends a connection in both directions: whoever waits for it is woken, and the server closes it. shutdown(2).
    /// - Parameter isAtOnce: whether closing it throws away what the other end has not taken. SO_LINGER.
    static func end(_ id: ConnectionLedger.ID, isAtOnce: Bool) {
        let copy = fcntl(id.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return }
        defer { close(copy) }
        guard Self.id(of: copy)?.inode == id.inode else { return }
        if isAtOnce {
            var lingering = linger(l_onoff: 1, l_linger: 0)
            _ = setsockopt(copy, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
        }
        guard shutdown(copy, Int32(SHUT_RDWR)) == 0 else { return }
        // What has come already could still be read, and would be. What comes from now on is answered with a reset.
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        var rounds = 0
        while rounds < 64, recv(copy, &piece, piece.count, Int32(MSG_DONTWAIT)) > 0 { rounds += 1 }
    }

    /// Accepts and closes those that wait, with a word to browsers. accept(2).
    /// - Returns: how many.
    static func refuseWaiting(_ listener: Int32) -> Int {
        let words = "There are too many connections to the console. Close some of its pages, then reload this one.\n"
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 10\r\nConnection: close\r\n"
            + "Content-Length: \(words.utf8.count)\r\n\r\n" + words
        let bytes = Array(answer.utf8)
        // Others may come as fast as these go; the next turn is theirs.
        for count in 0..<Int(ServerLimits.backlog) {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { return count }
            _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            _ = shutdown(descriptor, Int32(SHUT_WR))
            close(descriptor)
        }
        return Int(ServerLimits.backlog)
    }

    private static func peer(of descriptor: Int32) -> ConnectionLedger.Peer? {
        switch address({ try $0.remotePeer() }, of: descriptor) {
        case .ip4(let address, let port)?, .ip6(let address, let port)?: .init(address: address, port: port)
        case .unix?, nil: nil
        }
    }

    /// The port at our end; nil for what is no socket of the internet protocol.
    private static func port(of descriptor: Int32) -> UInt16? {
        switch address({ try $0.sockname() }, of: descriptor) {
        case .ip4(_, let port)?, .ip6(_, let port)?: port
        case .unix?, nil: nil
        }
    }

    /// An address of a socket; nil where it has none.
    private static func address(_ of: (Socket) throws -> Socket.Address, of descriptor: Int32) -> Socket.Address? {
        do {
            return try of(Socket(file: .init(rawValue: descriptor)))
        } catch {
            return nil
        }
    }

    private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }

    /// An option that the system does not know leaves things as they are. setsockopt(2).
    private static func set(_ name: Int32, to value: Int32, of descriptor: Int32, level: Int32 = SOL_SOCKET) {
        var value = value
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
