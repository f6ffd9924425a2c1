import ProtobufFields
import Time

/// What every message carries besides its content: what it is, from whom, and when.
package struct Envelope: Equatable, Sendable {
    /// Full name of the body's schema: "octo.CameraFrame".
    package var schema: String
    /// Counts the messages of one topic from one instance, from 0; a gap means that messages were lost on the way.
    package var sequence: UInt64
    /// Time at which the content was true (a frame: when the light fell in); nil where that has no meaning.
    package var captureTime: MonotonicTime?
    /// Time at which it was handed to the bus.
    package var publishTime: MonotonicTime
    package var sourceNode: String
    /// Drawn at random when the publishing process starts; a changed one means that `sequence` starts again.
    package var instanceID: UInt64
    package var runID: String
    /// Groups messages that descend from one another; 0 when not used.
    package var traceID: UInt64
    /// The kernel's boot id: stamps of another one are of another clock.
    package var hostID: String

    package init(
        schema: String, sequence: UInt64, captureTime: MonotonicTime?, publishTime: MonotonicTime, sourceNode: String,
        instanceID: UInt64, runID: String, traceID: UInt64, hostID: String
    ) {
        self.schema = schema
        self.sequence = sequence
        self.captureTime = captureTime
        self.publishTime = publishTime
        self.sourceNode = sourceNode
        self.instanceID = instanceID
        self.runID = runID
        self.traceID = traceID
        self.hostID = hostID
    }
}

extension Envelope {
    private static let check = FieldCheck(schema: "octo.Envelope")
    /// A real one has about 120 bytes; names are at most 255 bytes each.
    private static let largest = 4_096

    /// The envelope as bytes: `octo.Envelope` in Protos/envelope.proto.
    ///
    /// Written and read field by field: every message has an envelope, and the generated code looks up types and
    /// witnesses for each field, which a profile of `octo-bench` showed.
    package func encoded() throws(WireError) -> [UInt8] {
        try checkFields()
        var writer = ProtobufWriter(capacity: 256)
        writer.append(schema, field: 1)
        writer.append(varint: sequence, field: 2)
        if let captureTime {
            writer.append(fixed: UInt64(bitPattern: captureTime.nanoseconds), field: 3, evenIfZero: true)
        }
        writer.append(fixed: UInt64(bitPattern: publishTime.nanoseconds), field: 4)
        writer.append(sourceNode, field: 5)
        writer.append(fixed: instanceID, field: 6)
        writer.append(runID, field: 7)
        writer.append(fixed: traceID, field: 8)
        writer.append(hostID, field: 9)
        return writer.bytes
    }

    /// Reads and checks an envelope; never traps. Fields of a newer version are passed over.
    /// - Parameter bytes: read during the call only.
    package init(bytes: UnsafeRawBufferPointer) throws(WireError) {
        let malformed = WireError.malformed(schema: Self.check.schema, byteCount: bytes.count)
        guard bytes.count <= Self.largest else { throw malformed }
        self.init(
            schema: "", sequence: 0, captureTime: nil, publishTime: .zero, sourceNode: "", instanceID: 0, runID: "",
            traceID: 0, hostID: "")
        var reader = ProtobufReader(bytes)
        while let field = try reader.next(orThrow: malformed) {
            switch (field.number, field.value) {
            case (1, .bytes(let utf8)): schema = try Self.text(utf8, orThrow: malformed)
            case (2, .varint(let number)): sequence = number
            case (3, .fixed64(let bits)): captureTime = MonotonicTime(nanoseconds: Int64(bitPattern: bits))
            case (4, .fixed64(let bits)): publishTime = MonotonicTime(nanoseconds: Int64(bitPattern: bits))
            case (5, .bytes(let utf8)): sourceNode = try Self.text(utf8, orThrow: malformed)
            case (6, .fixed64(let bits)): instanceID = bits
            case (7, .bytes(let utf8)): runID = try Self.text(utf8, orThrow: malformed)
            case (8, .fixed64(let bits)): traceID = bits
            case (9, .bytes(let utf8)): hostID = try Self.text(utf8, orThrow: malformed)
            default: continue
            }
        }
        try checkFields()
    }

    private static func text(_ utf8: UnsafeRawBufferPointer, orThrow error: WireError) throws(WireError) -> String {
        guard let text = String(wellFormed: utf8) else { throw error }
        return text
    }

    private func checkFields() throws(WireError) {
        let check = Self.check
        try check.require(!schema.isEmpty, "schema", found: "empty", expected: "the name of a message type")
        try check.name(schema, "schema")
        try check.name(sourceNode, "source_node")
        try check.name(runID, "run_id")
        try check.name(hostID, "host_id")
        // Also keeps sums of gaps between numbers far from overflow.
        try check.require(
            sequence <= UInt64(FieldCheck.largestCount), "sequence", found: "\(sequence)", expected: "at most 2^40")
        if let captureTime { try check.time(captureTime.nanoseconds, "capture_ns") }
        try check.time(publishTime.nanoseconds, "publish_ns")
    }
}
