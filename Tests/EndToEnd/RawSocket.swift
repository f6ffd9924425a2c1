import CZeroMQ
import Foundation
import Testing
import Time

/// A ZeroMQ socket as anybody can open one who has libzmq and knows an address: with a key, or without.
final class RawSocket {
    /// Keys in Z85, 40 characters each.
    struct Curve {
        /// The other end's public key.
        var server: String
        /// This end's secret one.
        var secret: String

        /// A client that nobody knows, and that knows whom it talks to.
        static func stranger(to server: String) throws -> Curve { Curve(server: server, secret: try makeSecret()) }

        static func makeSecret() throws -> String {
            var (publicKey, secret) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
            try #require(zmq_curve_keypair(&publicKey, &secret) == 0)
            return text(secret)
        }

        static func publicKey(of secret: String) throws -> String {
            var publicKey = [CChar](repeating: 0, count: 41)
            try #require(zmq_curve_public(&publicKey, secret) == 0, "no key: '\(secret)'")
            return text(publicKey)
        }

        private static func text(_ key: [CChar]) -> String {
            String(decoding: key.dropLast().map(UInt8.init), as: UTF8.self)
        }
    }

    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer

    /// - Parameter kind: ZMQ_DEALER and the like.
    init(_ kind: Int32, to endpoint: String, curve: Curve? = nil, subscribesTo topic: String? = nil) throws {
        context = try #require(zmq_ctx_new())
        socket = try #require(zmq_socket(context, kind))
        set(ZMQ_LINGER, 0)
        set(ZMQ_SNDTIMEO, 0)
        if let curve {
            set(ZMQ_CURVE_SERVERKEY, curve.server)
            set(ZMQ_CURVE_SECRETKEY, curve.secret)
            set(ZMQ_CURVE_PUBLICKEY, try Curve.publicKey(of: curve.secret))
        }
        if let topic { zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, topic.utf8.count) }
        try #require(zmq_connect(socket, endpoint) == 0, "\(endpoint)")
    }

    /// A server that listens at any port of 127.0.0.1, and lets everybody in.
    /// - Parameter secret: its key; nil: it has none.
    init(_ kind: Int32, listeningWith secret: String?) throws {
        context = try #require(zmq_ctx_new())
        socket = try #require(zmq_socket(context, kind))
        set(ZMQ_LINGER, 0)
        set(ZMQ_SNDTIMEO, 0)
        if let secret {
            set(ZMQ_CURVE_SERVER, 1)
            set(ZMQ_CURVE_SECRETKEY, secret)
        }
        try #require(zmq_bind(socket, "tcp://127.0.0.1:*") == 0)
    }

    deinit {
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    /// The port that a listening socket got.
    var port: Int {
        var (text, size) = ([CChar](repeating: 0, count: 256), 256)
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &text, &size)
        let endpoint = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        return endpoint.split(separator: ":").last.flatMap { Int($0) } ?? 0
    }

    private func set(_ option: Int32, _ value: Int32) {
        var value = value
        zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size)
    }

    /// With its closing zero, as libzmq takes a key in Z85.
    private func set(_ option: Int32, _ key: String) { zmq_setsockopt(socket, option, key, key.utf8.count + 1) }

    /// - Returns: false where there is nobody to send it to, or no room.
    @discardableResult
    func send(_ parts: [[UInt8]]) -> Bool {
        for (index, part) in parts.enumerated() {
            let more = index + 1 < parts.count ? ZMQ_SNDMORE : 0
            guard zmq_send(socket, part, part.count, ZMQ_DONTWAIT | more) >= 0 else { return false }
        }
        return true
    }

    /// Sends one part of text.
    @discardableResult
    func send(_ text: String) -> Bool { send([Array(text.utf8)]) }

    /// The next message; nil where none came in time.
    func receive(within limit: Duration = .zero) -> [[UInt8]]? {
        var wait = Int32(limit.inMilliseconds)
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, MemoryLayout<Int32>.size)
        var parts: [[UInt8]] = []
        repeat {
            var part = zmq_msg_t()
            zmq_msg_init(&part)
            defer { zmq_msg_close(&part) }
            guard zmq_msg_recv(&part, socket, 0) >= 0 else { return nil }
            parts.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: zmq_msg_size(&part))))
            if zmq_msg_more(&part) == 0 { return parts }
        } while true
    }
}

/// Somebody who opens a TCP connection to a port of 127.0.0.1 and sends what comes to mind.
final class RawConnection {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0, "port \(port): \(String(cString: strerror(errno)))")
    }

    deinit { close(descriptor) }

    /// As much as goes at once.
    func send(_ bytes: [UInt8]) {
        _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
}
