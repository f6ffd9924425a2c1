/// FNV-1a with 64 bits (Fowler, Noll, Vo): a number that follows from a name, the same on all machines and in all
/// versions. For seeds and for ids within one process; pictures have XXH3, and what must be proved SHA-256 (`Digests`).
package struct FNV1a: Sendable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    /// The hash of a name's UTF-8.
    package init(_ name: String) { for byte in name.utf8 { combine(byte) } }

    package mutating func combine(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    /// Takes in bytes, which are only read during the call.
    package mutating func combine(_ bytes: UnsafeRawBufferPointer) { for byte in bytes { combine(byte) } }
}
