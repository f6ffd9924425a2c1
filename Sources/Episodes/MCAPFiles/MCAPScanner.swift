import Files

/// Walks through a file from its start, whatever its state, and finds what can be read: a damaged place costs the
/// records that it touches, a cut one the rest.
///
/// Checksums are reported, not obeyed: records with one wrong byte in a picture are better than none.
struct MCAPScanner {
    enum Finding {
        /// A whole record; `length` is with the prefix.
        case record(MCAP.Record, offset: UInt64, length: UInt64)
        /// A chunk, opened as far as that went. `length`: with the prefix, as far as the file has it.
        case chunk(MCAPChunkOutlineFacts, MCAPChunkContent, offset: UInt64, length: UInt64, MCAPError?)
        /// Bytes that are no records, or of a chunk that does not open.
        case damage(Range<UInt64>, MCAPError)
    }

    private let source: any MCAPSource
    private let limits: MCAPParser.Limits
    private let decompressor = ChunkDecompressor()
    private(set) var offset: UInt64
    /// The last magic bytes have been seen behind a footer.
    private(set) var sawEnd = false
    private var sawFooter = false
    private var isDone = false
    /// Checksum of the section so far; nil behind damage, where it tells nothing.
    private var crc: CRC32?
    private var sectionStart: UInt64 = 0
    /// Finding that came together with the record before it.
    private var waiting: Finding?

    init(_ source: any MCAPSource, limits: MCAPParser.Limits) {
        self.source = source
        self.limits = limits
        offset = 0
    }

    /// The next record or damage; nil at the end.
    /// - Throws: only what the source throws.
    mutating func next() throws(MCAPError) -> Finding? {
        if let finding = waiting {
            waiting = nil
            return finding
        }
        guard !isDone else { return nil }
        if offset == 0 {
            let magic = try source.read(at: 0, count: MCAP.magic.count)
            if magic == MCAP.magic {
                offset = UInt64(magic.count)
                crc = CRC32()
                crc?.update(magic)
            } else {
                return try skip(from: 0, because: .magic(offset: 0))
            }
        }
        if sawFooter {
            isDone = true
            let rest = try source.read(at: offset, count: MCAP.magic.count + 1)
            sawEnd = rest == MCAP.magic
            if sawEnd { return nil }
            if rest.count < MCAP.magic.count {
                return .damage(
                    offset..<source.byteCount,
                    .cut(offset: offset, needed: UInt64(MCAP.magic.count), found: UInt64(rest.count)))
            }
            let isBehind = rest.starts(with: MCAP.magic)
            return .damage(
                offset..<source.byteCount, isBehind ? .bytesAfterEnd(offset: offset) : .magic(offset: offset))
        }
        let left = source.byteCount - offset
        guard left > 0 else {
            isDone = true
            return .damage(offset..<offset, .cut(offset: offset, needed: UInt64(MCAP.recordPrefixBytes), found: 0))
        }
        let prefix = try source.read(at: offset, count: MCAP.recordPrefixBytes)
        guard prefix.count == MCAP.recordPrefixBytes else {
            isDone = true
            return .damage(
                offset..<source.byteCount, .cut(offset: offset, needed: UInt64(MCAP.recordPrefixBytes), found: left))
        }
        return try record(opcode: prefix[0], length: Self.length(in: prefix, at: 0), left: left)
    }

    private mutating func record(opcode: UInt8, length: UInt64, left: UInt64) throws(MCAPError) -> Finding {
        let prefixBytes = UInt64(MCAP.recordPrefixBytes)
        guard opcode != 0 else { return try skip(from: offset, because: .zeroOpcode(offset: offset)) }
        guard length <= left - prefixBytes else {
            let cut = MCAPError.cut(offset: offset, needed: length, found: left - prefixBytes)
            // Either the file was cut inside this record, or its length is damaged and more records follow. A chunk
            // tells its length twice.
            if let finding = try rest(opcode: opcode, length: length) { return finding }
            if let next = try resume(after: offset) { return leave(to: next, because: cut) }
            return leave(to: source.byteCount, because: cut)
        }
        guard length <= UInt64(limits.recordBytes) else {
            let error = MCAPError.tooLong(
                opcode: opcode, offset: offset, length: length, limit: UInt64(limits.recordBytes))
            return leave(to: offset + prefixBytes + length, because: error)
        }
        let content = try source.read(at: offset + prefixBytes, count: Int(length))
        let end = offset + prefixBytes + length
        if opcode == MCAP.Opcode.chunk.rawValue {
            let finding = chunk(content[...])
            if case .damage(_, let error) = finding, !(try isPlausible(at: end)) {
                return try skip(from: offset, because: error)
            }
            offset = end
            cover(content, opcode)
            return finding
        }
        let record: MCAP.Record
        do throws(MCAPFieldProblem) {
            record = try read(opcode, content)
        } catch {
            let error = MCAPError.content(MCAP.Opcode(rawValue: opcode) ?? .header, offset: offset, error)
            return try isPlausible(at: end) ? leave(to: end, because: error) : skip(from: offset, because: error)
        }
        // A kind that is not known may be of a later version, or a damaged prefix: the next record tells.
        if case .unknown = record, !(try isPlausible(at: end)) {
            return try skip(from: offset, because: .unknownRecord(opcode: opcode, offset: offset))
        }
        if case .footer = record { sawFooter = true }
        checkSection(record, content)
        cover(content, opcode)
        defer {
            offset = end
            if case .dataEnd = record {
                if crc != nil { crc = CRC32() }
                sectionStart = end
            }
        }
        return .record(record, offset: offset, length: end - offset)
    }

