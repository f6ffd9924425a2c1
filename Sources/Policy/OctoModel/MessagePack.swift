/// One value of a msgpack text (specification: github.com/msgpack/msgpack, spec.md). Long payloads are not copied: they
/// are given as byte ranges of the input.
package enum MessagePackValue: Equatable, Sendable {
    /// One member of a map.
    package struct Member: Equatable, Sendable {
        package var key: String
        package var value: MessagePackValue

        package init(key: String, value: MessagePackValue) {
            self.key = key
            self.value = value
        }
    }

    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case binary(Range<Int>)
    case array([MessagePackValue])
    /// Members in the order of the input; keys are strings in all files of a checkpoint.
    case map([Member])
    case ext(type: Int8, payload: Range<Int>)
}

/// Why bytes are not msgpack, and where.
package struct MessagePackError: Error, Equatable {
    package var offset: Int
    package var problem: String
}

/// Reads msgpack from bytes that may be damaged or made to harm: no count is believed before the bytes for it are seen
/// to be there, nesting is bounded, and so is the number of values (a value in memory is many times larger than its one
/// byte in the input).
package struct MessagePackParser {
    /// The input, valid as long as the parser is used; payload ranges are offsets into it.
    private let bytes: UnsafeRawBufferPointer
    private let end: Int
    private(set) var position: Int
    private var valuesLeft: Int

    /// Makes a parser at the beginning of `range`.
    /// - Parameters:
    ///   - bytes: the whole input.
    ///   - range: the part to read, e.g. the payload of an extension; all of it by default.
    ///   - maximumValues: number of values above which the input is refused. A checkpoint of Octo-base has a few
    ///     thousand.
    package init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil, maximumValues: Int = 1_000_000) {
        let whole = 0..<bytes.count
        let range = (range ?? whole).clamped(to: whole)
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
        valuesLeft = maximumValues
    }

    package var atEnd: Bool { position == end }

    /// Reads one value with all that is in it.
    /// - Parameter depth: how many more levels may open.
    package mutating func parseValue(depth: Int = 32) throws(MessagePackError) -> MessagePackValue {
        valuesLeft -= 1
        if valuesLeft < 0 { throw error("there are more values than any checkpoint has") }
        let head = try integer(UInt8.self)
        switch head {
        case 0x00...0x7f: return .int(Int(head))
        case 0x80...0x8f: return try map(count: Int(head & 0x0f), depth: depth)
        case 0x90...0x9f: return try array(count: Int(head & 0x0f), depth: depth)
        case 0xa0...0xbf: return try string(count: Int(head & 0x1f))
        case 0xc0: return .null
        case 0xc2: return .bool(false)
        case 0xc3: return .bool(true)
        case 0xc4: return .binary(try take(Int(try integer(UInt8.self))))
        case 0xc5: return .binary(try take(Int(try integer(UInt16.self))))
        case 0xc6: return .binary(try take(Int(try integer(UInt32.self))))
        case 0xc7: return try ext(count: Int(try integer(UInt8.self)))
        case 0xc8: return try ext(count: Int(try integer(UInt16.self)))
        case 0xc9: return try ext(count: Int(try integer(UInt32.self)))
        case 0xca: return .double(Double(Float(bitPattern: try integer(UInt32.self))))
        case 0xcb: return .double(Double(bitPattern: try integer(UInt64.self)))
        case 0xcc: return .int(Int(try integer(UInt8.self)))
        case 0xcd: return .int(Int(try integer(UInt16.self)))
        case 0xce: return .int(Int(try integer(UInt32.self)))
        case 0xcf:
            let number = try integer(UInt64.self)
            guard let int = Int(exactly: number) else { throw error("the number \(number) is too large") }
            return .int(int)
        case 0xd0: return .int(Int(try integer(Int8.self)))
        case 0xd1: return .int(Int(try integer(Int16.self)))
        case 0xd2: return .int(Int(try integer(Int32.self)))
        case 0xd3: return .int(Int(try integer(Int64.self)))
        case 0xd4...0xd8: return try ext(count: 1 << Int(head - 0xd4))
        case 0xd9: return try string(count: Int(try integer(UInt8.self)))
        case 0xda: return try string(count: Int(try integer(UInt16.self)))
        case 0xdb: return try string(count: Int(try integer(UInt32.self)))
        case 0xdc: return try array(count: Int(try integer(UInt16.self)), depth: depth)
        case 0xdd: return try array(count: Int(try integer(UInt32.self)), depth: depth)
        case 0xde: return try map(count: Int(try integer(UInt16.self)), depth: depth)
        case 0xdf: return try map(count: Int(try integer(UInt32.self)), depth: depth)
        case 0xe0...0xff: return .int(Int(Int8(bitPattern: head)))
        default: throw error("stands the byte 0x\(String(head, radix: 16)), which begins no msgpack value")
        }
    }

    private func error(_ problem: String) -> MessagePackError { MessagePackError(offset: position, problem: problem) }

    /// Steps over `count` bytes.
    private mutating func take(_ count: Int) throws(MessagePackError) -> Range<Int> {
        guard count <= end - position else {
            throw error("\(count) bytes should follow, only \(end - position) are left")
        }
        defer { position += count }
        return position..<position + count
    }

    /// Reads an integer, big endian as msgpack writes all numbers.
    private mutating func integer<I: FixedWidthInteger>(_ type: I.Type) throws(MessagePackError) -> I {
        let range = try take(MemoryLayout<I>.size)
        return I(bigEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: I.self))
    }

    private mutating func string(count: Int) throws(MessagePackError) -> MessagePackValue {
        let range = try take(count)
        guard let string = String(validating: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self) else {
            throw MessagePackError(offset: range.lowerBound, problem: "stands a string that is not UTF-8")
        }
        return .string(string)
    }

    private mutating func ext(count: Int) throws(MessagePackError) -> MessagePackValue {
        let type = try integer(Int8.self)
        return .ext(type: type, payload: try take(count))
    }

    private mutating func array(count: Int, depth: Int) throws(MessagePackError) -> MessagePackValue {
        try checkRoom(count: count, bytesEach: 1, depth: depth)
        var elements: [MessagePackValue] = []
        for _ in 0..<count { elements.append(try parseValue(depth: depth - 1)) }
        return .array(elements)
    }

    private mutating func map(count: Int, depth: Int) throws(MessagePackError) -> MessagePackValue {
        try checkRoom(count: count, bytesEach: 2, depth: depth)
        var members: [MessagePackValue.Member] = []
        for _ in 0..<count {
            let keyOffset = position
            guard case .string(let key) = try parseValue(depth: depth - 1) else {
                throw MessagePackError(offset: keyOffset, problem: "stands a key that is not a string")
            }
            members.append(.init(key: key, value: try parseValue(depth: depth - 1)))
        }
        return .map(members)
    }

    private func checkRoom(count: Int, bytesEach: Int, depth: Int) throws(MessagePackError) {
        if depth <= 0 { throw error("the nesting is deeper than in any checkpoint") }
        guard count <= (end - position) / bytesEach else {
            throw error("\(count) elements should follow, only \(end - position) bytes are left")
        }
    }
}
