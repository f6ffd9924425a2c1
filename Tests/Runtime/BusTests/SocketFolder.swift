import Bus
import CZeroMQ
import Glibc
import Images
import Messages
import Testing
import Time
import Wire

/// A folder of its own for each test's sockets, removed with them.
final class SocketFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/octo-bus-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in ["a", "b", "c"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    func endpoint(_ name: String = "a") -> String { "ipc://\(path)/\(name)" }

    /// Leaves a socket's file without anybody who serves it, as a process does that is killed.
    func abandonSocket(_ name: String = "a") throws {
        let path = "\(path)/\(name)"
        let abandoned = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(abandoned) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafeBytes(of: &address) {
            bind(abandoned, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        try #require(bound == 0)
    }

    func node(
        _ name: String, at endpoint: String? = nil, peers: [String] = [], commandEndpoint: String? = nil,
        security: BusSecurity = .insecure
    ) throws -> BusNode {
        try BusNode(
            BusOptions(
                node: name, runID: "run", endpoint: endpoint, peers: peers, commandEndpoint: commandEndpoint,
                security: security))
    }
}

/// Lets the nodes work until `condition` holds; real sockets are awaited, for five seconds at most.
func letWork(
    _ nodes: BusNode..., until what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    condition: () throws -> Bool
) throws {
    let end = MonotonicTime.now() + .seconds(5)
    while try !condition() {
        guard MonotonicTime.now() < end else {
            Issue.record(what, sourceLocation: sourceLocation)
            throw BusError.closed(during: "awaiting what did not come")
        }
        for node in nodes { try node.wait(until: .now() + .milliseconds(2)) }
    }
}

/// A latched value proves that the connection stands: subscriptions made before this one are then in force as well,
/// because a socket sends them in order.
func link(_ publisher: BusNode, to reader: BusNode, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let topic = Topic<NodeStatus>("link/\(publisher.endpoint ?? "")", .latched)
    let mark = try reader.subscribe(topic)
    try publisher.publisher(topic).publish(Sample.status, at: .now())
    try letWork(publisher, reader, until: "the connection", sourceLocation: sourceLocation) { mark.take() != nil }
}

enum Sample {
    static let status = NodeStatus(node: "link", processID: 1, state: .ready, headline: "connected")

    static func frame(_ sequence: UInt64, side: Int = 4) -> CameraFrame {
        CameraFrame(
            camera: "primary", deviceID: "d", sequence: sequence, captureTime: .zero,
            pixels: .rgb8(RGBImage(width: side, height: side, filledWith: UInt8(truncatingIfNeeded: sequence))),
            contentHash: sequence)
    }

    static func chunk(_ id: UInt64) -> ActionChunk {
        ActionChunk(
            id: id, goalID: "g", observationTime: .zero, captureTime: .zero, inferredTime: .zero,
            stepDuration: .milliseconds(200), actionDimension: 1, actions: [1, 2, 3], actionSpace: .jointDelta,
            noiseSeed: 1, noiseCounter: id)
    }

    static func goal(_ id: String) -> Goal {
        Goal(
            id: id, name: id,
            views: [.init(camera: "primary", image: RGBImage(width: 3, height: 2, filledWith: 9))], text: nil)
    }
}

/// A peer that sends whatever it is told, through libzmq alone.
final class RawPublisher {
    private let context = zmq_ctx_new()
    private let socket: UnsafeMutableRawPointer?

    /// Binds, so that a `BusNode` can connect.
    init(at endpoint: String) throws {
        socket = zmq_socket(context, ZMQ_XPUB)
        var (linger, patience) = (Int32(0), Int32(5_000))
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size)
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, MemoryLayout<Int32>.size)
        try #require(zmq_bind(socket, endpoint) == 0)
    }

    deinit {
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    func awaitSubscription() throws { try awaitEvent(1, "nobody subscribed") }

    /// Waits until the last reader of a topic has gone.
    func awaitUnsubscription() throws { try awaitEvent(0, "the reader stays") }

    /// - Parameter kind: 1 for a subscription, 0 for its end. ZMQ_XPUB in zmq_socket(3).
    private func awaitEvent(_ kind: UInt8, _ problem: Comment) throws {
        var event = [UInt8](repeating: 0, count: 256)
        try #require(zmq_recv(socket, &event, event.count, 0) > 0, problem)
        try #require(event[0] == kind, problem)
    }

    func send(_ parts: [[UInt8]]) {
        for (index, part) in parts.enumerated() {
            zmq_send(socket, part, part.count, index + 1 < parts.count ? ZMQ_SNDMORE : 0)
        }
    }

    /// Sends a message that ends in a part of so many bytes. They are never written to, and so take no memory.
    func send(_ parts: [[UInt8]], thenByteCount byteCount: Int) {
        for part in parts { zmq_send(socket, part, part.count, ZMQ_SNDMORE) }
        var long = zmq_msg_t()
        zmq_msg_init_size(&long, byteCount)
        zmq_msg_send(&long, socket, 0)
    }

    func send(_ message: some WireMessage, on topic: String, sequence: UInt64, instance: UInt64 = 1) throws {
        let encoded = try message.encoded()
        let envelope = try Self.envelope(type(of: message).schemaName, sequence: sequence, instance: instance)
        send([Array(topic.utf8), envelope, encoded.body] + (encoded.bulk.map { [Array($0.bytes)] } ?? []))
    }

    static func envelope(_ schema: String, sequence: UInt64, instance: UInt64 = 1) throws -> [UInt8] {
        try Envelope(
            schema: schema, sequence: sequence, captureTime: nil, publishTime: .now(), sourceNode: "raw",
            instanceID: instance, runID: "run", traceID: 0, hostID: ""
        ).encoded()
    }
}
