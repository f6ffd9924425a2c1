/// Why bytes are no protobuf message. Offsets count from the beginning of the outermost message.
package enum ProtobufDamage: Error, Equatable, Sendable {
    /// A number, a length or a value reaches past the end of the message around it.
    case truncated(offset: Int)
    case numberTooLong(offset: Int)
    case fieldNumber(offset: Int)
    case wireType(offset: Int, found: UInt8)

    package var offset: Int {
        switch self {
        case .truncated(let offset), .numberTooLong(let offset), .fieldNumber(let offset), .wireType(let offset, _):
            offset
        }
    }

    /// What stands there.
    package var found: String {
        switch self {
        case .truncated: "a value that reaches past its message"
        case .numberTooLong: "a number of more than 64 bits"
        case .fieldNumber: "a field with an impossible number"
        case .wireType(_, let found): "wire type \(found)"
        }
    }

    package var expected: String {
        switch self {
        case .truncated: "one within it"
        case .numberTooLong: "at most 64 bits"
        case .fieldNumber: "1 to 536870911"
        case .wireType: "0, 1, 2 or 5, as the field has it"
        }
    }
}

/// Reads the fields of one protobuf message, one after the other. Every read is checked against the message's end, so
/// that the bytes may be anything.
///
/// Source: "Encoding", protobuf.dev; groups, which proto3 no longer has, are refused.
package struct ProtobufReader {
    package enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        /// The content of a text, of bytes or of a message within this one; it lives as long as the reader's bytes.
        case bytes(UnsafeRawBufferPointer)
        case fixed32(UInt32)
    }

    package struct Field {
        package let number: UInt64
        package let value: Value
        /// Offsets of the field's tag and of what follows the field.
        package let range: Range<Int>

        @inlinable
        init(number: UInt64, value: Value, range: Range<Int>) {
            self.number = number
            self.value = value
            self.range = range
        }
    }

    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// Offset of `bytes` within the outermost message.
    @usableFromInline let origin: Int
    @usableFromInline var position = 0

    /// Makes a reader of the fields of one message.
    /// - Parameters:
    ///   - bytes: the whole message; read as long as the reader and its fields are used.
    ///   - origin: offset of the message within the outermost one, for `offset` and errors.
    @inlinable
    package init(_ bytes: UnsafeRawBufferPointer, at origin: Int = 0) {
        self.bytes = bytes
        self.origin = origin
    }

    /// Offset of the next field.
    @inlinable
    package var offset: Int { origin + position }

    @inlinable
    package var isAtEnd: Bool { position == bytes.count }

    /// The next field; nil at the end of the message.
    @inlinable
    package mutating func next() throws(ProtobufDamage) -> Field? {
        if isAtEnd { return nil }
        let start = offset
        let tag = try varint()
        guard tag >> 3 > 0, tag <= UInt64(UInt32.max) else { throw .fieldNumber(offset: start) }
        let value: Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(UInt64(littleEndian: try take(8).loadUnaligned(as: UInt64.self)))
        case 2:
            let lengthOffset = offset
            guard let length = Int(exactly: try varint()) else { throw .truncated(offset: lengthOffset) }
            value = .bytes(try take(length))
        case 5: value = .fixed32(UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self)))
        default: throw .wireType(offset: start, found: UInt8(tag & 7))
        }
        return Field(number: tag >> 3, value: value, range: start..<offset)
    }

    /// Reads a field's content as a message, a list of packed numbers or a text.
    @inlinable
    package func content(of field: Field) throws(ProtobufDamage) -> ProtobufReader {
        let wireType: UInt8
        switch field.value {
        case .bytes(let piece): return ProtobufReader(piece, at: field.range.upperBound - piece.count)
        case .varint: wireType = 0
        case .fixed64: wireType = 1
        case .fixed32: wireType = 5
        }
        throw .wireType(offset: field.range.lowerBound, found: wireType)
    }

    /// What has not been read yet.
    @inlinable
    package var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[position...]) }

    /// A number without a tag, as packed lists have them.
    @inlinable
    package mutating func varint() throws(ProtobufDamage) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.count else { throw .truncated(offset: start) }
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 { throw .numberTooLong(offset: start) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .numberTooLong(offset: start)
    }

    @inlinable
    mutating func take(_ count: Int) throws(ProtobufDamage) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw .truncated(offset: offset) }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }
}
