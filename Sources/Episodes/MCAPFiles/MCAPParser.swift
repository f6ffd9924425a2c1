import Files

/// Takes records out of an MCAP file's bytes, which arrive in pieces of any size; has never heard of a file. Checksums
/// are checked where the file has them.
///
/// Memory: the pieces that are not yet parsed, one opened chunk, and the record that is handed out.
package struct MCAPParser {
    /// Sizes beyond which content is refused, so that no file claims all memory.
    package struct Limits: Equatable, Sendable {
        package var recordBytes: Int
        /// Most bytes of an opened chunk.
        package var chunkBytes: Int

        package init(recordBytes: Int = 1 << 30, chunkBytes: Int = 1 << 28) {
            self.recordBytes = recordBytes
            self.chunkBytes = chunkBytes
        }
    }

    private enum Phase {
        case beginning, data, summary, ending, ended
        case failed(MCAPError)
    }

    private let limits: Limits
    private let opensChunks: Bool
    private let checksChecksums: Bool
    private let decompressor = ChunkDecompressor()
    private var phase = Phase.beginning
    private var pending: [UInt8] = []
    private var start = 0
    /// Offset of `pending[start]` in the file.
    package private(set) var offset: UInt64 = 0
    private var chunk: MCAPChunkContent?
    /// Checksum so far, first of the data section, then of the summary.
    private var crc = CRC32()
    private var sectionStart: UInt64 = 0

    /// Makes a parser at the beginning of a file.
    /// - Parameters:
    ///   - opensChunks: whether the records of a chunk are handed out in its place.
    ///   - checksChecksums: whether a wrong checksum is an error.
    package init(limits: Limits = Limits(), opensChunks: Bool = true, checksChecksums: Bool = true) {
        self.limits = limits
        self.opensChunks = opensChunks
        self.checksChecksums = checksChecksums
    }

    /// Begins with another file; memory that decompression needs is kept.
    package mutating func startOver() {
        phase = .beginning
        pending.removeAll(keepingCapacity: true)
        start = 0
        offset = 0
        chunk = nil
        crc = CRC32()
        sectionStart = 0
    }

    /// Number of bytes of the file that it holds, for tests of its memory.
    package var heldBytes: Int { pending.count + (chunk?.records.count ?? 0) }

    package mutating func append(_ bytes: [UInt8]) { append(bytes[...]) }

    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        if start > 0 {
            pending.removeFirst(start)
            start = 0
        }
        pending += bytes
    }

    /// The next record; nil when more bytes are needed, or the file has ended. After an error it throws the same again.
    package mutating func next() throws(MCAPError) -> MCAP.Record? {
        do {
            return try step()
        } catch {
            phase = .failed(error)
            chunk = nil
            throw error
        }
    }

    /// Checks that the file has ended. To be called when no bytes follow and `next` has returned nil.
    /// - Throws: `cut` if the file has not ended.
    package func finish() throws(MCAPError) {
        let found = UInt64(pending.count - start)
        switch phase {
        case .failed(let error): throw error
        case .ended: return
        case .beginning, .ending: throw .cut(offset: offset, needed: UInt64(MCAP.magic.count), found: found)
        case .data, .summary:
            let needed = UInt64(MCAP.recordPrefixBytes)
            guard found >= needed else { throw .cut(offset: offset, needed: needed, found: found) }
            throw .cut(offset: offset, needed: needed + length(at: start), found: found)
        }
    }

    private mutating func step() throws(MCAPError) -> MCAP.Record? {
        while true {
            if let record = try chunk?.next() { return record }
            chunk = nil
            switch phase {
            case .failed(let error): throw error
            case .ended:
                if pending.count > start { throw .bytesAfterEnd(offset: offset) }
                return nil
            case .beginning:
                guard try magic(then: .data) else { return nil }
            case .ending:
                guard try magic(then: .ended) else { return nil }
            case .data, .summary:
                guard let (opcode, content) = try topRecord() else { return nil }
                let record = try read(opcode, content)
                take(content.upperBound - start)
                if opcode == MCAP.Opcode.dataEnd.rawValue {
                    crc = CRC32()
                    sectionStart = offset
                }
                if let record { return record }
            }
        }
    }

    private mutating func magic(then next: Phase) throws(MCAPError) -> Bool {
        let here = pending[start...].prefix(MCAP.magic.count)
        guard here.elementsEqual(MCAP.magic.prefix(here.count)) else { throw .magic(offset: offset) }
        guard here.count == MCAP.magic.count else { return false }
        take(here.count)
        phase = next
        return true
    }

    private mutating func take(_ count: Int) {
        // The pointer does not leave the call, and the range is within the bytes.
        if checksChecksums {
            pending.withUnsafeBytes { crc.update(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        }
        start += count
        offset += UInt64(count)
    }

    private func length(at place: Int) -> UInt64 {
        pending.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place + 1, as: UInt64.self)) }
    }

    /// The record at `start`: where its content lies in `pending`; nil when it is not all there.
    private func topRecord() throws(MCAPError) -> (opcode: UInt8, content: Range<Int>)? {
        guard pending.count - start >= MCAP.recordPrefixBytes else { return nil }
        let opcode = pending[start]
        guard opcode != 0 else { throw .zeroOpcode(offset: offset) }
        let length = length(at: start)
        guard length <= UInt64(limits.recordBytes) else {
            throw .tooLong(opcode: opcode, offset: offset, length: length, limit: UInt64(limits.recordBytes))
        }
        let content = start + MCAP.recordPrefixBytes
        guard pending.count - content >= Int(length) else { return nil }
        return (opcode, content..<content + Int(length))
    }

    /// Reads one record; nil for a chunk that is opened.
    private mutating func read(_ opcode: UInt8, _ content: Range<Int>) throws(MCAPError) -> MCAP.Record? {
        if opcode == MCAP.Opcode.chunk.rawValue && opensChunks {
            guard case .data = phase else { throw .misplaced(.chunk, offset: offset) }
            chunk = try MCAPChunkContent(
                pending[content], at: offset, limit: limits.chunkBytes, by: decompressor,
                checksChecksum: checksChecksums)
            return nil
        }
        let record = try record(opcode, content)
        try check(record)
        return record
    }

    private func record(_ opcode: UInt8, _ content: Range<Int>) throws(MCAPError) -> MCAP.Record {
        do throws(MCAPFieldProblem) {
            return try MCAP.Record(opcode: opcode, content: pending[content], checkingAttachments: checksChecksums)
        } catch {
            throw .content(MCAP.Opcode(rawValue: opcode) ?? .header, offset: offset, error)
        }
    }

    /// Whether the record may stand here; checks the checksums of the two sections that end with one.
    private mutating func check(_ record: MCAP.Record) throws(MCAPError) {
        let inData = if case .data = phase { true } else { false }
        switch record {
        case .dataEnd(let dataEnd):
            guard inData else { throw .misplaced(.dataEnd, offset: offset) }
            let stored = dataEnd.dataSectionCRC
            guard stored == 0 || stored == crc.value || !checksChecksums else {
                throw .checksum(.dataEnd, offset: offset, stored: stored, computed: crc.value)
            }
            phase = .summary
        case .footer(let footer):
            guard !inData else { throw .misplaced(.footer, offset: offset) }
            try check(footer)
            phase = .ending
        case .message, .chunk, .messageIndex, .attachment, .metadata, .header:
            guard inData, let opcode = MCAP.Opcode(rawValue: record.opcode) else {
                throw .misplaced(MCAP.Opcode(rawValue: record.opcode) ?? .header, offset: offset)
            }
            if opcode == .header && offset != UInt64(MCAP.magic.count) { throw .misplaced(.header, offset: offset) }
        case .schema, .channel, .chunkIndex, .attachmentIndex, .statistics, .metadataIndex, .summaryOffset, .unknown:
            break
        }
    }

    private mutating func check(_ footer: MCAP.Footer) throws(MCAPError) {
        // The footer's own prefix and its two offsets belong to the summary's checksum.
        let covered = start..<start + MCAP.recordPrefixBytes + 16
        var computed = crc
        switch footer.summaryStart {
        case 0: computed = CRC32()
        case sectionStart: break
        default: throw .misplaced(.footer, offset: offset)  // it names a summary that does not begin where one may
        }
        pending.withUnsafeBytes { computed.update(UnsafeRawBufferPointer(rebasing: $0[covered])) }
        guard footer.summaryCRC == 0 || footer.summaryCRC == computed.value || !checksChecksums else {
            throw .checksum(.footer, offset: offset, stored: footer.summaryCRC, computed: computed.value)
        }
    }
}
