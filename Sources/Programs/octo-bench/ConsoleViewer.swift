import JSONTree
import Time

/// One who looks at the pictures of all cameras, as the console's page does.
final class ConsoleViewer {
    /// The name of what the page and the console say to each other.
    static let subprotocol = "octo.console.1"

    private let client: WebSocketClient
    /// Age of each picture when it had arrived, milliseconds.
    private(set) var ages: [Double] = []
    /// Pictures that the console left out, since this one was too slow.
    private(set) var dropped = 0
    /// Whether what comes counts.
    var counts = false

    init(port: UInt16, cameras: [String]) throws {
        client = try WebSocketClient(port: port, path: "/live", subprotocol: Self.subprotocol)
        try client.send(
            .object([
                "type": "watch", "cameras": JSONNode(.array(cameras.map { JSONNode($0) })), "network": false,
                "rate_hz": 30,
            ]))
    }

    var descriptor: Int32 { client.descriptor }

    /// Takes what has arrived.
    func receive() throws {
        for arrival in try client.receive() where counts {
            let now = MonotonicTime.now()
            switch arrival {
            case .binary(let bytes):
                guard let capture = Self.captureTime(bytes) else { continue }
                ages.append((now - capture).inMilliseconds)
            case .text(let bytes):
                // The long ones are the run's topics.
                guard bytes.count < 100 else { continue }
                let said = try JSONNode(parsing: bytes)
                if said["type"]?.string == "dropped" { dropped += said["pictures"]?.int ?? 0 }
            case .ping, .close: continue
            }
        }
    }

    /// When a camera's picture was taken; nil for what is none: two bytes of length, so many of JSON, a JPEG file.
    private static func captureTime(_ bytes: [UInt8]) -> MonotonicTime? {
        guard bytes.count > 2 else { return nil }
        let end = 2 + Int(bytes[0]) + Int(bytes[1]) << 8
        guard bytes.count > end + 2, bytes[end] == 0xFF, bytes[end + 1] == 0xD8 else { return nil }
        let head: JSONNode
        do {
            head = try JSONNode(parsing: bytes[2..<end])
        } catch {
            return nil
        }
        guard head["kind"]?.string == "frame", let nanoseconds = head["capture_ns"]?.int else { return nil }
        return MonotonicTime(nanoseconds: Int64(nanoseconds))
    }
}
