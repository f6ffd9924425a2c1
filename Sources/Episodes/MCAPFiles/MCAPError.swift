import Glibc

/// What is wrong with the content of one record.
package enum MCAPFieldProblem: Error, Equatable, Sendable {
    /// The record ends inside the field. `found`: the bytes that are left for it.
    case short(field: String, needed: UInt64, found: Int)
    case notText(field: String)
    /// An array or a map whose bytes do not end with an element.
    case uneven(field: String, byteCount: Int)
    case zeroID
    /// An attachment's checksum is not that of its bytes.
    case checksum(stored: UInt32, computed: UInt32)
}

/// Why bytes are not a whole MCAP file. `offset`: of the record's first byte, counted from the start of the file; for a
/// record within a chunk, of the chunk.
package enum MCAPError: Error, Equatable, Sendable {
    case magic(offset: UInt64)
    /// The bytes end inside a record, or before the last magic bytes.
    case cut(offset: UInt64, needed: UInt64, found: UInt64)
    case content(MCAP.Opcode, offset: UInt64, MCAPFieldProblem)
    case zeroOpcode(offset: UInt64)
    /// A kind that is not known, and nothing that can be read behind it.
    case unknownRecord(opcode: UInt8, offset: UInt64)
    case tooLong(opcode: UInt8, offset: UInt64, length: UInt64, limit: UInt64)
    /// A kind of record that may not stand there.
    case misplaced(MCAP.Opcode, offset: UInt64)
    case checksum(MCAP.Opcode, offset: UInt64, stored: UInt32, computed: UInt32)
    case unknownCompression(String, offset: UInt64)
    /// A chunk cannot be decompressed; `found` bytes came out before it failed.
    case decompression(String, offset: UInt64, found: Int, expected: UInt64)
    case bytesAfterEnd(offset: UInt64)
    case undefined(MCAP.Opcode, id: UInt16, offset: UInt64)
    case conflicting(MCAP.Opcode, id: UInt16, offset: UInt64)
    /// What was read cannot be written to another file.
    case rewriting(MCAPWriteError, offset: UInt64)
    /// The file has no summary that says where messages are.
    case noSummary
    /// A system call failed with `errno`; `step` says what was being done with the path.
    case file(path: String, step: String, errno: Int32)
}

/// Why something cannot be written to an MCAP file.
package enum MCAPWriteError: Error, Equatable, Sendable {
    case finished
    case undefined(MCAP.Opcode, id: UInt16)
    case conflicting(MCAP.Opcode, id: UInt16)
    case zeroSchemaID
    case compression(String, byteCount: Int)
}

extension MCAPFieldProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .short(let field, let needed, let found): "\(field) has \(found) bytes left, expected \(needed)"
        case .notText(let field): "\(field) is not UTF-8, expected text"
        case .uneven(let field, let byteCount): "\(field) has \(byteCount) bytes, expected whole elements"
        case .zeroID: "its id is 0, expected 1 to 65535"
        case .checksum(let stored, let computed):
            "the checksum is \(MCAPError.hex(stored)), expected \(MCAPError.hex(computed))"
        }
    }
}

extension MCAPError: CustomStringConvertible {
    fileprivate static func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
    private static let mend = "Run octo-replay recover, which saves what can be read, or copy the file again."

    package var description: String {
        switch self {
        case .magic(let offset):
            "reading byte \(offset) of an MCAP file: found other bytes, expected 89 4D 43 41 50 30 0D 0A. "
                + (offset == 0 ? "It is no MCAP file, or of another version: choose another." : Self.mend)
        case .cut(let offset, let needed, let found):
            "reading the record at byte \(offset): the file ends after \(found) bytes of it, expected \(needed). It "
                + "was not finished, or cut short. " + Self.mend
        case .content(let opcode, let offset, let problem):
            "reading the record at byte \(offset): in the \(opcode), \(problem). " + Self.mend
        case .zeroOpcode(let offset):
            "reading the record at byte \(offset): its kind is 0, expected 1 to 255. " + Self.mend
        case .unknownRecord(let opcode, let offset):
            "reading the record at byte \(offset): its kind is \(opcode), expected a known one. " + Self.mend
        case .tooLong(let opcode, let offset, let length, let limit):
            "reading the record at byte \(offset): one of kind \(opcode) says it has \(length) bytes, expected at "
                + "most \(limit). "
                + Self.mend
        case .misplaced(let opcode, let offset):
            "reading the record at byte \(offset): found the \(opcode), expected a record that may stand there. "
                + Self.mend
        case .checksum(let opcode, let offset, let stored, let computed):
            "checking the \(opcode) at byte \(offset): its checksum is \(Self.hex(stored)), expected "
                + "\(Self.hex(computed)). "
                + Self.mend
        case .unknownCompression(let name, let offset):
            "opening the chunk at byte \(offset): it is compressed by '\(name)', expected zstd, lz4 or none. Write "
                + "the file again with one of these."
        case .decompression(let name, let offset, let found, let expected):
            "opening the chunk at byte \(offset): \(name) gave \(found) bytes, expected \(expected). " + Self.mend
        case .bytesAfterEnd(let offset):
            "reading byte \(offset): found more bytes, expected the end of the file. " + Self.mend
        case .undefined(let opcode, let id, let offset):
            "reading the record at byte \(offset): it is of \(opcode) \(id), which does not stand before it, expected "
                + "a known one. " + Self.mend
        case .conflicting(let opcode, let id, let offset):
            "reading the record at byte \(offset): \(opcode) \(id) differs from the one before, expected the same. "
                + "Two files are mixed: record or write it again."
        case .rewriting(let error, let offset):
            "copying the record at byte \(offset): \(error)"
        case .noSummary:
            "looking up messages: the file has no summary that tells where they are, expected one. Read it from its "
                + "start, or run octo-replay recover."
        case .file(let path, let step, EISDIR):
            "\(step) \(path): found a folder, expected an episode's file. Name one of the .mcap files in it, or 'last'."
        case .file(let path, let step, let errno):
            "\(step) \(path): \(strerror(errno).map { String(cString: $0) } ?? "error \(errno)"). Check that the "
                + "folder is there, may be read and written by this user (ls -ld) and has space left (df)."
        }
    }
}

extension MCAPWriteError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .finished:
            "writing to an MCAP file: it is finished, expected one that is open. Begin a new one."
        case .undefined(let opcode, let id):
            "writing to an MCAP file: \(opcode) \(id) is not known, expected one that was written before. Write the "
                + "\(opcode) first."
        case .conflicting(let opcode, let id):
            "writing to an MCAP file: another \(opcode) has the id \(id), expected the same content. Take an unused id."
        case .zeroSchemaID:
            "writing a schema to an MCAP file: its id is 0, expected 1 to 65535. 0 means none: take another."
        case .compression(let name, let byteCount):
            "compressing a chunk of \(byteCount) bytes: \(name) failed. Memory is short, or its level is "
                + "unknown: choose another compression."
        }
    }
}
