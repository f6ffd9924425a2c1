import Time

/// What every message carries besides its content: what it is, from whom, and when.
package struct Envelope: Equatable, Sendable {
    /// Full name of the body's schema: "octo.CameraFrame".
    package var schema: String
    /// Counts the messages of one topic from one instance, from 0; a gap means that messages were lost on the way.
    package var sequence: UInt64
    /// When the content was true (a frame: when the light fell in); nil where that has no meaning.
    package var captureTime: MonotonicTime?
    /// When it was handed to the bus.
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

    /// The envelope as bytes.
    package func encoded() throws(WireError) -> [UInt8] {
        try checkFields()
        var proto = Octo_Envelope()
        proto.schema = schema
        proto.sequence = sequence
        if let captureTime { proto.captureNs = captureTime.nanoseconds }
        proto.publishNs = publishTime.nanoseconds
        proto.sourceNode = sourceNode
        proto.instanceID = instanceID
        proto.runID = runID
        proto.traceID = traceID
        proto.hostID = hostID
        do {
            return try proto.serializedBytes()
        } catch {
            throw Self.check.failure("the envelope", found: "\(error)", expected: "a value protobuf can hold")
        }
    }

    /// Reads and checks an envelope; never traps.
    /// - Parameter bytes: read during the call only.
    package init(bytes: UnsafeRawBufferPointer) throws(WireError) {
        guard bytes.count <= Self.largest, let proto = try? Octo_Envelope(serializedBytes: bytes.bytes) else {
            throw .malformed(schema: Self.check.schema, byteCount: bytes.count)
        }
        self.init(
            schema: proto.schema, sequence: proto.sequence,
            captureTime: proto.hasCaptureNs ? MonotonicTime(nanoseconds: proto.captureNs) : nil,
            publishTime: MonotonicTime(nanoseconds: proto.publishNs), sourceNode: proto.sourceNode,
            instanceID: proto.instanceID, runID: proto.runID, traceID: proto.traceID, hostID: proto.hostID)
        try checkFields()
    }

    private func checkFields() throws(WireError) {
        let check = Self.check
        try check.require(!schema.isEmpty, "schema", found: "empty", expected: "the name of a message type")
        try check.name(schema, "schema")
        try check.name(sourceNode, "source_node")
        try check.name(runID, "run_id")
        try check.name(hostID, "host_id")
        if let captureTime { try check.time(captureTime.nanoseconds, "capture_ns") }
        try check.time(publishTime.nanoseconds, "publish_ns")
    }
}
