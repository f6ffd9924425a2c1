import Files
import Images
import SwiftProtobuf

/// A value that can travel on the bus: a small protobuf body, and bulk bytes (pixels) beside it that are not copied.
package protocol WireMessage: Sendable {
    /// Full name of the protobuf schema, "octo.CameraFrame"; it travels in the envelope.
    static var schemaName: String { get }

    /// The message as bytes. Everything that `init(body:bulk:)` checks is checked here too, so that a wrong value is
    /// found where it arises and not in another process.
    func encoded() throws(WireError) -> EncodedMessage

    /// Reads and checks a message: sizes, counts, enumerations, stamps. Throws for any bytes that `encoded` would not
    /// have made; never traps.
    /// - Parameters:
    ///   - body: read during the call only.
    ///   - bulk: kept by the message where it has pixels, not copied; nil or empty when there are none.
    init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError)
}

/// A message as bytes.
package struct EncodedMessage: Sendable {
    package var body: [UInt8]
    /// Pixels of the message; nil when it has none. Never empty.
    package var bulk: SharedBytes?

    package init(body: [UInt8], bulk: SharedBytes? = nil) {
        self.body = body
        self.bulk = bulk
    }
}

extension WireMessage {
    static var check: FieldCheck { FieldCheck(schema: schemaName) }

    /// Serialises a message into the body that goes over the bus.
    /// - Parameter proto: the message, whose fields were checked already.
    static func encode(
        _ proto: some SwiftProtobuf.Message, bulk: SharedBytes? = nil
    ) throws(WireError) -> EncodedMessage {
        do {
            let body: [UInt8] = try proto.serializedBytes()
            try check.bodySize(body.count)
            return EncodedMessage(body: body, bulk: bulk)
        } catch let error as WireError {
            throw error
        } catch {
            throw .invalid(
                schema: schemaName, field: "the message", found: "\(error)", expected: "a value protobuf can hold")
        }
    }

    static func parse<Proto: SwiftProtobuf.Message>(
        _: Proto.Type, from body: UnsafeRawBufferPointer
    ) throws(WireError) -> Proto {
        try check.bodySize(body.count)
        do {
            return try Proto(serializedBytes: body.bytes)
        } catch {
            throw .malformed(schema: schemaName, byteCount: body.count)
        }
    }
}
