import Files

/// Why bytes are not a `tf.train.Example`. `offset`: within the record.
package enum TrainingExampleError: Error, Equatable, Sendable {
    /// A number, a length or a value reaches past the end of the message around it.
    case truncated(offset: Int)
    case numberTooLong(offset: Int)
    case fieldNumber(offset: Int)
    case wireType(offset: Int, found: UInt8)
    /// Packed floats whose length is no multiple of four.
    case unevenFloats(offset: Int, length: Int)
    case nameNotUTF8(offset: Int)
}

extension TrainingExampleError: CustomStringConvertible {
    package var description: String {
        let (offset, found, expected) =
            switch self {
            case .truncated(let offset): (offset, "a value that reaches past its message", "one within it")
            case .numberTooLong(let offset): (offset, "a number of more than 64 bits", "at most 64 bits")
            case .fieldNumber(let offset): (offset, "a field with an impossible number", "1 to 536870911")
            case .wireType(let offset, let found): (offset, "wire type \(found)", "0, 1, 2 or 5, as the field has it")
            case .unevenFloats(let offset, let length): (offset, "\(length) bytes of packed floats", "a multiple of 4")
            case .nameNotUTF8(let offset): (offset, "a feature's name that is not UTF-8", "UTF-8")
            }
        return
            "decoding a tf.train.Example, byte \(offset): found \(found), expected \(expected). The record is whole "
            + "but "
            + "holds something else: check that the file is an RLDS shard, or export it again."
    }
}

extension TrainingExample {
    /// Reads the protobuf bytes; fields that are not known are passed over, lists may be packed or not.
    ///
    /// As protobuf has it, a name that comes twice has the last feature, a feature with two kinds of list the last
    /// kind, and lists of one kind are joined.
    /// - Throws: `TrainingExampleError`, never traps: the bytes may be anything. Memory stays within a small multiple
    ///   of the input, nesting is as deep as the format and no deeper.
    package init(decoding bytes: some Collection<UInt8>) throws(TrainingExampleError) {
        self.init()
        let bytes = Array(bytes)
        var example = ProtobufCursor(bytes: bytes, range: bytes.indices)
        while let field = try example.next() {
            guard field.number == 1 else { continue }
            var map = try example.message(in: field)
            while let field = try map.next() {
                guard field.number == 1 else { continue }
                let (name, feature) = try Self.entry(try map.message(in: field))
                self[name] = feature
            }
        }
    }

    private static func entry(_ message: ProtobufCursor) throws(TrainingExampleError) -> (String, Feature) {
        var message = message
        var name = ""
        var feature = Feature.unset
        while let field = try message.next() {
            switch field.number {
            case 1:
                let bytes = try message.message(in: field)
                guard let text = String(validating: bytes.content, as: UTF8.self) else {
                    throw .nameNotUTF8(offset: bytes.position)
                }
                name = text
            case 2: try read(try message.message(in: field), into: &feature)
            default: break
            }
        }
        return (name, feature)
    }

    private static func read(_ message: ProtobufCursor, into feature: inout Feature) throws(TrainingExampleError) {
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1:
                var list: [[UInt8]] = []
                // Taken out before it grows: a second owner would copy it.
                if case .bytes(let before) = feature { list = before }
                feature = .unset
                try read(try message.message(in: field), into: &list)
                feature = .bytes(list)
            case 2:
                var list: [Float] = []
                if case .floats(let before) = feature { list = before }
                feature = .unset
                try read(try message.message(in: field), into: &list)
                feature = .floats(list)
            case 3:
                var list: [Int64] = []
                if case .integers(let before) = feature { list = before }
                feature = .unset
                try read(try message.message(in: field), into: &list)
                feature = .integers(list)
            default: break
            }
        }
    }

    private static func read(_ message: ProtobufCursor, into list: inout [[UInt8]]) throws(TrainingExampleError) {
        var message = message
        while let field = try message.next() {
            guard field.number == 1 else { continue }
            list.append(Array(try message.message(in: field).content))
        }
    }

    private static func read(_ message: ProtobufCursor, into list: inout [Float]) throws(TrainingExampleError) {
        var message = message
        while let field = try message.next() {
            guard field.number == 1 else { continue }
            if case .fixed32(let bits) = field.content {
                list.append(Float(bitPattern: bits))
                continue
            }
            let packed = try message.message(in: field)
            guard packed.content.count % 4 == 0 else {
                throw .unevenFloats(offset: packed.position, length: packed.content.count)
            }
            list.reserveCapacity(list.count + packed.content.count / 4)
            for start in stride(from: packed.position, to: packed.end, by: 4) {
                list.append(Float(bitPattern: packed.bytes.littleEndianUInt32(at: start)))
            }
        }
    }

    private static func read(_ message: ProtobufCursor, into list: inout [Int64]) throws(TrainingExampleError) {
        var message = message
        while let field = try message.next() {
            guard field.number == 1 else { continue }
            if case .varint(let value) = field.content {
                list.append(Int64(bitPattern: value))
                continue
            }
            var packed = try message.message(in: field)
            while packed.position < packed.end { list.append(Int64(bitPattern: try packed.varint())) }
        }
    }
}

/// Walks over the fields of one protobuf message within `bytes`.
private struct ProtobufCursor {
    struct Field {
        enum Content {
            case varint(UInt64)
            case fixed64
            case fixed32(UInt32)
            case delimited(Range<Int>)
        }
        let number: UInt64
        let wireType: UInt8
        let offset: Int
        let content: Content
    }

    let bytes: [UInt8]
    private(set) var position: Int
    let end: Int

    init(bytes: [UInt8], range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// What has not been read yet.
    var content: ArraySlice<UInt8> { bytes[position..<end] }

    /// The next field; nil at the end of the message.
    mutating func next() throws(TrainingExampleError) -> Field? {
        guard position < end else { return nil }
        let offset = position
        let tag = try varint()
        let number = tag >> 3
        guard number >= 1 && number < 1 << 29 else { throw .fieldNumber(offset: offset) }
        let wireType = UInt8(tag & 7)
        let content: Field.Content
        switch wireType {
        case 0: content = .varint(try varint())
        case 1:
            _ = try take(8)
            content = .fixed64
        case 2:
            let lengthOffset = position
            guard let length = Int(exactly: try varint()) else { throw .truncated(offset: lengthOffset) }
            content = .delimited(try take(length))
        case 5: content = .fixed32(bytes.littleEndianUInt32(at: try take(4).lowerBound))
        default: throw .wireType(offset: offset, found: wireType)
        }
        return Field(number: number, wireType: wireType, offset: offset, content: content)
    }

    func message(in field: Field) throws(TrainingExampleError) -> ProtobufCursor {
        guard case .delimited(let range) = field.content else {
            throw .wireType(offset: field.offset, found: field.wireType)
        }
        return ProtobufCursor(bytes: bytes, range: range)
    }

    mutating func varint() throws(TrainingExampleError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < end else { throw .truncated(offset: start) }
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 { throw .numberTooLong(offset: start) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .numberTooLong(offset: start)
    }

    private mutating func take(_ count: Int) throws(TrainingExampleError) -> Range<Int> {
        guard count <= end - position else { throw .truncated(offset: position) }
        defer { position += count }
        return position..<position + count
    }
}
