import ProtobufFields

/// What sentencepiece itself does not ask of a model file: that it is whole, and that the table it normalises text with
/// leads nowhere outside itself. A damaged table would make it read memory that is not its own.
///
/// Source: the message `ModelProto` of sentencepiece 0.1.97 in protobuf's wire format, and the double array of
/// darts-clone 0.32 within `NormalizerSpec.precompiled_charsmap`.
enum SentencePieceFile {
    /// Fields of `ModelProto`.
    private enum Field {
        static let pieces: UInt64 = 1
        static let trainer: UInt64 = 2
        static let normalizer: UInt64 = 3
    }
    private static let charsmapField: UInt64 = 2

    static func check(_ bytes: [UInt8]) throws(SentencePieceDamage) {
        var counts: [UInt64: Int] = [:]
        // The pointers into the array do not leave the call.
        try bytes.withUnsafeBufferPointer { bytes throws(SentencePieceDamage) in
            var reader = ProtobufReader(UnsafeRawBufferPointer(bytes))
            while let field = try reader.nextField() {
                counts[field.number, default: 0] += 1
                guard field.number == Field.normalizer, case .bytes(let spec) = field.value else { continue }
                var inner = ProtobufReader(spec)
                while let part = try inner.nextField() {
                    if part.number == charsmapField, case .bytes(let charsmap) = part.value {
                        try check(charsmap: charsmap)
                    }
                }
            }
        }
        // A file that was cut between two fields is still valid protobuf.
        guard counts[Field.pieces] != nil else { throw .init("it has no pieces") }
        guard counts[Field.trainer] == 1 else { throw .init("its training description is missing") }
        guard counts[Field.normalizer] == 1 else { throw .init("its normalisation rules are missing") }
    }

    /// `[size of the trie: 4 bytes][trie: units of 4 bytes][replacements, each closed by a zero]`, little-endian.
    private static func check(charsmap: UnsafeRawBufferPointer) throws(SentencePieceDamage) {
        guard !charsmap.isEmpty else { return }
        let damage = SentencePieceDamage("its normalisation table is damaged")
        guard charsmap.count > 4 else { throw damage }
        let size = Int(word(charsmap, at: 0))
        let units = UnsafeRawBufferPointer(rebasing: charsmap.dropFirst(4).prefix(size))
        let replacements = charsmap.dropFirst(4 + size)
        guard size > 0, units.count == size, size.isMultiple(of: 4), replacements.last == 0 else { throw damage }
        let count = size / 4
        for index in 0..<count {
            let unit = word(units, at: index * 4)
            // A unit with the highest bit set is a value, to which no letter leads.
            if unit & 1 << 31 != 0 { continue }
            let offset = Int((unit >> 10) << ((unit & 1 << 9) >> 6))
            let children = index ^ offset
            guard children | 0xff < count else { throw damage }
            let hasValue = unit & 1 << 8 != 0
            if hasValue {
                let value = word(units, at: children * 4) & ~(1 << 31)
                guard value < replacements.count else { throw damage }
            }
        }
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
    }
}

/// What is wrong with a model file.
struct SentencePieceDamage: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension ProtobufReader {
    fileprivate mutating func nextField() throws(SentencePieceDamage) -> Field? {
        do throws(ProtobufDamage) {
            return try next()
        } catch {
            throw SentencePieceDamage("at byte \(error.offset) it has \(error.found), expected \(error.expected)")
        }
    }
}
