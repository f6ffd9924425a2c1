import Glibc

/// Adds metadata to a file that is finished: it takes the place of the old summary, which is written again behind it.
package enum MCAPAmendment {
    /// Bytes of the record that ends the data.
    private static let dataEndBytes = MCAP.recordPrefixBytes + 4

    /// Computes the new end of a finished file with metadata added.
    /// - Returns: the bytes that follow on the first `offset` of the file, up to its new end.
    /// - Throws: `MCAPError`, also for a file that is not finished: that is to be recovered first.
    package static func tail(
        of source: some MCAPSource, adding metadata: [MCAP.Metadata], limits: MCAPParser.Limits = .init()
    ) throws(MCAPError) -> (offset: UInt64, bytes: [UInt8]) {
        let summary = try MCAPSummary(source, limits: limits)
        let start = summary.start
        guard start >= UInt64(dataEndBytes) else { throw .misplaced(.dataEnd, offset: start) }
        let offset = start - UInt64(dataEndBytes)
        let bytes = try source.read(at: offset, count: dataEndBytes)
        guard bytes.first == MCAP.Opcode.dataEnd.rawValue, bytes.count == dataEndBytes else {
            throw .misplaced(.dataEnd, offset: offset)
        }
        let dataCRC = bytes.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        var writer = MCAPWriter(continuing: summary, at: offset, dataCRC: dataCRC)
        do throws(MCAPWriteError) {
            for record in metadata { try writer.write(record) }
            try writer.finish()
        } catch {
            throw .rewriting(error, offset: offset)
        }
        return (offset, writer.takeBytes())
    }

    /// Changes the file in its place. Killed in the middle, it leaves a file without a summary: messages are not
    /// touched. pwrite(2), ftruncate(2), fdatasync(2).
    package static func amend(_ path: String, adding metadata: [MCAP.Metadata]) throws(MCAPError) {
        let (offset, bytes) = try tail(of: MCAPFile(path: path), adding: metadata)
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path: path, step: "opening", errno: errno) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            // Reads behind `written`, at most what is left of the array.
            let count = bytes.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written,
                    off_t(offset) + off_t(written))
            }
            if count > 0 {
                written += count
            } else if count == 0 || errno != EINTR {
                throw .file(path: path, step: "writing", errno: errno)
            }
        }
        guard ftruncate(descriptor, off_t(offset) + off_t(bytes.count)) == 0, fdatasync(descriptor) == 0 else {
            throw .file(path: path, step: "writing", errno: errno)
        }
    }
}
