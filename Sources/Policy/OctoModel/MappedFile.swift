import Glibc

/// A file's bytes, mapped for reading: they are in memory only while they are looked at. The file must not be shortened
/// meanwhile; replacing it by another of its name is fine.
///
/// `@unchecked Sendable`: the mapping is private and read-only, and nothing changes after `init`.
final class MappedFile: @unchecked Sendable {
    /// The file's bytes, valid as long as this object.
    let bytes: UnsafeRawBufferPointer

    /// Maps the file at `path` into memory. open(2), mmap(2).
    /// - Throws: `.unreadableFile`.
    init(path: String) throws(CheckpointError) {
        // Without O_NONBLOCK a pipe that nobody writes into would be waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.unreadable(path, "opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path, "looked at") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadableFile(path: path, reason: "it is no regular file")
        }
        let size = Int(status.st_size)
        // An empty file cannot be mapped; whoever parses it says what is wrong with it.
        if size == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw Self.unreadable(path, "mapped")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    /// Lets go of the memory behind a range that was read; it can be read again, from the file.
    func releasePages(of range: Range<Int>) {
        guard let start = bytes.baseAddress else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        // From the page the range begins in: what is before it there may have to be read once more.
        let from = range.lowerBound / page * page
        let end = range.upperBound / page * page
        if from < end { madvise(UnsafeMutableRawPointer(mutating: start + from), end - from, MADV_DONTNEED) }
    }

    private static func unreadable(_ path: String, _ verb: String) -> CheckpointError {
        .unreadableFile(path: path, reason: "it cannot be \(verb) (\(String(cString: strerror(errno))))")
    }
}
