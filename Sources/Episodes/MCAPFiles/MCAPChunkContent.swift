import Files

/// The records of an opened chunk, one after the other.
struct MCAPChunkContent {
    let records: [UInt8]
    /// Offset of the chunk in its file.
    let offset: UInt64
    /// Position of the next record in `records`.
    private(set) var position = 0

    /// Opens a whole chunk and checks its checksum.
    /// - Parameter content: content of the chunk record; read during the call only.
    init(
        _ content: UnsafeRawBufferPointer, at offset: UInt64, limit: Int, by decompressor: ChunkDecompressor,
        checksChecksum: Bool = true
    ) throws(MCAPError) {
        let outline: MCAPChunkOutline
        do throws(MCAPFieldProblem) {
            outline = try MCAPChunkOutline(content)
        } catch {
            throw .content(.chunk, offset: offset, error)
        }
        try self.init(outline, at: offset, limit: limit, by: decompressor)
        guard UInt64(records.count) == outline.uncompressedSize else {
            throw .decompression(
                outline.compression, offset: offset, found: records.count, expected: outline.uncompressedSize)
        }
        guard outline.uncompressedCRC != 0, checksChecksum else { return }
        let computed = CRC32.checksum(records)
        guard computed == outline.uncompressedCRC else {
            throw .checksum(.chunk, offset: offset, stored: outline.uncompressedCRC, computed: computed)
        }
    }

    /// The pointer to the slice's bytes does not leave the call.
    init(
        _ content: ArraySlice<UInt8>, at offset: UInt64, limit: Int, by decompressor: ChunkDecompressor,
        checksChecksum: Bool = true
    ) throws(MCAPError) {
        self = try content.withUnsafeBufferPointer { bytes throws(MCAPError) in
            try MCAPChunkContent(
                UnsafeRawBufferPointer(bytes), at: offset, limit: limit, by: decompressor,
                checksChecksum: checksChecksum)
        }
    }

    /// Opens as much of a chunk as there is, and checks nothing.
    init(
        _ outline: MCAPChunkOutline, at offset: UInt64, limit: Int, by decompressor: ChunkDecompressor
    ) throws(MCAPError) {
        guard outline.uncompressedSize <= UInt64(limit) else {
            throw .tooLong(
                opcode: MCAP.Opcode.chunk.rawValue, offset: offset, length: outline.uncompressedSize,
                limit: UInt64(limit))
        }
        guard let compression = MCAP.Compression(named: outline.compression) else {
            throw .unknownCompression(outline.compression, offset: offset)
        }
        records = decompressor.open(outline.records, compression, size: Int(outline.uncompressedSize))
        self.offset = offset
    }

    /// The pointer to the slice's bytes does not leave the call.
    init(
        salvaging content: ArraySlice<UInt8>, at offset: UInt64, limit: Int, by decompressor: ChunkDecompressor
    ) throws(MCAPError) {
        self = try content.withUnsafeBufferPointer { bytes throws(MCAPError) in
            let outline: MCAPChunkOutline
            do throws(MCAPFieldProblem) {
                outline = try MCAPChunkOutline(UnsafeRawBufferPointer(bytes), cut: true)
            } catch {
                throw .content(.chunk, offset: offset, error)
            }
            return try MCAPChunkContent(outline, at: offset, limit: limit, by: decompressor)
        }
    }

    /// Moves to a record, which is read next.
    /// - Parameter position: a position that `nextPlace` returned.
    mutating func move(to position: Int) { self.position = min(position, records.count) }

    /// The position of the next record, with what stands before the data if it is a message; nil at the end.
    mutating func nextPlace() throws(MCAPError) -> (position: Int, message: (channelID: UInt16, logTime: UInt64)?)? {
        guard let (opcode, content) = try nextRange() else { return nil }
        let here = position
        position = content.upperBound
        guard opcode == MCAP.Opcode.message.rawValue else { return (here, nil) }
        guard content.count >= MCAP.Message.fieldBytes else {
            throw .content(
                .message, offset: offset,
                .short(field: "publish_time", needed: UInt64(MCAP.Message.fieldBytes), found: content.count))
        }
        // The pointer does not leave the call; the 22 bytes in front of the data are there.
        let (channelID, logTime) = records.withUnsafeBytes {
            (
                UInt16(littleEndian: $0.loadUnaligned(fromByteOffset: content.lowerBound, as: UInt16.self)),
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: content.lowerBound + 6, as: UInt64.self))
            )
        }
        return (here, (channelID, logTime))
    }

    /// The next schema, channel or message; nil at the end. Records of later versions are handed out as `unknown`.
    mutating func next() throws(MCAPError) -> MCAP.Record? {
        guard let (opcode, content) = try nextRange() else { return nil }
        do throws(MCAPFieldProblem) {
            let record = try MCAP.Record(opcode: opcode, content: records[content])
            position = content.upperBound
            return record
        } catch {
            throw .content(MCAP.Opcode(rawValue: opcode) ?? .header, offset: offset, error)
        }
    }

    private func nextRange() throws(MCAPError) -> (opcode: UInt8, content: Range<Int>)? {
        let left = records.count - position
        guard left > 0 else { return nil }
        guard left >= MCAP.recordPrefixBytes else {
            throw .cut(offset: offset, needed: UInt64(MCAP.recordPrefixBytes), found: UInt64(left))
        }
        let opcode = records[position]
        // Both pointers stay in their calls; the nine bytes of the prefix are there.
        let length = records.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: position + 1, as: UInt64.self))
        }
        guard length <= UInt64(left - MCAP.recordPrefixBytes) else {
            throw .cut(offset: offset, needed: length, found: UInt64(left - MCAP.recordPrefixBytes))
        }
        switch MCAP.Opcode(rawValue: opcode) {
        case .schema, .channel, .message: break
        case .none: if opcode == 0 { throw .zeroOpcode(offset: offset) }
        case .some(let known): throw .misplaced(known, offset: offset)
        }
        let content = position + MCAP.recordPrefixBytes
        return (opcode, content..<content + Int(length))
    }
}
