import CZeroMQ
import Files
import Glibc
import Images
import Keys

/// The one place where libzmq is called: return values are checked, interrupted calls repeated, errors typed.
enum ZeroMQ {
    /// Makes a call of libzmq's, again if a signal interrupts it.
    /// - Returns: what `call` returned, or nil where it would have had to wait (EAGAIN).
    @inline(__always)
    static func attempt(
        _ name: StaticString, about subject: @autoclosure () -> String, _ call: () -> Int32
    ) throws(BusError) -> Int32? {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = zmq_errno()
            if code == EAGAIN { return nil }
            if code != EINTR { throw .callFailed("\(name)", about: subject(), code: code) }
        }
    }

    /// Makes a call as `attempt` does, one that never has to wait.
    static func check(
        _ name: StaticString, about subject: @autoclosure () -> String, _ call: () -> Int32
    ) throws(BusError) {
        guard try attempt(name, about: subject(), call) != nil else {
            throw .callFailed("\(name)", about: subject(), code: EAGAIN)
        }
    }
}

/// A ZeroMQ context with its one I/O thread, which moves bytes between sockets and the kernel.
package final class ZeroMQContext {
    fileprivate let handle: UnsafeMutableRawPointer
    private var isOpen = true

    package init() throws(BusError) {
        guard let handle = zmq_ctx_new() else {
            throw .callFailed("zmq_ctx_new", about: "the bus", code: zmq_errno())
        }
        self.handle = handle
    }

    /// Waits until every socket is closed and has lingered. Safe to call twice. zmq_ctx_term(3).
    package func close() {
        guard isOpen else { return }
        isOpen = false
        while zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }

    deinit { close() }
}

