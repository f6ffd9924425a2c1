import Console
import Files
import Images
import JSONTree
import Messages
import TestSupport
import Testing
import Time
import Wire

extension FoxgloveRun {
    /// A run that began 1000 seconds of its clock before a round time of day.
    static func sample(_ id: String = "run-1") -> FoxgloveRun {
        FoxgloveRun(name: "try \(id)", id: id, wallOffset: .seconds(1_700_000_000))
    }
}

extension MonotonicTime {
    static func milliseconds(_ count: Int) -> MonotonicTime { .zero + .milliseconds(count) }
}

extension FoxgloveCatalogue {
    static var sample: FoxgloveCatalogue { FoxgloveCatalogue(console: "console-1", run: .sample()) }

    /// Takes a message as it comes from the bus.
    mutating func receive<Message: WireMessage>(
        _ message: Message, on topic: String, at time: MonotonicTime = .zero, isWanted: Bool = true
    ) throws -> FoxgloveMessage? {
        let encoded = try message.encoded()
        return receive(
            topic: topic, envelope: .sample(Message.schemaName, at: time), body: encoded.body, bulk: encoded.bulk
        ) { _ in isWanted }
    }

    /// Takes a message that every viewer wants and the bus does not keep, of a little more than `byteCount` bytes.
    mutating func receiveCommand(
        _ byteCount: Int = 1, on topic: String = "episode/command", at time: MonotonicTime = .zero
    ) throws -> FoxgloveMessage {
        let command = EpisodeCommand(
            id: 1, operatorID: "me", action: .start, text: String(repeating: "a", count: byteCount), time: time)
        return try #require(try receive(command, on: topic, at: time))
    }

    /// Takes a picture.
    mutating func receivePicture(
        _ camera: String = "primary", isJPEG: Bool = true, at time: MonotonicTime = .zero
    ) throws -> FoxgloveMessage {
        let pixels: CameraFrame.Pixels =
            isJPEG
            ? .jpeg(SharedBytes(copying: [0xFF, 0xD8, 0xFF, 1, 2, 0xFF, 0xD9]), width: 640, height: 480)
            : .rgb8(RGBImage.waves(width: 4, height: 2, seed: 1))
        let frame = CameraFrame(
            camera: camera, deviceID: "test", sequence: 4, captureTime: time, pixels: pixels, contentHash: 99)
        return try #require(try receive(frame, on: Topics.cameraImage(camera).name, at: time))
    }
}

extension Envelope {
    static func sample(_ schema: String, at time: MonotonicTime) -> Envelope {
        Envelope(
            schema: schema, sequence: 7, captureTime: nil, publishTime: time, sourceNode: "node", instanceID: 3,
            runID: "run-1", traceID: 0, hostID: "host")
    }
}

/// A message of the protocol as a viewer reads it.
enum FoxgloveSaid: Equatable {
    case text(op: String, JSONNode)
    case time(UInt64)
    case data(subscription: UInt32, time: UInt64, payload: [UInt8])

    init(_ message: SocketMessage) throws {
        switch message {
        case .text(let text):
            let node = try JSONNode(parsing: text.utf8)
            self = .text(op: try #require(node["op"]?.string), node)
        case .binary(let bytes):
            func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
            if bytes.first == 2 {
                try #require(bytes.count == 9)
                self = .time(number(1..<9))
            } else {
                try #require(bytes.first == 1 && bytes.count >= 13)
                self = .data(
                    subscription: UInt32(number(1..<5)), time: number(5..<13), payload: Array(bytes[13...]))
            }
        }
    }

    var op: String? { if case .text(let op, _) = self { op } else { nil } }
    var json: JSONNode? { if case .text(_, let node) = self { node } else { nil } }
    var payload: [UInt8]? { if case .data(_, _, let payload) = self { payload } else { nil } }
}

extension FoxgloveSession {
    /// All that the session has to say at a time.
    mutating func everything(at now: MonotonicTime = .zero) throws -> [FoxgloveSaid] {
        var said: [FoxgloveSaid] = []
        while let message = next(at: now) { said.append(try FoxgloveSaid(message)) }
        return said
    }

    /// Subscribes to channels, each under its number plus 100.
    mutating func subscribe(_ channels: FoxgloveChannel..., in catalogue: FoxgloveCatalogue) {
        let list = channels.map { "{\"id\": \($0.id + 100), \"channelId\": \($0.id)}" }.joined(separator: ", ")
        receive(.text("{\"op\": \"subscribe\", \"subscriptions\": [\(list)]}"), in: catalogue)
    }
}