    /// An attachment whose checksum is wrong is still read.
    private mutating func read(_ opcode: UInt8, _ content: [UInt8]) throws(MCAPFieldProblem) -> MCAP.Record {
        do throws(MCAPFieldProblem) {
            return try MCAP.Record(opcode: opcode, content: content[...])
        } catch {
            guard case .checksum = error else { throw error }
            let end = offset + UInt64(MCAP.recordPrefixBytes + content.count)
            waiting = .damage(offset..<end, .content(.attachment, offset: offset, error))
            return try content.withUnsafeBufferPointer { bytes throws(MCAPFieldProblem) in
                try MCAP.Record(opcode: opcode, content: UnsafeRawBufferPointer(bytes), checkingAttachments: false)
            }
        }
    }

    // MARK: Checksums of sections

    private mutating func cover(_ content: [UInt8], _ opcode: UInt8) {
        guard crc != nil else { return }
        var prefix = [opcode]
        prefix.appendLittleEndian(UInt64(content.count))
        crc?.update(prefix)
        crc?.update(content)
    }

    private mutating func checkSection(_ record: MCAP.Record, _ content: [UInt8]) {
        guard var crc else { return }
        let opcode: MCAP.Opcode
        let stored: UInt32
        switch record {
        case .dataEnd(let end):
            opcode = .dataEnd
            stored = end.dataSectionCRC
        case .footer(let footer):
            guard footer.summaryStart == 0 || footer.summaryStart == sectionStart, content.count >= 16 else { return }
            opcode = .footer
            stored = footer.summaryCRC
            if footer.summaryStart == 0 { crc = CRC32() }
            var covered = [MCAP.Opcode.footer.rawValue]
            covered.appendLittleEndian(UInt64(content.count))
            crc.update(covered + content[..<16])
        default: return
        }
        guard stored != 0, stored != crc.value else { return }
        waiting = .damage(
            sectionStart..<offset, .checksum(opcode, offset: offset, stored: stored, computed: crc.value))
    }

    /// Takes what there is of the chunk in which the file ends; nil where it is none.
    private mutating func rest(opcode: UInt8, length: UInt64) throws(MCAPError) -> Finding? {
        let start = offset + UInt64(MCAP.recordPrefixBytes)
        let left = source.byteCount - start
        guard opcode == MCAP.Opcode.chunk.rawValue, left <= UInt64(limits.recordBytes) else { return nil }
        let finding = chunk(try source.read(at: start, count: Int(left))[...])
        guard case .chunk(let facts, _, _, _, _) = finding, facts.compressedSize < length,
            length - facts.compressedSize < 1024
        else { return nil }
        isDone = true
        return finding
    }

    /// Opens as much of a chunk as can be opened.
    private func chunk(_ content: ArraySlice<UInt8>) -> Finding {
        let range = offset..<offset + UInt64(MCAP.recordPrefixBytes + content.count)
        return content.withUnsafeBufferPointer { bytes in
            do throws(MCAPFieldProblem) {
                // The outline does not outlive the bytes it points to.
                return open(try MCAPChunkOutline(UnsafeRawBufferPointer(bytes), cut: true), range)
            } catch {
                return .damage(range, .content(.chunk, offset: offset, error))
            }
        }
    }

    private func open(_ outline: MCAPChunkOutline, _ range: Range<UInt64>) -> Finding {
        do throws(MCAPError) {
            let facts = MCAPChunkOutlineFacts(outline)
            let content = try MCAPChunkContent(outline, at: offset, limit: limits.chunkBytes, by: decompressor)
            let isCut = UInt64(outline.records.count) < facts.compressedSize
            let problem =
                isCut
                ? MCAPError.cut(offset: offset, needed: facts.compressedSize, found: UInt64(outline.records.count))
                : problem(facts, content)
            return .chunk(facts, content, offset: offset, length: UInt64(range.count), problem)
        } catch {
            return .damage(range, error)
        }
    }

