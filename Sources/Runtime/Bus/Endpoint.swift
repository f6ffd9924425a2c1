import Glibc

/// The address at which a node can be reached: `ipc:///path` or `tcp://address:port`.
struct Endpoint {
    /// `sun_path` has 108 bytes, the last of which is zero.
    static let longestPath = 107

    let text: String
    /// The socket's path; nil for tcp.
    let path: String?
    /// Whether ZeroMQ's IPv6 option is needed: IPv4 addresses turn into mapped ones with it, so it is on for these
    /// only.
    var isIPv6: Bool { text.hasPrefix("tcp://[") }

    init(_ text: String) throws(BusError) {
        self.text = text
        if text.hasPrefix("ipc://") {
            let path = String(text.dropFirst("ipc://".count))
            guard path.hasPrefix("/") else {
                // Also refuses "@name": abstract sockets have no owner and no permissions.
                throw .endpointInvalid(text, reason: "the path after ipc:// is not absolute")
            }
            guard !path.utf8.contains(0) else { throw .endpointInvalid(text, reason: "the path contains a zero byte") }
            guard path.utf8.count <= Self.longestPath else {
                throw .endpointTooLong(path: path, byteCount: path.utf8.count, limit: Self.longestPath)
            }
            self.path = path
        } else if text.hasPrefix("tcp://") {
            let address = text.dropFirst("tcp://".count)
            guard let colon = address.lastIndex(of: ":") else {
                throw .endpointInvalid(text, reason: "there is no port")
            }
            let port = address[address.index(after: colon)...]
            guard port == "*" || (UInt16(port) ?? 0) > 0 else {
                throw .endpointInvalid(text, reason: "the port '\(port)' is not a number from 1 to 65535")
            }
            guard !address[..<colon].isEmpty, !address[..<colon].contains("*") else {
                throw .endpointInvalid(text, reason: "there is no address of this machine")
            }
            path = nil
        } else {
            throw .endpointInvalid(text, reason: "it is neither ipc:// nor tcp://")
        }
    }

    /// Makes sure that nobody serves this endpoint, and removes the socket file that a killed process left behind.
    ///
    /// ZeroMQ takes over an existing socket file in silence, whether or not somebody serves it: the former owner would
    /// go on without ever being reached again. connect(2) tells the two apart.
    func clear() throws(BusError) {
        guard let path else { return }
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        guard information.st_mode & S_IFMT == S_IFSOCK else {
            throw .endpointInvalid(text, reason: "a file that is not a socket lies at that path")
        }
        switch try Self.connect(to: path) {
        case 0, EAGAIN:  // EAGAIN: served, but its queue of new connections is full
            throw .endpointInUse(text)
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw .callFailed("unlink", about: path, code: errno)
            }
        case ENOENT:
            return
        case let code:
            throw .callFailed("connect", about: path, code: code)
        }
    }

    /// Tries to connect to the unix socket at `path`.
    /// - Returns: 0, or the errno of connect(2).
    private static func connect(to path: String) throws(BusError) -> Int32 {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .callFailed("socket", about: path, code: errno) }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(longestPath)) }
        let result = withUnsafeBytes(of: &address) { bytes in
            Glibc.connect(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
        return result == 0 ? 0 : errno
    }
}
