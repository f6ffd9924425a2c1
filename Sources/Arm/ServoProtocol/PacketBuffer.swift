/// Bytes on their way out, in memory made once: building a packet in the control loop allocates nothing.
///
/// For one thread at a time.
package final class PacketBuffer {
    private let memory: UnsafeMutableRawPointer
    package let capacity: Int
    package private(set) var count = 0

    /// Makes an empty buffer.
    /// - Parameter capacity: bytes that can be appended between two `removeAll`s.
    package init(capacity: Int) {
        precondition(capacity > 0, "a buffer of \(capacity) bytes holds nothing")
        self.capacity = capacity
        memory = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { memory.deallocate() }

    /// Valid until the next change, while the buffer is held.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

    package subscript(index: Int) -> UInt8 {
        get {
            precondition((0..<count).contains(index), "byte \(index) of \(count)")
            return memory.load(fromByteOffset: index, as: UInt8.self)
        }
        set {
            precondition((0..<count).contains(index), "byte \(index) of \(count)")
            memory.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self)
        }
    }

    package func removeAll() { count = 0 }

    package func append(_ byte: UInt8) {
        precondition(count < capacity, "a packet buffer of \(capacity) bytes is full")
        memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    package func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(count + bytes.count <= capacity, "a packet buffer of \(capacity) bytes is full")
        if let source = bytes.baseAddress { (memory + count).copyMemory(from: source, byteCount: bytes.count) }
        count += bytes.count
    }

    /// Appends the lowest bytes of `value`, the lowest first.
    /// - Parameter width: number of bytes, 1 to 8.
    package func append(littleEndian value: Int, width: Int) {
        precondition((1...8).contains(width), "a number of \(width) bytes")
        for index in 0..<width { append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }

    /// Puts a byte in front of the one at `index`.
    func insert(_ byte: UInt8, at index: Int) {
        append(byte)
        var place = count - 1
        while place > index {
            self[place] = self[place - 1]
            place -= 1
        }
        self[index] = byte
    }
}

extension UnsafeRawBufferPointer {
    /// The `width` bytes at `offset` as an unsigned number, the lowest first.
    package func littleEndian(at offset: Int, width: Int) -> Int {
        precondition(offset >= 0 && width >= 1 && width <= 4 && offset + width <= count, "bytes beyond the packet")
        var value = 0
        for index in 0..<width { value |= Int(self[offset + index]) << (8 * index) }
        return value
    }
}
