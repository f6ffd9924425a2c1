import Files
import Images
import Messages
import SwiftProtobuf
import Time

extension CameraFrame: WireMessage {
    package static let schemaName = "octo.CameraFrame"

    package func encoded() throws(WireError) -> EncodedMessage {
        let check = Self.check
        var proto = Octo_CameraFrame()
        let bulk: SharedBytes
        switch pixels {
        case .rgb8(let image):
            proto.encoding = "rgb8"
            bulk = image.pixels
        case .jpeg(let file, _, _):
            proto.encoding = "jpeg"
            bulk = file
        }
        try check.time(captureTime.nanoseconds, "timestamp")
        proto.timestamp = Google_Protobuf_Timestamp(captureTime)
        proto.frameID = camera
        proto.width = try check.small(width, "width")
        proto.height = try check.small(height, "height")
        if case .rgb8 = pixels { proto.step = try check.small(width * 3, "step") }
        proto.deviceID = deviceID
        proto.sequence = sequence
        proto.contentHash = contentHash
        proto.calibrationHash = calibrationHash
        proto.settings = settings.map { setting in
            var entry = Octo_CameraFrame.Setting()
            entry.name = setting.name
            entry.value = setting.value
            return entry
        }
        try Self.validate(proto, bulkCount: bulk.count)
        return try Self.encode(proto, bulk: bulk)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        let proto = try Self.parse(Octo_CameraFrame.self, from: body)
        try Self.validate(proto, bulkCount: bulk?.count ?? 0)
        let width = Int(proto.width)
        let height = Int(proto.height)
        let bytes = bulk ?? SharedBytes(copying: [])
        self.init(
            camera: proto.frameID, deviceID: proto.deviceID, sequence: proto.sequence,
            captureTime: MonotonicTime(proto.timestamp),
            pixels: proto.encoding == "jpeg"
                ? .jpeg(bytes, width: width, height: height)
                : .rgb8(RGBImage(width: width, height: height, pixels: bytes)),
            contentHash: proto.contentHash, settings: proto.settings.map { Setting(name: $0.name, value: $0.value) },
            calibrationHash: proto.calibrationHash)
    }

    private static func validate(_ proto: Octo_CameraFrame, bulkCount: Int) throws(WireError) {
        let width = Int(proto.width)
        let height = Int(proto.height)
        try check.name(proto.frameID, "frame_id")
        try check.text(proto.deviceID, "device_id")
        try check.name(proto.calibrationHash, "calibration_hash")
        try check.count(proto.settings.count, atMost: FieldCheck.mostEntries, "settings")
        for setting in proto.settings {
            try check.name(setting.name, "the name of a setting")
            try check.name(setting.value, "the value of setting '\(setting.name)'")
        }
        try check.require(proto.hasTimestamp, "timestamp", found: "absent", expected: "the capture time")
        let (seconds, nanoseconds) = (proto.timestamp.seconds, proto.timestamp.nanos)
        // 2^30 seconds are 34 years, less than FieldCheck.farthestTime: the sum in nanoseconds cannot overflow.
        try check.require(
            abs(seconds.clamped(to: 1 << 31)) <= 1 << 30 && (0..<1_000_000_000).contains(nanoseconds), "timestamp",
            found: "\(seconds) s and \(nanoseconds) ns", expected: "at most ±2^30 s, and 0..<10^9 ns")
        try check.imageSize(width: width, height: height, "the image")
        switch proto.encoding {
        case "rgb8":
            try check.require(
                Int(proto.step) == width * 3, "step", found: "\(proto.step)", expected: "\(width * 3), 3 bytes a pixel")
            try check.bulk(bulkCount, is: width * height * 3, because: "\(width)x\(height) pixels of rgb8")
        case "jpeg":
            try check.require(proto.step == 0, "step", found: "\(proto.step)", expected: "0 for jpeg")
            try check.require(bulkCount > 0, "the bulk part", found: "empty", expected: "a JPEG file")
        default:
            throw check.failure("encoding", found: "'\(proto.encoding.prefix(32))'", expected: "'rgb8' or 'jpeg'")
        }
    }
}

extension Int64 {
    /// Clamps to -limit...limit; `abs` of the smallest number would overflow.
    fileprivate func clamped(to limit: Int64) -> Int64 { Swift.min(Swift.max(self, -limit), limit) }
}

extension Google_Protobuf_Timestamp {
    /// Seconds are rounded down, so that nanoseconds are never negative, as the schema asks.
    fileprivate init(_ time: MonotonicTime) {
        let (quotient, remainder) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(
            seconds: remainder < 0 ? quotient - 1 : quotient,
            nanos: Int32(remainder < 0 ? remainder + 1_000_000_000 : remainder))
    }
}

extension MonotonicTime {
    fileprivate init(_ timestamp: Google_Protobuf_Timestamp) {
        self.init(nanoseconds: timestamp.seconds * 1_000_000_000 + Int64(timestamp.nanos))
    }
}
