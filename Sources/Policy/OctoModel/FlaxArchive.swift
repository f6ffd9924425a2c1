import Foundation

/// The arrays of a file in flax's msgpack form, found but not copied (`flax/serialization.py`, version 0.7.5).
///
/// Nested maps become names joined with `/`. Arrays of more than 2^30 bytes are stored in chunks; that stays hidden
/// here.
package struct FlaxArchive: Sendable {
    /// NumPy's names of the types that parameters are stored in.
    package enum ElementType: String, Sendable, CaseIterable {
        case float32, float16, bfloat16, float64, int32, int64, uint8, bool

        var size: Int {
            switch self {
            case .float64, .int64: 8
            case .float32, .int32: 4
            case .float16, .bfloat16: 2
            case .uint8, .bool: 1
            }
        }

        /// Whether parameters may be of it.
        var isFloatingPoint: Bool { [.float32, .float16, .bfloat16].contains(self) }
    }

    /// One array: its shape, its type, and where its bytes lie.
    package struct Entry: Sendable {
        package var shape: [Int]
        package var elementType: ElementType
        /// Ranges of its bytes in the file; their lengths add up to the shape's.
        var ranges: [Range<Int>]
        var count: Int { shape.reduce(1, *) }
    }

    /// The file's name for errors.
    package let file: String
    package let entries: [String: Entry]
    /// Whether strings stand in place of arrays, as older orbax writes them for those that it keeps in zarr folders.
    package let refersToOtherFiles: Bool
    /// Bytes of an archive that is in memory.
    private let bytes: Data
    /// The mapped file of an archive that is not in memory.
    let mapping: MappedFile?

    /// Reads an archive that is in memory.
    /// - Parameter bytes: content of the whole file.
    /// - Throws: `.corruptFile` with the offset.
    package init(_ bytes: Data, file: String) throws(CheckpointError) {
        try self.init(bytes, mapping: nil, file: file)
    }

    /// Maps the file.
    /// - Throws: `.unreadableFile`, `.corruptFile`.
    package init(path: String) throws(CheckpointError) {
        try self.init(Data(), mapping: try MappedFile(path: path), file: path)
    }

    private init(_ bytes: Data, mapping: MappedFile?, file: String) throws(CheckpointError) {
        self.file = file
        self.bytes = bytes
        self.mapping = mapping
        // Data's accessor does not carry typed errors through.
        func scan(_ raw: UnsafeRawBufferPointer) -> Swift.Result<Contents, MessagePackError> {
            Swift.Result { () throws(MessagePackError) in try Contents(scanning: raw) }
        }
        switch mapping.map({ scan($0.bytes) }) ?? bytes.withUnsafeBytes(scan) {
        case .success(let contents):
            entries = contents.entries
            refersToOtherFiles = contents.refersToOtherFiles
        case .failure(let error):
            throw .corruptFile(path: file, offset: error.offset, problem: error.problem)
        }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        if let mapping {
            body(mapping.bytes)
        } else {
            bytes.withUnsafeBytes(body)
        }
    }
}

/// Which arrays there are, and where.
private struct Contents {
    typealias Entry = FlaxArchive.Entry
    var entries: [String: Entry] = [:]
    var refersToOtherFiles = false

    /// Bytes that names may still take.
    private var nameBytesLeft: Int

    init(scanning raw: UnsafeRawBufferPointer) throws(MessagePackError) {
        nameBytesLeft = raw.count
        // A value in memory takes up to 64 bytes: so all of them together take no more than the file.
        var parser = MessagePackParser(raw, maximumValues: min(1_000_000, max(4096, raw.count / 64)))
        let top = try parser.parseValue()
        guard case .map = top else { throw MessagePackError(offset: 0, problem: "should stand a map of names") }
        guard parser.atEnd else {
            throw MessagePackError(offset: parser.position, problem: "the file should end, more bytes follow")
        }
        try collect(top, name: "", from: raw)
    }

