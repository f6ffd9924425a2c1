import ProtobufFields

/// Writes single protobuf fields: what the generated code does, without its dynamic calls for each of them.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append(_ text: String, field number: UInt8) {
        if text.isEmpty { return }  // proto3 leaves default values out
        var text = text
        text.withUTF8 { utf8 in
            bytes.append(number << 3 | 2)
            bytes.appendVarint(UInt64(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    mutating func append(varint value: UInt64, field number: UInt8) {
        if value == 0 { return }
        bytes.append(number << 3)
        bytes.appendVarint(value)
    }

    /// Appends a number of eight bytes; a zero is left out.
    /// - Parameter evenIfZero: writes a zero too, for fields whose absence has a meaning of its own.
    mutating func append(fixed value: UInt64, field number: UInt8, evenIfZero: Bool = false) {
        if value == 0 && !evenIfZero { return }
        bytes.append(number << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    /// A field's first part, for numbers of any size.
    mutating func append(tagOf number: UInt64, byteCount: Int) {
        bytes.appendVarint(number << 3 | 2)
        bytes.appendVarint(UInt64(byteCount))
    }

    mutating func append(raw piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }

    mutating func append(rawBytes piece: [UInt8]) { bytes += piece }
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

extension ProtobufReader {
    /// The next field; nil at the end of the message, and `malformed` for whatever is wrong with it.
    mutating func next(orThrow malformed: WireError) throws(WireError) -> Field? {
        do throws(ProtobufDamage) {
            return try next()
        } catch {
            throw malformed
        }
    }
}
