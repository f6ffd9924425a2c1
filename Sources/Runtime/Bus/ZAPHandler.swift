import CZeroMQ
import Keys

/// Answers libzmq's question whether a key may come in: without somebody who does, every key may. ZeroMQ RFC 27.
///
/// There is one for a context, made before any socket that somebody could connect to. For the thread that made it.
package final class ZAPHandler {
    private static let endpoint = "inproc://zeromq.zap.01"
    private static let version = "1.0"
    /// Parts of a question with a CURVE key: version, id, domain, address, identity, mechanism, key.
    private static let partCount = 7
    private static let drainLimit = 256
    /// Questions of clients that wait for an answer at the same time.
    private static let highWaterMark: Int32 = 1_000

    private let socket: ZeroMQSocket
    private let part = MessagePart()

    /// How many connections were let in, by the name of the key.
    package private(set) var admitted: [String: Int64] = [:]
    /// How many were not.
    package private(set) var refused: Int64 = 0
    /// The key that was refused last.
    package private(set) var lastRefused: PublicKey?

    package init(_ context: ZeroMQContext) throws(BusError) {
        socket = try ZeroMQSocket(ZMQ_ROUTER, named: "the socket that keys are judged at", in: context)
        try socket.set(ZMQ_LINGER, to: Int32(0))
        try socket.set(ZMQ_SNDHWM, to: Self.highWaterMark)
        try socket.set(ZMQ_RCVHWM, to: Self.highWaterMark)
        try socket.bind(toText: Self.endpoint)
    }

    package func close() { socket.close() }

    /// Becomes readable when somebody asks. ZMQ_FD.
    package var descriptor: Int32 { socket.descriptor }

    /// Lets the socket be looked at again: call it when the descriptor was readable.
    package func wake() { socket.isIdle = false }

    /// Answers all who wait.
    /// - Parameter admits: the identity under which a key may come in; nil: it may not.
    package func serve(_ admits: (PublicKey) -> String?) throws(BusError) {
        for _ in 0..<Self.drainLimit {
            var parts: [[UInt8]] = []
            repeat {
                guard try socket.receive(into: part) else { return }
                parts.append(Array(part.bytes))
            } while part.hasMore
            // Identity of the asking socket, an empty part, then the question.
            guard parts.count >= 2 + 2, let empty = parts.firstIndex(of: []) else { continue }
            let question = Array(parts[(empty + 1)...])
            guard question.count >= 2 else { continue }
            let name = Self.key(in: question).flatMap { key -> String? in
                let name = admits(key)
                if name == nil { lastRefused = key }
                return name
            }
            if let name { admitted[KeyGate.name(in: name), default: 0] += 1 } else { refused += 1 }
            let answer = [
                Array(Self.version.utf8), question[1], Array((name == nil ? "400" : "200").utf8),
                Array((name == nil ? "unknown key" : "OK").utf8), Array((name ?? "").utf8), [],
            ]
            let all = Array(parts[...empty]) + answer
            for (index, part) in all.enumerated() { try socket.send(part, more: index < all.count - 1) }
        }
    }

    private static func key(in question: [[UInt8]]) -> PublicKey? {
        guard question.count == partCount, question[0] == Array(version.utf8), question[5] == Array("CURVE".utf8) else {
            return nil
        }
        return PublicKey(bytes: question[6])
    }
}
