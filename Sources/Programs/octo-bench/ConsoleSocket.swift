import Files
import Glibc
import JSONTree

/// What goes wrong between this program and the other end of a WebSocket.
enum WebSocketError: Error, CustomStringConvertible {
    case address(String)
    case failed(doing: String, port: UInt16, errno: Int32)
    case refused(port: UInt16, protocol: String, answer: String)
    case ended(port: UInt16, reason: String)

    var description: String {
        switch self {
        case .address(let text):
            "reading the address '\(text)': expected one of this machine, such as http://127.0.0.1:8080/."
        case .failed(let doing, let port, let number):
            "\(doing) 127.0.0.1:\(port): \(SystemError(number)). Expected a server there; see whether it still runs."
        case .refused(let port, let wanted, let answer):
            "opening a WebSocket for \(wanted) at 127.0.0.1:\(port): the answer was '\(answer)', expected 101."
        case .ended(let port, let reason):
            "listening at 127.0.0.1:\(port): \(reason), expected messages. See what the other end printed."
        }
    }
}

/// Finds messages in the bytes that a server sends. RFC 6455, section 5.
struct WebSocketReader {
    enum Arrival: Equatable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case close
    }

    /// The most that a message may have; a picture has a hundredth of it.
    static let longest = 64 << 20

    private var buffer: [UInt8] = []
    /// Where the next frame begins in `buffer`.
    private var start = 0
    private var message: [UInt8] = []
    private var messageCode: UInt8 = 0

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole message; nil where more bytes are needed. Pongs are passed over.
    /// - Throws: words that say what no server may send.
    mutating func next() throws(WebSocketReaderError) -> Arrival? {
        while buffer.count - start >= 2 {
            let (first, second) = (buffer[start], buffer[start + 1])
            guard second & 0x80 == 0 else { throw .init(found: "a frame is masked, which servers never do") }
            let (longLength, head) =
                switch second & 0x7F {
                case 126: (2, start + 4)
                case 127: (8, start + 10)
                default: (0, start + 2)
                }
            guard buffer.count >= head else { return nil }
            let count = longLength == 0 ? UInt64(second) : buffer[(start + 2)..<head].reduce(0) { $0 << 8 | UInt64($1) }
            guard count <= UInt64(Self.longest) else { throw .init(found: "a frame has \(count) bytes") }
            let end = head + Int(count)
            guard buffer.count >= end else { return nil }
            let payload = buffer[head..<end]
            start = end
            switch first & 0x0F {
            case 0x8: return .close
            case 0x9: return .ping(Array(payload))
            case 0xA: continue
            case let code where code <= 2:
                if code > 0 { messageCode = code }
                guard message.count + payload.count <= Self.longest else { throw .init(found: "a message has no end") }
                message.append(contentsOf: payload)
                guard first & 0x80 != 0 else { continue }
                defer { message = [] }
                return messageCode == 1 ? .text(message) : .binary(message)
            case let code: throw .init(found: "a frame is of kind \(code)")
            }
        }
        return nil
    }
}

/// What was found that no server may send.
struct WebSocketReaderError: Error {
    var found: String
}

/// A WebSocket to a port of this machine: a client as a browser has it, but for the wait. RFC 6455.
final class WebSocketClient {
    let descriptor: Int32
    private let port: UInt16
    private var reader = WebSocketReader()
    private var memory = [UInt8](repeating: 0, count: 1 << 16)

    /// Connects, and waits for the server's answer, 5 s at most.
    ///
    /// The answer's Sec-WebSocket-Accept, by which clients tell a WebSocket from a cache, is not looked at: there is
    /// none between the two, and the protocol that was agreed on is.
    /// - Parameters:
    ///   - path: what to ask for, from "/" on.
    ///   - subprotocol: what the server has to agree to; nil: none is asked for.
    ///   - isPage: whether it says that it comes from a page of this server, as a browser would.
    init(port: UInt16, path: String, subprotocol: String? = nil, isPage: Bool = true) throws {
        self.port = port
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw WebSocketError.failed(doing: "opening a socket for", port: port, errno: errno)
        }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw WebSocketError.failed(doing: "connecting to", port: port, errno: errno) }
        let fields =
            ["GET \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)"]
            + (isPage ? ["Origin: http://127.0.0.1:\(port)"] : [])
            + [
                "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                // 16 bytes in Base64; what they are only matters to caches.
                "Sec-WebSocket-Key: b2N0by1iZW5jaC1jb25zbw==",
            ] + (subprotocol.map { ["Sec-WebSocket-Protocol: \($0)"] } ?? [])
        try write(Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        try readAnswer(to: subprotocol)
    }

    deinit { close(descriptor) }

    private func readAnswer(to subprotocol: String?) throws {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            // Byte by byte: what follows the head is already a frame.
            var byte: UInt8 = 0
            guard head.count < 16_384, recv(descriptor, &byte, 1, 0) == 1 else {
                throw WebSocketError.refused(
                    port: port, protocol: subprotocol ?? "no protocol", answer: String(decoding: head, as: UTF8.self))
            }
            head.append(byte)
        }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let agreed = lines.contains {
            $0.lowercased() == "sec-websocket-protocol: \(subprotocol ?? "")".lowercased()
        }
        guard let status = lines.first, status.split(separator: " ").dropFirst().first == "101",
            subprotocol == nil || agreed
        else {
            throw WebSocketError.refused(
                port: port, protocol: subprotocol ?? "no protocol", answer: lines.first.map(String.init) ?? "")
        }
    }

    /// The messages that have arrived; does not wait. Pings are answered.
    /// - Throws: `WebSocketError`, also where the other end has closed.
    func receive() throws -> [WebSocketReader.Arrival] {
        var arrivals: [WebSocketReader.Arrival] = []
        while true {
            let count = recv(descriptor, &memory, memory.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                if errno == EAGAIN { return arrivals }
                if errno == EINTR { continue }
                throw WebSocketError.failed(doing: "listening at", port: port, errno: errno)
            }
            guard count > 0 else { throw WebSocketError.ended(port: port, reason: "the connection was closed") }
            memory.withUnsafeBytes { reader.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            do {
                while let arrival = try reader.next() {
                    switch arrival {
                    case .ping(let payload): try send(code: 0xA, payload)
                    case .close: throw WebSocketError.ended(port: port, reason: "the other end said goodbye")
                    case .text, .binary: arrivals.append(arrival)
                    }
                }
            } catch let error as WebSocketReaderError {
                throw WebSocketError.ended(port: port, reason: error.found)
            }
        }
    }

    func send(_ message: JSONNode) throws { try send(code: 0x1, Array(message.text().utf8)) }

    /// A client masks what it sends; with zeros the bytes stay as they are. RFC 6455, section 5.3.
    private func send(code: UInt8, _ payload: [UInt8]) throws {
        var frame: [UInt8] = [0x80 | code]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0x80 | 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        try write(frame + [0, 0, 0, 0] + payload)
    }

    private func write(_ bytes: [UInt8]) throws {
        var left = bytes[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                left = left.dropFirst(count)
            } else if errno != EINTR {
                throw WebSocketError.failed(doing: "sending to", port: port, errno: errno)
            }
        }
    }
}
