import CZeroMQ
import Glibc
import Keys
import Testing

/// A folder of keys for a test, removed with it.
final class TestKeys {
    let folder: KeyFolder
    let own: KeyPair

    init() throws {
        var template = Array("/tmp/octo-keys-XXXXXX".utf8CString)
        folder = KeyFolder(path: try #require(mkdtemp(&template).map { String(cString: $0) }))
        own = try folder.makeOwn()
    }

    deinit {
        unlink(folder.ownPath)
        unlink(folder.allowedPath)
        rmdir(folder.path)
    }

    /// Lets somebody in, with a new key.
    func allow(_ name: String, _ role: KeyRole) throws -> KeyPair {
        let pair = try KeyPair.make()
        var list = try folder.allowed()
        try list.add(AllowedKey(name: name, key: pair.publicKey, role: role))
        try folder.save(list)
        return pair
    }

    func revoke(_ name: String) throws {
        var list = try folder.allowed()
        try list.revoke(name)
        try folder.save(list)
    }
}

/// A program that connects to a port through libzmq alone, with a key or without.
final class CurvePeer {
    private let context = zmq_ctx_new()
    private let socket: UnsafeMutableRawPointer?
    private let monitor: UnsafeMutableRawPointer?

    /// - Parameters:
    ///   - kind: ZMQ_SUB, which asks for all topics, or ZMQ_XPUB.
    ///   - key: nil connects without encryption.
    init(_ kind: Int32, to endpoint: String, key: KeyPair?, server: PublicKey) throws {
        socket = zmq_socket(context, kind)
        monitor = zmq_socket(context, ZMQ_PAIR)
        var linger: Int32 = 0
        for socket in [socket, monitor] { zmq_setsockopt(socket, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size) }
        if let key {
            let options = [
                (ZMQ_CURVE_PUBLICKEY, key.publicKey.bytes), (ZMQ_CURVE_SECRETKEY, key.secret),
                (ZMQ_CURVE_SERVERKEY, server.bytes),
            ]
            for (option, value) in options {
                try #require(zmq_setsockopt(socket, option, value, value.count) == 0)
            }
        }
        let ends =
            ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
        try #require(zmq_socket_monitor(socket, "inproc://monitor", ends) == 0)
        try #require(zmq_connect(monitor, "inproc://monitor") == 0)
        if kind == ZMQ_SUB { try #require(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0) }
        try #require(zmq_connect(socket, endpoint) == 0)
    }

    deinit {
        zmq_close(socket)
        zmq_close(monitor)
        zmq_ctx_term(context)
    }

    /// Whether its connection has ended, or was never let in, since the last question.
    func wasCutOff() -> Bool { Self.receive(from: monitor) != nil }

    /// The first part of a message that has arrived; nil: none has. At a ZMQ_XPUB it is a subscription.
    func receive() -> [UInt8]? { Self.receive(from: socket)?.first }

    func send(_ parts: [[UInt8]]) {
        for (index, part) in parts.enumerated() {
            zmq_send(socket, part, part.count, ZMQ_DONTWAIT | (index + 1 < parts.count ? ZMQ_SNDMORE : 0))
        }
    }

    private static func receive(from socket: UnsafeMutableRawPointer?) -> [[UInt8]]? {
        var parts: [[UInt8]] = []
        var (more, size) = (Int32(0), MemoryLayout<Int32>.size)
        repeat {
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = zmq_recv(socket, &buffer, buffer.count, ZMQ_DONTWAIT)
            guard count >= 0 else { return nil }
            parts.append(Array(buffer.prefix(Int(count))))
            zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size)
        } while more != 0
        return parts
    }
}
