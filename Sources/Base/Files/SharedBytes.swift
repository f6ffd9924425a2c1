/// Immutable bytes that several holders share without copying: pixels on their way from a camera to a socket, or from
/// a received message to the resize.
package final class SharedBytes: @unchecked Sendable {
    // Unchecked: the memory is never written after init, and released once, by deinit.

    /// The bytes, valid as long as this object lives: hold the object in a variable or parameter while reading, as the
    /// pointer alone does not keep it.
    package let bytes: UnsafeRawBufferPointer
    private let release: () -> Void

    /// Takes over memory that stays valid and unchanged until `release` is called, on whatever thread lets go last.
    package init(adopting bytes: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void) {
        self.bytes = bytes
        self.release = release
    }

    /// Makes room for `count` bytes, which `body` fills before anybody else can see them.
    package convenience init<E: Error>(
        count: Int, fill body: (UnsafeMutableRawBufferPointer) throws(E) -> Void
    ) throws(E) {
        // 64: a cache line and the widest vector register.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
        do {
            try body(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
        } catch {
            memory.deallocate()
            throw error
        }
        let address = UInt(bitPattern: memory.baseAddress)
        self.init(adopting: UnsafeRawBufferPointer(rebasing: memory[..<count])) {
            UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        }
    }

    package convenience init(copying source: some Collection<UInt8>) {
        self.init(count: source.count) { (memory) throws(Never) in memory.copyBytes(from: source) }
    }

    deinit { release() }

    package var count: Int { bytes.count }
}

extension SharedBytes: Equatable {
    package static func == (a: SharedBytes, b: SharedBytes) -> Bool { a === b || a.bytes.elementsEqual(b.bytes) }
}
