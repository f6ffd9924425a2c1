import Glibc

/// The bytes of a file, of which any piece can be read.
package protocol MCAPSource {
    var byteCount: UInt64 { get }
    /// Reads bytes from `offset` on.
    /// - Returns: `count` bytes, or fewer where the file ends.
    func read(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8]
}

/// A file's bytes that are in memory.
package struct MCAPBytes: MCAPSource, Sendable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var byteCount: UInt64 { UInt64(bytes.count) }

    package func read(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8] {
        guard offset < UInt64(bytes.count), count > 0 else { return [] }
        let start = Int(offset)
        return Array(bytes[start..<start + min(count, bytes.count - start)])
    }
}

/// A file on disk, as long as it was when it was opened.
package final class MCAPFile: MCAPSource, Sendable {
    package let path: String
    package let byteCount: UInt64
    private let descriptor: Int32

    /// Opens a file. open(2), fstat(2).
    package init(path: String) throws(MCAPError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path: path, step: "opening", errno: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let problem = errno
            close(descriptor)
            throw .file(path: path, step: "opening", errno: problem)
        }
        byteCount = UInt64(max(0, status.st_size))
    }

    deinit { close(descriptor) }

    /// Reads bytes of the file. pread(2).
    package func read(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8] {
        guard offset < byteCount, count > 0 else { return [] }
        let wanted = Int(min(UInt64(count), byteCount - offset))
        var bytes = [UInt8](repeating: 0, count: wanted)
        var filled = 0
        while filled < wanted {
            // Writes behind `filled`, at most what is left of the array.
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + filled }, wanted - filled, off_t(offset) + off_t(filled))
            }
            if got > 0 {
                filled += got
            } else if got == 0 {
                bytes.removeLast(wanted - filled)  // it has become shorter
                return bytes
            } else if errno != EINTR {
                throw .file(path: path, step: "reading", errno: errno)
            }
        }
        return bytes
    }
}