/// One ZeroMQ socket, for the thread that made it.
package final class ZeroMQSocket {
    private let handle: UnsafeMutableRawPointer
    /// Becomes readable when something happens to a socket that is idle. ZMQ_FD.
    package let descriptor: Int32
    /// Nothing has arrived since the socket was last found empty, as far as libzmq has looked. Its owner clears this
    /// when `descriptor` is readable; every other call lets libzmq look, and so clears it as well.
    package var isIdle = false
    private let name: StaticString
    private let context: ZeroMQContext
    private var isOpen = true

    /// Makes a socket of the given type. zmq_socket(3).
    /// - Parameter name: name of the socket in error messages.
    package init(_ type: Int32, named name: StaticString, in context: ZeroMQContext) throws(BusError) {
        guard let handle = zmq_socket(context.handle, type) else {
            throw .callFailed("zmq_socket", about: "\(name)", code: zmq_errno())
        }
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        do {
            try ZeroMQ.check("zmq_getsockopt", about: "\(name)") { zmq_getsockopt(handle, ZMQ_FD, &descriptor, &size) }
        } catch {
            zmq_close(handle)
            throw error
        }
        self.descriptor = descriptor
        self.handle = handle
        self.name = name
        self.context = context
    }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        zmq_close(handle)
    }

    deinit { close() }

    /// Sets a socket option.
    /// - Parameter value: the option's value, of the width that the option has, which most take to be 32 bits.
    ///   zmq_setsockopt(3).
    package func set<Value: FixedWidthInteger & BitwiseCopyable>(_ option: Int32, to value: Value) throws(BusError) {
        try ZeroMQ.check("zmq_setsockopt", about: "option \(option) of \(name)") {
            withUnsafePointer(to: value) { zmq_setsockopt(handle, option, $0, MemoryLayout<Value>.size) }
        }
    }

    /// Sets an option that is a text or bytes. zmq_setsockopt(3).
    package func set(_ option: Int32, toBytes value: [UInt8]) throws(BusError) {
        try ZeroMQ.check("zmq_setsockopt", about: "option \(option) of \(name)") {
            zmq_setsockopt(handle, option, value, value.count)
        }
    }

    /// Lets only those connect at endpoints that are bound from now on who know the key, and whom the context's
    /// `ZAPHandler` lets in. zmq_curve(7).
    package func serveCurve(_ own: KeyPair) throws(BusError) {
        try set(ZMQ_CURVE_SERVER, to: Int32(1))
        try set(ZMQ_CURVE_SECRETKEY, toBytes: own.secret)
        // Only where a domain is named is anybody asked in some versions of libzmq.
        try set(ZMQ_ZAP_DOMAIN, toBytes: Array("octo".utf8))
    }

    /// Connects from now on only to who has the secret key beside `server`, under the key `own`. zmq_curve(7).
    package func useCurve(_ own: KeyPair, server: PublicKey) throws(BusError) {
        try set(ZMQ_CURVE_SERVER, to: Int32(0))
        try set(ZMQ_CURVE_PUBLICKEY, toBytes: own.publicKey.bytes)
        try set(ZMQ_CURVE_SECRETKEY, toBytes: own.secret)
        try set(ZMQ_CURVE_SERVERKEY, toBytes: server.bytes)
    }

    func subscribe(toPrefix prefix: String) throws(BusError) {
        isIdle = false
        let bytes = Array(prefix.utf8)
        try ZeroMQ.check("zmq_setsockopt", about: "the subscription to '\(prefix)'") {
            zmq_setsockopt(handle, ZMQ_SUBSCRIBE, bytes, bytes.count)
        }
    }

    func unsubscribe(fromPrefix prefix: String) throws(BusError) {
        isIdle = false
        let bytes = Array(prefix.utf8)
        try ZeroMQ.check("zmq_setsockopt", about: "the end of the subscription to '\(prefix)'") {
            zmq_setsockopt(handle, ZMQ_UNSUBSCRIBE, bytes, bytes.count)
        }
    }

    /// Binds the socket to an endpoint. zmq_bind(3).
    /// - Returns: the endpoint with the port that was chosen, where it was left open.
    func bind(to endpoint: Endpoint) throws(BusError) -> String {
        try set(ZMQ_IPV6, to: Int32(endpoint.isIPv6 ? 1 : 0))
        do {
            try ZeroMQ.check("zmq_bind", about: endpoint.text) { zmq_bind(handle, endpoint.text) }
        } catch .callFailed(_, _, EADDRINUSE) {
            throw .endpointInUse(endpoint.text)
        }
        var buffer = [CChar](repeating: 0, count: 256)
        var count = buffer.count
        try ZeroMQ.check("zmq_getsockopt", about: "the endpoint of \(name)") {
            zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &buffer, &count)
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Binds an endpoint that nobody outside of this process can reach.
    package func bind(toText endpoint: String) throws(BusError) {
        try ZeroMQ.check("zmq_bind", about: endpoint) { zmq_bind(handle, endpoint) }
    }

    /// Binds a port.
    /// - Returns: the endpoint with the port that was chosen, where it was left open.
    package func bind(toPort endpoint: String) throws(BusError) -> String { try bind(to: Endpoint(endpoint)) }

    /// Lets go of an endpoint; those who are connected there are cut off. zmq_unbind(3).
    func unbind(_ endpoint: String) throws(BusError) {
        isIdle = false
        try ZeroMQ.check("zmq_unbind", about: endpoint) { zmq_unbind(handle, endpoint) }
    }

    package func connect(toText endpoint: String) throws(BusError) {
        isIdle = false
        try ZeroMQ.check("zmq_connect", about: endpoint) { zmq_connect(handle, endpoint) }
    }

    func connect(to endpoint: Endpoint) throws(BusError) {
        isIdle = false
        try set(ZMQ_IPV6, to: Int32(endpoint.isIPv6 ? 1 : 0))
        try ZeroMQ.check("zmq_connect", about: endpoint.text) { zmq_connect(handle, endpoint.text) }
    }

    /// Copies `bytes` into one part of a message. A PUB socket never waits: a reader whose queue is full loses the
    /// message.
    package func send(_ bytes: [UInt8], more: Bool) throws(BusError) {
        isIdle = false
        try ZeroMQ.check("zmq_send", about: "\(name)") {
            zmq_send(handle, bytes, bytes.count, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0))
        }
    }

    /// Hands `bytes` over as the last part of a message without copying them; they are kept until the last reader's
    /// bytes have left. zmq_msg_init_data(3).
    package func send(sharing bytes: SharedBytes) throws(BusError) {
        var message = zmq_msg_t()
        // libzmq calls this from its I/O thread; SharedBytes may be released on any thread. The memory is only read:
        // libzmq's signature just does not say so.
        let retained = Unmanaged.passRetained(bytes)
        let start = UnsafeMutableRawPointer(mutating: bytes.bytes.baseAddress)
        do {
            try ZeroMQ.check("zmq_msg_init_data", about: "\(name)") {
                zmq_msg_init_data(
                    &message, start, bytes.count,
                    { _, owner in if let owner { Unmanaged<SharedBytes>.fromOpaque(owner).release() } },
                    retained.toOpaque())
            }
        } catch {
            retained.release()
            throw error
        }
        do {
            try ZeroMQ.check("zmq_msg_send", about: "\(name)") { zmq_msg_send(&message, handle, ZMQ_DONTWAIT) }
        } catch {
            zmq_msg_close(&message)
            throw error
        }
    }

    /// Receives one part of a message, without waiting.
    /// - Returns: false when there is none.
    @inline(__always)
    package func receive(into part: MessagePart) throws(BusError) -> Bool {
        guard !isIdle else { return false }
        let received = try ZeroMQ.attempt("zmq_msg_recv", about: "\(name)") {
            zmq_msg_recv(part.message, handle, ZMQ_DONTWAIT)
        }
        isIdle = received == nil
        return received != nil
    }
}

/// One received part of a message. libzmq wants it to stay at one address, so it has memory of its own.
package final class MessagePart: @unchecked Sendable {
    // Unchecked: one thread fills it; once shared, its bytes are only read, and zmq_msg_close is called by deinit
    // alone.
    fileprivate let message = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)

    package init() { zmq_msg_init(message) }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
    }
    /// Whether another part of the same message follows.
    package var hasMore: Bool { zmq_msg_more(message) != 0 }

    /// The name under which the sender's key was let in; nil where no key was asked for. zmq_msg_gets(3).
    package var userID: String? { zmq_msg_gets(message, "User-Id").map { String(cString: $0) } }

    /// The bytes, not copied; nothing may be received into this part afterwards.
    package func shared() -> SharedBytes { SharedBytes(adopting: bytes) { withExtendedLifetime(self) {} } }
}
