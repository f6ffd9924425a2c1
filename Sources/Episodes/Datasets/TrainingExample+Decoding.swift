import ProtobufFields

/// Why bytes are not a `tf.train.Example`. `offset`: within the record.
package enum TrainingExampleError: Error, Equatable, Sendable {
    case damaged(ProtobufDamage)
    /// The length of packed floats is no multiple of four.
    case unevenFloats(offset: Int, length: Int)
    case nameNotUTF8(offset: Int)
}

extension TrainingExampleError: CustomStringConvertible {
    package var description: String {
        let (offset, found, expected) =
            switch self {
            case .damaged(let damage): (damage.offset, damage.found, damage.expected)
            case .unevenFloats(let offset, let length): (offset, "\(length) bytes of packed floats", "a multiple of 4")
            case .nameNotUTF8(let offset): (offset, "a feature's name that is not UTF-8", "UTF-8")
            }
        return "decoding a tf.train.Example, byte \(offset): found \(found), expected \(expected). The record is whole "
            + "but holds something else: check that the file is an RLDS shard, or export it again."
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
        // The pointers into the array do not leave the call.
        self = try Array(bytes).withUnsafeBufferPointer { bytes throws(TrainingExampleError) in
            var example = TrainingExample()
            var reader = ProtobufReader(UnsafeRawBufferPointer(bytes))
            while let field = try reader.nextField() {
                guard field.number == 1 else { continue }
                var map = try reader.message(in: field)
                while let field = try map.nextField() {
                    guard field.number == 1 else { continue }
                    let (name, feature) = try Self.entry(try map.message(in: field))
                    example[name] = feature
                }
            }
            return example
        }
    }

    private static func entry(_ message: ProtobufReader) throws(TrainingExampleError) -> (String, Feature) {
        var message = message
        var name = ""
        var feature = Feature.unset
        while let field = try message.nextField() {
            switch field.number {
            case 1:
                let bytes = try message.message(in: field)
                guard let text = String(validating: bytes.rest, as: UTF8.self) else {
                    throw .nameNotUTF8(offset: bytes.offset)
                }
                name = text
            case 2: try read(try message.message(in: field), into: &feature)
            default: break
            }
        }
        return (name, feature)
    }

    private static func read(_ message: ProtobufReader, into feature: inout Feature) throws(TrainingExampleError) {
        var message = message
        while let field = try message.nextField() {
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

    private static func read(_ message: ProtobufReader, into list: inout [[UInt8]]) throws(TrainingExampleError) {
        var message = message
        while let field = try message.nextField() {
            guard field.number == 1 else { continue }
            list.append(Array(try message.message(in: field).rest))
        }
    }

    private static func read(_ message: ProtobufReader, into list: inout [Float]) throws(TrainingExampleError) {
        var message = message
        while let field = try message.nextField() {
            guard field.number == 1 else { continue }
            if case .fixed32(let bits) = field.value {
                list.append(Float(bitPattern: bits))
                continue
            }
            let packed = try message.message(in: field)
            let bytes = packed.rest
            guard bytes.count % 4 == 0 else { throw .unevenFloats(offset: packed.offset, length: bytes.count) }
            list.reserveCapacity(list.count + bytes.count / 4)
            for start in stride(from: 0, to: bytes.count, by: 4) {
                let bits = bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)
                list.append(Float(bitPattern: UInt32(littleEndian: bits)))
            }
        }
    }

    private static func read(_ message: ProtobufReader, into list: inout [Int64]) throws(TrainingExampleError) {
        var message = message
        while let field = try message.nextField() {
            guard field.number == 1 else { continue }
            if case .varint(let value) = field.value {
                list.append(Int64(bitPattern: value))
                continue
            }
            var packed = try message.message(in: field)
            while let number = try packed.nextNumber() { list.append(Int64(bitPattern: number)) }
        }
    }
}

extension ProtobufReader {
    fileprivate mutating func nextField() throws(TrainingExampleError) -> Field? {
        do throws(ProtobufDamage) { return try next() } catch { throw .damaged(error) }
    }

    /// The next number of a packed list; nil at its end.
    fileprivate mutating func nextNumber() throws(TrainingExampleError) -> UInt64? {
        do throws(ProtobufDamage) { return isAtEnd ? nil : try varint() } catch { throw .damaged(error) }
    }

    fileprivate func message(in field: Field) throws(TrainingExampleError) -> ProtobufReader {
        do throws(ProtobufDamage) { return try content(of: field) } catch { throw .damaged(error) }
    }
}
