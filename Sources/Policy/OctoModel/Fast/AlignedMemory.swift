/// Memory at an address the kernels like, given back with its owner. It starts as zeros.
final class AlignedMemory {
    /// One cache line, and the widest vector.
    static let alignment = 64

    let bytes: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        bytes = .allocate(byteCount: max(1, byteCount), alignment: Self.alignment)
        bytes.initializeMemory(as: UInt8.self, repeating: 0, count: max(1, byteCount))
    }

    deinit { bytes.deallocate() }
}

/// Float32 numbers in aligned memory.
final class FloatBuffer {
    let pointer: UnsafeMutablePointer<Float>
    let count: Int
    private let memory: AlignedMemory

    init(count: Int) {
        self.count = count
        memory = AlignedMemory(byteCount: count * MemoryLayout<Float>.stride)
        pointer = memory.bytes.bindMemory(to: Float.self, capacity: max(1, count))
    }

    convenience init(_ numbers: [Float]) {
        self.init(count: numbers.count)
        numbers.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: count) }
        }
    }
}
