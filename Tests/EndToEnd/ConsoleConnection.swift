import Foundation
import JSONTree
import Time

/// A TCP connection to a program of this machine, byte by byte: what no browser sends can be sent too.
final class ConsoleConnection {
    private let descriptor: Int32
    private var received: [UInt8] = []
    /// Whether the other end has closed it, or broken it off.
    private(set) var isClosed = false

    /// socket(2), connect(2).
    /// - Parameters:
    ///   - port: of 127.0.0.1.
    ///   - receiveBuffer: bytes that the kernel keeps for a reader that does not read; nil is the kernel's choice.
    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TimedOut(description: "socket: errno \(errno)") }
        if var bytes = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        // A server that reads nothing does not hold the test up.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw TimedOut(description: "connecting to 127.0.0.1:\(port): errno \(code)")
        }
    }

    deinit { close(descriptor) }

    /// send(2) until all is sent.
    /// - Returns: false where the other end takes no more.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Takes in what has come, or waits for more to come. poll(2), recv(2).
    /// - Returns: false where nothing came up to then, or the connection is over.
    @discardableResult
    func receive(until deadline: MonotonicTime) -> Bool {
        guard !isClosed else { return false }
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let left = max(0, (deadline - .now()).inSeconds)
        guard poll(&wanted, 1, Int32((left * 1_000).rounded(.up))) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            isClosed = true
            return false
        }
        received += buffer[..<count]
        return true
    }

    /// Waits until the other end ends it; what it says meanwhile is thrown away.
    func waitForEnd(limit: Double) -> Bool {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        while !isClosed, MonotonicTime.now() < deadline {
            receive(until: deadline)
            received = []
        }
        return isClosed
    }

    /// Takes so many bytes out of what was received, once they are there.
    func take(_ count: Int, until deadline: MonotonicTime) throws -> [UInt8] {
        while received.count < count {
            guard receive(until: deadline) else {
                throw TimedOut(description: "\(count) bytes were awaited, and \(received.count) came")
            }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// Takes what stands before `end`, and `end` with it.
    func take(through end: String, until deadline: MonotonicTime) throws -> String {
        let end = Array(end.utf8)
        while true {
            if let found = received.firstRange(of: end) {
                defer { received.removeFirst(found.upperBound) }
                return String(decoding: received[..<found.lowerBound], as: UTF8.self)
            }
            guard receive(until: deadline) else {
                throw TimedOut(description: "no answer; so far: \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    /// Takes all that comes until the other end closes.
    func takeAll(until deadline: MonotonicTime) -> [UInt8] {
        while receive(until: deadline) {}
        defer { received = [] }
        return received
    }
}

/// One answer to an HTTP request.
struct ConsoleAnswer {
    var status: Int
    /// Fields by their names in lower case; the values of those that are there twice, in lines.
    var headers: [String: String]
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Null where the body is no JSON.
    var json: JSONNode { (try? JSONNode(parsing: body)) ?? JSONNode(.null) }

    /// The cookie that it sets, as a request has it: "name=value".
    var cookie: String? {
        headers["set-cookie"].flatMap { $0.split(separator: ";").first }.map(String.init)
    }
}

extension ConsoleConnection {
    /// Reads one answer. RFC 9112.
    /// - Parameter hasBody: false where the connection is another protocol's after the head.
    func answer(hasBody: Bool = true, limit: Double = 20) throws -> ConsoleAnswer {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        let lines = try take(through: "\r\n\r\n", until: deadline).split(separator: "\r\n")
        guard let first = lines.first?.split(separator: " "), first.count > 1, let status = Int(first[1]) else {
            throw TimedOut(description: "no HTTP: \(lines)")
        }
        var answer = ConsoleAnswer(status: status, headers: [:])
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let (name, value) = (parts[0].lowercased(), parts[1].trimmingCharacters(in: .whitespaces))
            answer.headers[name] = answer.headers[name].map { $0 + "\n" + value } ?? value
        }
        guard hasBody else { return answer }
        if let length = answer.headers["content-length"].flatMap({ Int($0) }) {
            answer.body = try take(length, until: deadline)
        } else if answer.headers["transfer-encoding"] == "chunked" {
            while let length = Int(try take(through: "\r\n", until: deadline), radix: 16) {
                answer.body += try take(length, until: deadline)
                _ = try take(2, until: deadline)
                if length == 0 { break }
            }
        } else {
            answer.body = takeAll(until: deadline)
        }
        return answer
    }

    /// Sends a request, and reads its answer.
    /// - Parameters:
    ///   - headers: those of every request are there unless they are named here: `Host`, `Connection`, and
    ///     `Content-Length` with a body.
    static func ask(
        _ port: Int, _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil,
        limit: Double = 20
    ) throws -> ConsoleAnswer {
        let connection = try ConsoleConnection(port: port)
        connection.send(request(port, method, path, headers: headers, body: body))
        return try connection.answer(hasBody: method != "HEAD", limit: limit)
    }

    /// Asks for what is at a path.
    static func get(
        _ port: Int, _ path: String, headers: [String: String] = [:], limit: Double = 20
    ) throws -> ConsoleAnswer {
        try ask(port, "GET", path, headers: headers, limit: limit)
    }

    /// The text of a request.
    static func request(
        _ port: Int, _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil
    ) -> String {
        var fields = ["Host": "127.0.0.1:\(port)", "Connection": "close"]
        if let body { fields["Content-Length"] = String(body.utf8.count) }
        fields.merge(headers) { $1 }
        let head = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body ?? "")"
    }

    /// A request as the page makes it.
    static func post(
        _ port: Int, _ path: String, _ body: JSONNode, headers: [String: String] = [:], limit: Double = 20
    ) throws -> ConsoleAnswer {
        let page = [
            "Content-Type": "application/json", "X-Octo-Console": "1", "Origin": "http://127.0.0.1:\(port)",
        ]
        return try ask(
            port, "POST", path, headers: page.merging(headers) { $1 }, body: body.text(), limit: limit)
    }
}