    private func problem(_ facts: MCAPChunkOutlineFacts, _ content: MCAPChunkContent) -> MCAPError? {
        guard UInt64(content.records.count) == facts.uncompressedSize else {
            return .decompression(
                facts.compression, offset: offset, found: content.records.count, expected: facts.uncompressedSize)
        }
        guard facts.uncompressedCRC != 0 else { return nil }
        let computed = CRC32.checksum(content.records)
        guard computed != facts.uncompressedCRC else { return nil }
        return .checksum(.chunk, offset: offset, stored: facts.uncompressedCRC, computed: computed)
    }

    // MARK: Damage

    /// Passes over bytes up to the next place where records go on, or the end.
    private mutating func skip(from start: UInt64, because error: MCAPError) throws(MCAPError) -> Finding {
        leave(to: try resume(after: start) ?? source.byteCount, because: error)
    }

    private mutating func leave(to end: UInt64, because error: MCAPError) -> Finding {
        let range = offset..<end
        offset = end
        crc = nil
        if end == source.byteCount { isDone = true }
        return .damage(range, error)
    }

    /// The next place behind `start` where records begin: one that can be read, and behind it another or the end.
    private func resume(after start: UInt64) throws(MCAPError) -> UInt64? {
        let window = 1 << 16
        var base = start + 1
        while base < source.byteCount {
            let bytes = try source.read(at: base, count: window + MCAP.recordPrefixBytes)
            guard bytes.count >= MCAP.recordPrefixBytes else { return nil }
            for index in 0..<min(window, bytes.count - MCAP.recordPrefixBytes + 1)
            where (1...15).contains(bytes[index]) && isPossible(bytes, index, at: base + UInt64(index)) {
                let place = base + UInt64(index)
                if try isPlausible(at: place) { return place }
            }
            base += UInt64(window)
        }
        return nil
    }

    /// A first look at a prefix, before the file is read again for it.
    private func isPossible(_ bytes: [UInt8], _ index: Int, at place: UInt64) -> Bool {
        let length = Self.length(in: bytes, at: index)
        let left = source.byteCount - place - UInt64(MCAP.recordPrefixBytes)
        return length >= 4 && length <= min(left, UInt64(limits.recordBytes))
    }

    /// Whether a record of a known kind can be read there, and what follows looks like a prefix or the end.
    private func isPlausible(at place: UInt64) throws(MCAPError) -> Bool {
        if place == source.byteCount { return true }
        let prefix = try source.read(at: place, count: MCAP.recordPrefixBytes)
        guard prefix.count == MCAP.recordPrefixBytes, let opcode = MCAP.Opcode(rawValue: prefix[0]) else {
            return false
        }
        guard isPossible(prefix, 0, at: place) else { return false }
        let length = Self.length(in: prefix, at: 0)
        let content = try source.read(at: place + UInt64(MCAP.recordPrefixBytes), count: Int(length))
        let next = place + UInt64(MCAP.recordPrefixBytes) + length
        guard Self.isWhole(opcode, content) else { return false }
        let following = try source.read(at: next, count: MCAP.recordPrefixBytes)
        if following.isEmpty { return true }
        if opcode == .footer { return following.starts(with: MCAP.magic) }
        return following.count < MCAP.recordPrefixBytes || MCAP.Opcode(rawValue: following[0]) != nil
    }

    private static func isWhole(_ opcode: MCAP.Opcode, _ content: [UInt8]) -> Bool {
        switch opcode {
        case .message:
            // Any 22 bytes are a message: only the times can tell. Chunked files have none out of their chunks.
            guard case .message(let message)? = try? MCAP.Record(opcode: opcode.rawValue, content: content[...]) else {
                return false
            }
            return message.publishTime <= message.logTime &+ (1 << 40)
                && message.logTime <= message.publishTime &+ (1 << 40)
        case .chunk:
            return content.withUnsafeBufferPointer { bytes in
                // The outline stays in the closure.
                guard let outline = try? MCAPChunkOutline(UnsafeRawBufferPointer(bytes)) else { return false }
                return outline.startTime <= outline.endTime && MCAP.Compression(named: outline.compression) != nil
            }
        case .footer: return content.count == MCAP.footerBytes - MCAP.recordPrefixBytes
        case .dataEnd: return content.count == 4
        default: return (try? MCAP.Record(opcode: opcode.rawValue, content: content[...])) != nil
        }
    }

    private static func length(in bytes: [UInt8], at index: Int) -> UInt64 {
        // The pointer does not leave the call; the nine bytes of the prefix are there.
        bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: index + 1, as: UInt64.self)) }
    }
}

/// Facts that a chunk says about itself.
struct MCAPChunkOutlineFacts: Equatable {
    let startTime: UInt64
    let endTime: UInt64
    let uncompressedSize: UInt64
    let uncompressedCRC: UInt32
    let compression: String
    let compressedSize: UInt64

    init(_ outline: MCAPChunkOutline) {
        startTime = outline.startTime
        endTime = outline.endTime
        uncompressedSize = outline.uncompressedSize
        uncompressedCRC = outline.uncompressedCRC
        compression = outline.compression
        compressedSize = outline.compressedSize
    }
}