    private mutating func collect(
        _ value: MessagePackValue, name: String, from raw: UnsafeRawBufferPointer
    ) throws(MessagePackError) {
        switch value {
        case .map(let members):
            if members.contains(where: { $0.key == "__msgpack_chunked_array__" }) {
                try insert(name, try chunkedArray(members, name: name, from: raw), at: 0)
                return
            }
            for member in members {
                // A long key above many short ones must not be copied for each of them.
                nameBytesLeft -= name.utf8.count + member.key.utf8.count
                if nameBytesLeft < 0 {
                    throw MessagePackError(offset: 0, problem: "begin names that are longer than the file")
                }
                try collect(member.value, name: name.isEmpty ? member.key : "\(name)/\(member.key)", from: raw)
            }
        case .ext(let type, let payload) where type == 1 || type == 3:
            try insert(name, try array(payload, name: name, from: raw), at: payload.lowerBound)
        case .string(let text):
            if text.hasPrefix("PLACEHOLDER://") { refersToOtherFiles = true }
        case .null, .bool, .int, .double, .binary, .array, .ext:
            // Settings beside the arrays; nothing that is read from these files.
            return
        }
    }

    private mutating func insert(_ name: String, _ entry: Entry, at offset: Int) throws(MessagePackError) {
        if entries.updateValue(entry, forKey: name) != nil {
            throw MessagePackError(offset: offset, problem: "the name '\(name)' stands for the second time")
        }
    }

    /// Reads `[shape, element type, bytes]`.
    private func array(
        _ payload: Range<Int>, name: String, from raw: UnsafeRawBufferPointer
    ) throws(MessagePackError) -> Entry {
        var parser = MessagePackParser(raw, in: payload, maximumValues: 64)
        guard case .array(let parts) = try parser.parseValue(), parts.count == 3, parser.atEnd,
            case .array(let dimensions) = parts[0], case .string(let typeName) = parts[1],
            case .binary(let range) = parts[2]
        else {
            throw MessagePackError(
                offset: payload.lowerBound, problem: "'\(name)' is not an array of shape, type and bytes")
        }
        guard let type = FlaxArchive.ElementType(rawValue: typeName) else {
            throw MessagePackError(
                offset: payload.lowerBound, problem: "'\(name)' holds '\(typeName)', which no Octo checkpoint does")
        }
        var shape: [Int] = []
        for case .int(let dimension) in dimensions { shape.append(dimension) }
        guard shape.count == dimensions.count, Self.byteCount(shape, type) == range.count else {
            throw MessagePackError(
                offset: range.lowerBound, problem: "'\(name)' has \(range.count) bytes, its shape \(shape) needs others"
            )
        }
        return Entry(shape: shape, elementType: type, ranges: [range])
    }

    private func chunkedArray(
        _ members: [MessagePackValue.Member], name: String, from raw: UnsafeRawBufferPointer
    ) throws(MessagePackError) -> Entry {
        let broken = MessagePackError(offset: 0, problem: "the chunks of '\(name)' do not fit together")
        let shapeParts = try Self.numbered(members, "shape", else: broken)
        var shape: [Int] = []
        for case .int(let dimension) in shapeParts { shape.append(dimension) }
        var chunks: [Entry] = []
        for part in try Self.numbered(members, "chunks", else: broken) {
            guard case .ext(1, let payload) = part else { throw broken }
            chunks.append(try array(payload, name: name, from: raw))
        }
        let ranges = chunks.flatMap(\.ranges)
        guard let type = chunks.first?.elementType, chunks.allSatisfy({ $0.elementType == type }),
            shape.count == shapeParts.count, Self.byteCount(shape, type) == ranges.reduce(0, { $0 + $1.count })
        else { throw broken }
        return Entry(shape: shape, elementType: type, ranges: ranges)
    }

    /// The values of a map with the keys "0", "1", … in numeric order.
    private static func numbered(
        _ members: [MessagePackValue.Member], _ key: String, else broken: MessagePackError
    ) throws(MessagePackError) -> [MessagePackValue] {
        guard case .map(let parts)? = members.first(where: { $0.key == key })?.value else { throw broken }
        let byKey = Dictionary(parts.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        var values: [MessagePackValue] = []
        for index in parts.indices {
            guard let value = byKey[String(index)] else { throw broken }
            values.append(value)
        }
        return values
    }

    /// Number of bytes of an array; nil if a dimension is negative or the product leaves the range of Int.
    private static func byteCount(_ shape: [Int], _ type: FlaxArchive.ElementType) -> Int? {
        var count = type.size
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            if dimension < 0 || overflow { return nil }
            count = product
        }
        return count
    }
}
