/// What sentencepiece itself does not ask of a model file: that it is whole, and that the table it normalises text with
/// leads nowhere outside itself. A damaged table would make it read memory that is not its own.
///
/// Source: the message `ModelProto` of sentencepiece 0.1.97 in protobuf's wire format, and the double array of
/// darts-clone 0.32 within `NormalizerSpec.precompiled_charsmap`.
enum SentencePieceFile {
    /// Fields of `ModelProto`.
    private enum Field {
        static let pieces = 1
        static let trainer = 2
        static let normalizer = 3
    }
    private static let charsmapField = 2

    static func check(_ bytes: [UInt8]) throws(SentencePieceDamage) {
        var counts = [0, 0, 0, 0]
        var reader = ProtobufReader(bytes[...])
        while let field = try reader.next() {
            if counts.indices.contains(field.number) { counts[field.number] += 1 }
            guard field.number == Field.normalizer, let spec = field.bytes else { continue }
            var inner = ProtobufReader(spec)
            while let part = try inner.next() {
                if part.number == charsmapField, let charsmap = part.bytes { try check(charsmap: charsmap) }
            }
        }
        // A file that was cut between two fields is still valid protobuf.
        guard counts[Field.pieces] > 0 else { throw .init("it has no pieces") }
        guard counts[Field.trainer] == 1 else { throw .init("its training description is missing") }
        guard counts[Field.normalizer] == 1 else { throw .init("its normalisation rules are missing") }
    }

    /// `[size of the trie: 4 bytes][trie: units of 4 bytes][replacements, each closed by a zero]`, little-endian.
    private static func check(charsmap: ArraySlice<UInt8>) throws(SentencePieceDamage) {
        guard !charsmap.isEmpty else { return }
        let damage = SentencePieceDamage("its normalisation table is damaged")
        guard charsmap.count > 4 else { throw damage }
        let size = Int(word(charsmap, at: charsmap.startIndex))
        let units = charsmap.dropFirst(4).prefix(size)
        let replacements = charsmap.dropFirst(4 + size)
        guard size > 0, units.count == size, size.isMultiple(of: 4), replacements.last == 0 else { throw damage }
        let count = size / 4
        for index in 0..<count {
            let unit = word(units, at: units.startIndex + index * 4)
            // A unit with the highest bit set is a value, to which no letter leads.
            if unit & 1 << 31 != 0 { continue }
            let offset = Int((unit >> 10) << ((unit & 1 << 9) >> 6))
            let children = index ^ offset
            guard children | 0xff < count else { throw damage }
            let hasValue = unit & 1 << 8 != 0
            if hasValue {
                let value = word(units, at: units.startIndex + children * 4) & ~(1 << 31)
                guard value < replacements.count else { throw damage }
            }
        }
    }

    private static func word(_ bytes: ArraySlice<UInt8>, at index: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << (8 * $1) }
    }
}

/// What is wrong with a model file.
struct SentencePieceDamage: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Goes from field to field of one protobuf message.
private struct ProtobufReader {
    struct Field {
        var number: Int
        /// The field's bytes; nil for numbers.
        var bytes: ArraySlice<UInt8>?
    }

    private var rest: ArraySlice<UInt8>
    private static let cut = SentencePieceDamage("it ends in the middle of a field")

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() throws(SentencePieceDamage) -> Field? {
        guard !rest.isEmpty else { return nil }
        let tag = try number()
        let field = Int(clamping: tag >> 3)
        switch tag & 7 {
        case 0:
            _ = try number()
            return Field(number: field)
        case 1:
            _ = try take(8)
            return Field(number: field)
        case 2: return Field(number: field, bytes: try take(Int(clamping: try number())))
        case 5:
            _ = try take(4)
            return Field(number: field)
        case let kind: throw SentencePieceDamage("it has a field of the unknown kind \(kind)")
        }
    }

    private mutating func take(_ count: Int) throws(SentencePieceDamage) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Self.cut }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func number() throws(SentencePieceDamage) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Self.cut }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw SentencePieceDamage("it has a number of more than 64 bits")
    }
}
