/// The envelope by way of the generated code: slower than `Envelope`'s own reading and writing, and their oracle in the
/// tests, which keeps them true to Protos/envelope.proto.
package enum EnvelopeSchema {
    package static func bytes(of envelope: Envelope) throws(WireError) -> [UInt8] {
        var proto = Octo_Envelope()
        proto.schema = envelope.schema
        proto.sequence = envelope.sequence
        if let captureTime = envelope.captureTime { proto.captureNs = captureTime.nanoseconds }
        proto.publishNs = envelope.publishTime.nanoseconds
        proto.sourceNode = envelope.sourceNode
        proto.instanceID = envelope.instanceID
        proto.runID = envelope.runID
        proto.traceID = envelope.traceID
        proto.hostID = envelope.hostID
        do {
            return try proto.serializedBytes()
        } catch {
            throw .malformed(schema: "octo.Envelope", byteCount: 0)
        }
    }
}
