/// Writes single protobuf fields: what the generated code does, without its dynamic calls for each of them.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append(_ text: String, field number: UInt8) {
        if text.isEmpty { return }  // proto3 leaves default values out
        var text = text
        text.withUTF8 { utf8 in
            bytes.append(number << 3 | 2)
            append(varint: UInt64(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    mutating func append(varint value: UInt64, field number: UInt8) {
        if value == 0 { return }
        bytes.append(number << 3)
        append(varint: value)
    }

    /// - Parameter evenIfZero: for fields whose absence has a meaning of its own.
    mutating func append(fixed value: UInt64, field number: UInt8, evenIfZero: Bool = false) {
        if value == 0 && !evenIfZero { return }
        bytes.append(number << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    /// A field's first part, for numbers of any size.
    mutating func append(tagOf number: UInt64, byteCount: Int) {
        append(varint: number << 3 | 2)
        append(varint: UInt64(byteCount))
    }

    mutating func append(raw piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }

    mutating func append(rawBytes piece: [UInt8]) { bytes += piece }

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

extension String {
    /// The text whose UTF-8 these bytes are, or nil where they are none.
    ///
    /// `String(validating:as:)` goes through generic code byte by byte for a raw buffer, which showed in the profile of
    /// each message.
    package init?(wellFormed utf8: UnsafeRawBufferPointer) {
        self.init(decoding: utf8, as: UTF8.self)
        // Where decoding had to mend something, other bytes came out.
        guard self.utf8.count == utf8.count, self.utf8.elementsEqual(utf8) else { return nil }
    }
}

/// Reads protobuf fields one after the other. Every read is checked against the end; nil means malformed.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed(UInt64)
        case bytes(UnsafeRawBufferPointer)
        case fixed32(UInt32)
    }

    private let bytes: UnsafeRawBufferPointer
    /// Offset of the next field.
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func next() -> (field: UInt64, value: Value)? {
        guard let tag = varint(), tag >> 3 > 0, tag <= UInt64(UInt32.max) else { return nil }
        let value: Value
        switch tag & 7 {
        case 0:
            guard let number = varint() else { return nil }
            value = .varint(number)
        case 1:
            guard let piece = take(8) else { return nil }
            value = .fixed(UInt64(littleEndian: piece.loadUnaligned(as: UInt64.self)))
        case 2:
            guard let count = varint(), count <= UInt64(bytes.count), let piece = take(Int(count)) else { return nil }
            value = .bytes(piece)
        case 5:
            guard let piece = take(4) else { return nil }
            value = .fixed32(UInt32(littleEndian: piece.loadUnaligned(as: UInt32.self)))
        default:
            return nil  // groups, which proto3 no longer has
        }
        return (tag >> 3, value)
    }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count <= bytes.count - offset else { return nil }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < bytes.count else { return nil }
            let byte = bytes[offset]
            offset += 1
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
