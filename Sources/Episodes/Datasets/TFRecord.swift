import Files

/// The frame around each record of a TFRecord file: `length u64` · `masked CRC of those 8 bytes` · `data` ·
/// `masked CRC of data`, little-endian, one after the other without a file header. Source: the RLDS layout as TFDS 4.9
/// reads it.
package enum TFRecord {
    static let headerBytes = 12
    static let footerBytes = 4
    /// Number of bytes that the frame adds to a record.
    package static let frameBytes = headerBytes + footerBytes

    /// Puts a record into its frame.
    package static func encode(_ record: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(record.count + frameBytes)
        bytes.appendLittleEndian(UInt64(record.count))
        bytes.appendLittleEndian(CRC32C.masked(CRC32C.checksum(bytes)))
        bytes += record
        bytes.appendLittleEndian(CRC32C.masked(CRC32C.checksum(record)))
        return bytes
    }
}

/// Why bytes are not TFRecord frames. `offset`: of the record's first byte, counted from the start of the file.
package enum TFRecordError: Error, Equatable, Sendable {
    /// The bytes end inside a record. `expected` is what the record needs, `found` what there is of it.
    case truncated(offset: Int, found: Int, expected: Int)
    /// The checksum of the length is wrong; both in the stored, masked form.
    case lengthChecksum(offset: Int, stored: UInt32, computed: UInt32)
    case dataChecksum(offset: Int, stored: UInt32, computed: UInt32)
    case tooLong(offset: Int, length: UInt64, limit: Int)
}

extension TFRecordError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let offset, let found, let expected):
            "reading the record at byte \(offset): the file ends after \(found) bytes of it, expected \(expected). The "
                + "file was cut short: copy it again, or export it again."
        case .lengthChecksum(let offset, let stored, let computed):
            "reading the record at byte \(offset): the checksum of its length is \(Self.hex(stored)), expected "
                + "\(Self.hex(computed)). The file is damaged or no TFRecord: copy it again, or export it again."
        case .dataChecksum(let offset, let stored, let computed):
            "reading the record at byte \(offset): the checksum of its data is \(Self.hex(stored)), expected "
                + "\(Self.hex(computed)). The file is damaged: copy it again, or export it again."
        case .tooLong(let offset, let length, let limit):
            "reading the record at byte \(offset): it says it has \(length) bytes, expected at most \(limit). It is "
                + "hardly an episode: record shorter episodes."
        }
    }

    private static func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
}

/// Takes records out of bytes that arrive in pieces of any size; has never heard of a file.
package struct TFRecordReader {
    /// Longest record that is read, bytes; longer ones are refused, so that no file claims all memory: an hour of
    /// episodes has less.
    package static let lengthLimit = 1 << 30

    private let limit: Int
    private var pending: [UInt8] = []
    private var start = 0
    /// Offset of `pending[start]` in the file.
    package private(set) var offset = 0

    package init(limit: Int = TFRecordReader.lengthLimit) { self.limit = limit }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0 {
            pending.removeFirst(start)
            start = 0
        }
        pending += bytes
    }

    /// The next record; nil when more bytes are needed. After an error it throws the same again.
    package mutating func next() throws(TFRecordError) -> [UInt8]? {
        guard let length = try length(), pending.count - start - TFRecord.frameBytes >= length else { return nil }
        let first = start + TFRecord.headerBytes
        let data = pending[first..<first + length]
        let stored = pending.littleEndianUInt32(at: first + length)
        let computed = CRC32C.masked(CRC32C.checksum(data))
        guard stored == computed else { throw .dataChecksum(offset: offset, stored: stored, computed: computed) }
        start += length + TFRecord.frameBytes
        offset += length + TFRecord.frameBytes
        return Array(data)
    }

    /// Checks that no part of a record is left. To be called when no bytes follow and `next` has returned nil.
    /// - Throws: `truncated` if part of a record is left.
    package func finish() throws(TFRecordError) {
        let found = pending.count - start
        guard found > 0 else { return }
        let expected = TFRecord.frameBytes + (try length() ?? 0)
        if found < expected { throw .truncated(offset: offset, found: found, expected: expected) }
    }

    /// The length of the record at `start`, nil if its header is not there yet.
    private func length() throws(TFRecordError) -> Int? {
        guard pending.count - start >= TFRecord.headerBytes else { return nil }
        let stored = pending.littleEndianUInt32(at: start + 8)
        let computed = CRC32C.masked(CRC32C.checksum(pending[start..<start + 8]))
        guard stored == computed else { throw .lengthChecksum(offset: offset, stored: stored, computed: computed) }
        let low = UInt64(pending.littleEndianUInt32(at: start))
        let length = UInt64(pending.littleEndianUInt32(at: start + 4)) << 32 | low
        guard length <= UInt64(limit) else { throw .tooLong(offset: offset, length: length, limit: limit) }
        return Int(length)
    }
}
