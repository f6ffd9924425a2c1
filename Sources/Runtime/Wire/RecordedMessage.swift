import Files
import Images
import Messages
import ProtobufFields
import Time

/// A message as recordings have it: one protobuf message that others' programs read by its schema, with all that ours
/// needs to publish the same message again.
///
/// What the schema does not name stands in fields of high numbers, which readers pass over: 1000 the bulk part, 1001
/// the envelope, 1002 the body of an image that is compressed, or of an event. Camera frames have Foxglove's schemas:
/// one of "rgb8" is its own body followed by the pixels as field 6, or, packed, an image file of "png" with the same
/// pixels; one of "jpeg" is a message made for it around the same bytes; an event is a line of a log.
package struct RecordedMessage: Equatable, Sendable {
    /// Schema of the data: "octo.ArmState", "foxglove.RawImage".
    package var schema: String
    package var data: [UInt8]
    /// Bytes of a camera frame that came uncompressed, before it was packed; nil for all else, and if read from a file.
    package private(set) var rawFrameByteCount: Int?

    private static let png = "png"
    private static let bulkField: UInt64 = 1000
    private static let envelopeField: UInt64 = 1001
    private static let bodyField: UInt64 = 1002
    private static let rawImage = "foxglove.RawImage"
    private static let compressedImage = "foxglove.CompressedImage"
    private static let log = "foxglove.Log"
    private static let cameraFrame = "octo.CameraFrame"

    package init(schema: String, data: [UInt8]) {
        self.schema = schema
        self.data = data
    }

    /// Makes the message that goes into a file: one of Foxglove's for frames and run events, else the bus message
    /// itself.
    /// - Parameter packsFrames: turns pixels that came uncompressed into a PNG file, with the same pixels, where that
    ///   is smaller.
    /// - Throws: `WireError` when the envelope cannot be written, or a camera frame's body is none.
    package init(envelope: Envelope, body: [UInt8], bulk: SharedBytes?, packsFrames: Bool = false) throws(WireError) {
        let stamps = try envelope.encoded()
        var writer = ProtobufWriter(capacity: body.count + (bulk?.count ?? 0) + stamps.count + 64)
        schema = envelope.schema
        if envelope.schema == Self.cameraFrame {
            let head = try Self.imageHead(body)
            let packed = packsFrames && !head.isJPEG ? Self.packed(bulk, head) : nil
            if head.isJPEG || packed != nil {
                schema = Self.compressedImage
                Self.append(head.timestamp, 1, to: &writer)
                Self.append(packed ?? bulk, 2, to: &writer)
                writer.append(packed == nil ? "jpeg" : Self.png, field: 3)
                writer.append(head.camera, field: 4)
                Self.append(body, Self.bodyField, to: &writer)
            } else {
                schema = Self.rawImage
                writer.append(rawBytes: body)
                Self.append(bulk, 6, to: &writer)
            }
            if !head.isJPEG { rawFrameByteCount = bulk?.count }
        } else if envelope.schema == RunEvent.schemaName, let event = Self.event(body) {
            schema = Self.log
            Self.append(Self.timestamp(event.time), 1, to: &writer)
            writer.append(varint: Self.level(of: event.kind), field: 2)
            writer.append(event.text.isEmpty ? "\(event.kind) \(event.subject)" : event.text, field: 3)
            writer.append(event.node, field: 4)
            Self.append(body, Self.bodyField, to: &writer)
        } else {
            writer.append(rawBytes: body)
            if bulk != nil { Self.append(bulk, Self.bulkField, to: &writer) }
        }
        Self.append(stamps, Self.envelopeField, to: &writer)
        data = writer.bytes
    }

    /// The message as it was on the bus.
    /// - Throws: `WireError` when the data is not one that `init` made.
    package func opened() throws(WireError) -> (envelope: Envelope, body: [UInt8], bulk: SharedBytes?) {
        // The pointers into the array do not leave the call.
        try data.withUnsafeBufferPointer { bytes throws(WireError) in try open(UnsafeRawBufferPointer(bytes)) }
    }

    private func open(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireError) -> (envelope: Envelope, body: [UInt8], bulk: SharedBytes?) {
        let malformed = WireError.malformed(schema: schema, byteCount: bytes.count)
        let bulkField = schema == Self.rawImage ? 6 : schema == Self.compressedImage ? 2 : Self.bulkField
        // Made around the message, whose own body is in it.
        let isMade = schema == Self.compressedImage || schema == Self.log
        var envelope: Envelope?
        var bulk: SharedBytes?
        var body: [UInt8]?
        var isPacked = false
        // What stands in front of the fields that were added.
        var end: Int?
        var reader = ProtobufReader(bytes)
        while let field = try reader.next(orThrow: malformed) {
            guard case .bytes(let piece) = field.value else { continue }
            let start = field.range.lowerBound
            switch field.number {
            case bulkField:
                bulk = SharedBytes(copying: piece)
                end = end ?? start
            case Self.envelopeField:
                envelope = try Envelope(bytes: piece)
                end = end ?? start
            case Self.bodyField where isMade: body = Array(piece)
            case 3 where schema == Self.compressedImage: isPacked = String(wellFormed: piece) == Self.png
            default: continue
            }
        }
        guard let envelope, let end else { throw malformed }
        if isMade && body == nil { throw malformed }
        if isPacked, let file = bulk {
            guard let image = try? RGBImage(decoding: file, source: "a recorded frame") else { throw malformed }
            bulk = image.pixels
        }
        return (envelope, body ?? Array(bytes[..<end]), bulk)
    }

    /// The PNG file of a frame's pixels; nil where it would not be smaller, or there are not as many as its size says.
    private static func packed(_ bulk: SharedBytes?, _ head: ImageHead) -> SharedBytes? {
        guard let bulk, head.width > 0, head.height > 0, head.width <= ImageHeader.maximumSide,
            head.height <= ImageHeader.maximumSide,
            bulk.count == head.width * head.height * 3
        else { return nil }
        let packed = RGBImage(width: head.width, height: head.height, pixels: bulk).packedPNGData()
        return packed.count < bulk.count ? packed : nil
    }

    /// The event in a body; nil for a body that is none: it is kept as it came.
    private static func event(_ body: [UInt8]) -> RunEvent? {
        // The pointer does not leave the call.
        body.withUnsafeBytes { try? RunEvent(body: $0, bulk: nil) }
    }

    /// Encodes a google.protobuf.Timestamp of the run's clock.
    private static func timestamp(_ time: MonotonicTime) -> [UInt8] {
        var writer = ProtobufWriter(capacity: 16)
        let (seconds, nanoseconds) = max(0, time.nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
        writer.append(varint: UInt64(seconds), field: 1)
        writer.append(varint: UInt64(nanoseconds), field: 2)
        return writer.bytes
    }

    /// The foxglove.Log.Level of an event: information, or a warning.
    private static func level(of kind: RunEvent.Kind) -> UInt64 {
        switch kind {
        case .goalChanged, .goalRecorded, .interventionEnded, .policyReleased, .emergencyStopReset, .armReleased: 2
        case .fitChanged, .interventionBegan, .policyHeld, .emergencyStop, .armHeld: 3
        }
    }

    /// What a viewer needs of a camera frame's body.
    private struct ImageHead {
        var timestamp: [UInt8] = []
        var camera = ""
        var isJPEG = false
        var width = 0
        var height = 0
    }

    private static func imageHead(_ body: [UInt8]) throws(WireError) -> ImageHead {
        try body.withUnsafeBufferPointer { bytes throws(WireError) in
            let malformed = WireError.malformed(schema: cameraFrame, byteCount: bytes.count)
            var head = ImageHead()
            var reader = ProtobufReader(UnsafeRawBufferPointer(bytes))
            while let field = try reader.next(orThrow: malformed) {
                switch (field.number, field.value) {
                case (1, .bytes(let piece)): head.timestamp = Array(piece)
                case (2, .fixed32(let width)): head.width = Int(width)
                case (3, .fixed32(let height)): head.height = Int(height)
                case (4, .bytes(let utf8)): head.isJPEG = String(wellFormed: utf8) == "jpeg"
                case (7, .bytes(let utf8)): head.camera = String(wellFormed: utf8) ?? ""
                default: continue
                }
            }
            return head
        }
    }

    private static func append(_ bytes: [UInt8], _ field: UInt64, to writer: inout ProtobufWriter) {
        writer.append(tagOf: field, byteCount: bytes.count)
        writer.append(rawBytes: bytes)
    }

    private static func append(_ bulk: SharedBytes?, _ field: UInt64, to writer: inout ProtobufWriter) {
        writer.append(tagOf: field, byteCount: bulk?.count ?? 0)
        // The object lives as long as its caller holds it.
        if let bulk { writer.append(raw: bulk.bytes) }
    }
}
