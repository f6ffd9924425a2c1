import Images

/// A message as recordings have it: one protobuf message that others' programs read by its schema, with all that ours
/// needs to publish the same message again.
///
/// What the schema does not name stands in fields of high numbers, which readers pass over: 1000 the bulk part, 1001 the
/// envelope, 1002 the body of an image that came as JPEG. Camera frames have Foxglove's schemas: one of "rgb8" is its own
/// body followed by the pixels as field 6, one of "jpeg" a message made for it around the same bytes.
package struct RecordedMessage: Equatable, Sendable {
    /// Of the data: "octo.ArmState", "foxglove.RawImage".
    package var schema: String
    package var data: [UInt8]

    private static let bulkField: UInt64 = 1000
    private static let envelopeField: UInt64 = 1001
    private static let bodyField: UInt64 = 1002
    private static let rawImage = "foxglove.RawImage"
    private static let compressedImage = "foxglove.CompressedImage"
    private static let cameraFrame = "octo.CameraFrame"

    package init(schema: String, data: [UInt8]) {
        self.schema = schema
        self.data = data
    }

    /// - Throws: for an envelope that cannot be written, or a camera frame that is none.
    package init(envelope: Envelope, body: [UInt8], bulk: SharedBytes?) throws(WireError) {
        let stamps = try envelope.encoded()
        var writer = ProtobufWriter(capacity: body.count + (bulk?.count ?? 0) + stamps.count + 64)
        schema = envelope.schema
        if envelope.schema == Self.cameraFrame {
            let head = try Self.imageHead(body)
            if head.isJPEG {
                schema = Self.compressedImage
                Self.append(head.timestamp, 1, to: &writer)
                Self.append(bulk, 2, to: &writer)
                writer.append("jpeg", field: 3)
                writer.append(head.camera, field: 4)
                Self.append(body, Self.bodyField, to: &writer)
            } else {
                schema = Self.rawImage
                writer.append(rawBytes: body)
                Self.append(bulk, 6, to: &writer)
            }
        } else {
            writer.append(rawBytes: body)
            if bulk != nil { Self.append(bulk, Self.bulkField, to: &writer) }
        }
        Self.append(stamps, Self.envelopeField, to: &writer)
        data = writer.bytes
    }

    /// The message as it was on the bus.
    /// - Throws: for data that `init` has not made.
    package func opened() throws(WireError) -> (envelope: Envelope, body: [UInt8], bulk: SharedBytes?) {
        // The pointers into the array do not leave the call.
        try data.withUnsafeBufferPointer { bytes throws(WireError) in try open(UnsafeRawBufferPointer(bytes)) }
    }

    private func open(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireError) -> (envelope: Envelope, body: [UInt8], bulk: SharedBytes?) {
        let malformed = WireError.malformed(schema: schema, byteCount: bytes.count)
        let bulkField = schema == Self.rawImage ? 6 : schema == Self.compressedImage ? 2 : Self.bulkField
        var envelope: Envelope?
        var bulk: SharedBytes?
        var body: [UInt8]?
        // What stands in front of the fields that were added.
        var end: Int?
        var reader = ProtobufReader(bytes)
        while !reader.isAtEnd {
            let start = reader.offset
            guard let (field, value) = reader.next() else { throw malformed }
            guard case .bytes(let piece) = value else { continue }
            switch field {
            case bulkField:
                bulk = SharedBytes(copying: piece)
                end = end ?? start
            case Self.envelopeField:
                envelope = try Envelope(bytes: piece)
                end = end ?? start
            case Self.bodyField where schema == Self.compressedImage: body = Array(piece)
            default: continue
            }
        }
        guard let envelope, let end else { throw malformed }
        if schema == Self.compressedImage && body == nil { throw malformed }
        return (envelope, body ?? Array(bytes[..<end]), bulk)
    }

    /// What a viewer needs of a camera frame's body.
    private static func imageHead(
        _ body: [UInt8]
    ) throws(WireError) -> (timestamp: [UInt8], camera: String, isJPEG: Bool) {
        try body.withUnsafeBufferPointer { bytes throws(WireError) in
            let malformed = WireError.malformed(schema: cameraFrame, byteCount: bytes.count)
            var timestamp: [UInt8] = []
            var camera = ""
            var encoding = ""
            var reader = ProtobufReader(UnsafeRawBufferPointer(bytes))
            while !reader.isAtEnd {
                guard let (field, value) = reader.next() else { throw malformed }
                switch (field, value) {
                case (1, .bytes(let piece)): timestamp = Array(piece)
                case (4, .bytes(let utf8)): encoding = String(wellFormed: utf8) ?? ""
                case (7, .bytes(let utf8)): camera = String(wellFormed: utf8) ?? ""
                default: continue
                }
            }
            return (timestamp, camera, encoding == "jpeg")
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
