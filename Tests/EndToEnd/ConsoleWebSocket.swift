import Foundation
import JSONTree
import Time

/// A client's end of a WebSocket, of which a test decides what it sends and when it reads. RFC 6455.
final class RawWebSocket {
    enum Message: Equatable {
        case text(String)
        case binary([UInt8])
        /// The other end closes, and says why: RFC 6455, section 7.4.
        case close(code: Int)
    }
    /// The upgrade was refused, with this answer.
    struct Refused: Error, CustomStringConvertible {
        let answer: ConsoleAnswer
        var description: String { "the WebSocket was refused: \(answer.status) \(answer.text)" }
    }
    /// A client's key and the answer to it, from RFC 6455, section 1.3.
    private static let (key, acceptance) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    let connection: ConsoleConnection
    /// What the server chose of the protocols that were offered.
    let subprotocol: String?

    /// - Parameters:
    ///   - headers: in place of, or besides, those of the page: its `Origin` is there unless it is named.
    ///   - receiveBuffer: as `ConsoleConnection` has it.
    /// - Throws: `Refused` with the server's answer.
    init(
        port: Int, path: String = "/live", protocols: [String] = ["octo.console.1"], headers: [String: String] = [:],
        receiveBuffer: Int32? = nil
    ) throws {
        connection = try ConsoleConnection(port: port, receiveBuffer: receiveBuffer)
        let fields = [
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": Self.key, "Sec-WebSocket-Protocol": protocols.joined(separator: ", "),
            "Origin": "http://127.0.0.1:\(port)",
        ].merging(headers) { $1 }.filter { !$0.value.isEmpty }
        connection.send(ConsoleConnection.request(port, "GET", path, headers: fields))
        let answer = try connection.answer(hasBody: false)
        guard answer.status == 101, answer.headers["sec-websocket-accept"] == Self.acceptance else {
            throw Refused(answer: answer)
        }
        subprotocol = answer.headers["sec-websocket-protocol"]
    }

    /// The status with which a WebSocket is refused; 101 where it is not.
    static func status(
        port: Int, path: String = "/live", protocols: [String] = ["octo.console.1"], headers: [String: String] = [:]
    ) throws -> Int {
        do {
            _ = try RawWebSocket(port: port, path: path, protocols: protocols, headers: headers)
            return 101
        } catch let refused as Refused {
            return refused.answer.status
        }
    }

    func send(_ message: JSONNode) { send(opcode: 1, Array(message.text().utf8)) }

    /// Sends one frame, masked as a client has to.
    /// - Parameter isLast: false where more frames of the same message follow.
    @discardableResult
    func send(opcode: UInt8, _ payload: [UInt8], isLast: Bool = true) -> Bool {
        var frame: [UInt8] = [(isLast ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        default:
            let length = UInt64(payload.count)
            frame += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(56 - 8 * $0)) }
        }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        frame += mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
        return connection.send(frame)
    }

    /// Waits for a whole message; answers pings meanwhile.
    func receive(until deadline: MonotonicTime) throws -> Message {
        var (opcode, payload): (UInt8, [UInt8]) = (0, [])
        while true {
            let head = try connection.take(2, until: deadline)
            var length = Int(head[1] & 0x7f)
            if length > 125 {
                let bytes = try connection.take(length == 126 ? 2 : 8, until: deadline)
                length = bytes.reduce(0) { $0 << 8 | Int($1) }
            }
            let part = try connection.take(length, until: deadline)
            switch head[0] & 0xf {
            case 8: return .close(code: part.prefix(2).reduce(0) { $0 << 8 | Int($1) })
            case 9: send(opcode: 10, part)
            case 10: continue
            case let kind:
                if kind != 0 { opcode = kind }
                payload += part
                guard head[0] & 0x80 != 0 else { continue }
                return opcode == 1 ? .text(String(decoding: payload, as: UTF8.self)) : .binary(payload)
            }
        }
    }

    /// Reads until a text message is as it should be.
    @discardableResult
    func wait(for what: String, limit: Double = 20, until isSo: (JSONNode) -> Bool) throws -> JSONNode {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        while MonotonicTime.now() < deadline {
            switch try receive(until: deadline) {
            case .text(let text):
                let message = try JSONNode(parsing: Array(text.utf8))
                if isSo(message) { return message }
            case .binary: continue
            case .close(let code): throw TimedOut(description: "waited for \(what): closed with \(code)")
            }
        }
        throw TimedOut(description: "waited \(limit) s for \(what)")
    }

    /// Reads until a message of this type comes.
    @discardableResult
    func message(_ type: String, limit: Double = 20) throws -> JSONNode {
        try wait(for: "a message '\(type)'", limit: limit) { $0["type"]?.string == type }
    }
}
