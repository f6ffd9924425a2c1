import CEpoll
import CShims
import FlyingSocks
import Glibc

/// Waits for sockets, as the web server's pool asks it to. epoll(7), level-triggered.
///
/// FlyingSocks has one of these, too. It keeps what it believes to be watched, and believes on when a socket was closed
/// while somebody waited for it, as happens where a page goes while its next picture is written; the next connection
/// with that descriptor is then never waited for, and hangs. This one asks the kernel each time.
struct SocketWatch: EventQueue {
    private static let mostAtOnce = 64

    private var epoll: Int32 = -1
    /// An eventfd that ends `getNotifications`.
    private var ending: Int32 = -1
    /// What somebody waits for.
    private var wanted: [Socket.FileDescriptor: Socket.Events] = [:]

    mutating func open() throws {
        epoll = octo_epoll_create()
        try Self.check(epoll, "epoll_create1")
        ending = octo_event_fd()
        try Self.check(ending, "eventfd")
        try Self.check(octo_epoll_watch(epoll, ending, Int32(OCTO_EPOLL_READ)), "epoll_ctl")
    }

    mutating func stop() throws {
        guard ending >= 0 else { throw SocketError.disconnected }
        octo_event_signal(ending)
    }

    mutating func close() throws {
        for descriptor in [epoll, ending] where descriptor >= 0 { _ = Glibc.close(descriptor) }
        (epoll, ending) = (-1, -1)
        wanted = [:]
    }

    mutating func addEvents(_ events: Socket.Events, for socket: Socket.FileDescriptor) throws {
        let all = (wanted[socket] ?? []).union(events)
        try Self.check(watch(socket, for: all), "epoll_ctl")
        wanted[socket] = all
    }

    mutating func removeEvents(_ events: Socket.Events, for socket: Socket.FileDescriptor) throws {
        let rest = (wanted[socket] ?? []).subtracting(events)
        wanted[socket] = rest.isEmpty ? nil : rest
        // A socket that was closed meanwhile is not watched any more: nothing is left to do.
        _ = watch(socket, for: rest)
    }

    func getNotifications() throws -> [EventNotification] {
        var events = [octo_epoll_event](repeating: octo_epoll_event(), count: Self.mostAtOnce)
        let count = octo_epoll_wait(epoll, &events, Int32(events.count))
        try Self.check(count, "epoll_wait")
        return try events[..<Int(count)].map { event in
            guard event.descriptor != ending else { throw SocketError.disconnected }
            var found: Socket.Events = []
            if event.events & Int32(OCTO_EPOLL_READ) != 0 { found.insert(.read) }
            if event.events & Int32(OCTO_EPOLL_WRITE) != 0 { found.insert(.write) }
            // Who waits for a connection that broke finds out by trying.
            return EventNotification(file: .init(rawValue: event.descriptor), events: found, errors: [])
        }
    }

    private func watch(_ socket: Socket.FileDescriptor, for events: Socket.Events) -> Int32 {
        octo_epoll_watch(
            epoll, socket.rawValue,
            (events.contains(.read) ? Int32(OCTO_EPOLL_READ) : 0)
                | (events.contains(.write) ? Int32(OCTO_EPOLL_WRITE) : 0))
    }

    /// - Parameter result: a negative one is an error number.
    private static func check(_ result: Int32, _ call: String) throws {
        guard result < 0 else { return }
        throw SocketError.failed(type: call, errno: -result, message: String(cString: strerror(-result)))
    }
}
