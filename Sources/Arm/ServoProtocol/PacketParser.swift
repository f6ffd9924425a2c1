/// How packets of a protocol lie in a stream of bytes.
package protocol PacketFraming: Sendable {
    /// Bytes of the longest packet that is taken for one: what announces more is no packet.
    static var longestPacket: Int { get }

    /// Looks for a packet at the beginning of `bytes`, which are not empty.
    static func examine(_ bytes: UnsafeRawBufferPointer) -> PacketVerdict

    /// Copies a packet's parameters, as they were before they were put on the wire.
    /// - Parameters:
    ///   - packet: one that `examine` found.
    ///   - target: room for `longestPacket` bytes.
    /// - Returns: who sent or is meant, what is asked or was answered, and how many parameters there are.
    static func decode(_ packet: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) -> ServoPacket
}

/// What stands at the beginning of a stream.
package enum PacketVerdict: Equatable, Sendable {
    /// A packet of so many bytes, with the right check sum.
    case packet(length: Int)
    /// Bytes that may become a packet.
    case incomplete
    /// No packet begins here: the next may after so many bytes.
    case stray(count: Int)
    /// Bytes that look like a packet, but whose check sum is wrong.
    case corrupt
}

/// One packet without its frame.
package struct ServoPacket: Equatable, Sendable, BitwiseCopyable {
    package var id: UInt8
    /// The instruction; in an answer of a Feetech servo its error bits.
    package var instruction: UInt8
    package var parameterCount: Int
}

/// Takes packets out of a stream of bytes that arrives in any pieces, whatever else is in it.
///
/// After bytes that are no packet it finds the next one: of a packet with a wrong check sum only the first byte is
/// given up, since a good one may begin inside it. Allocates nothing after `init`. For one thread at a time.
package final class PacketParser<Framing: PacketFraming> {
    /// Counts of what was seen since the start.
    package struct Counts: Equatable, Sendable, BitwiseCopyable {
        package var packets: UInt64 = 0
        /// Packets with a wrong check sum.
        package var corrupt: UInt64 = 0
        /// Bytes outside any packet, those of corrupt packets among them.
        package var strayBytes: UInt64 = 0
    }
    package private(set) var counts = Counts()
    /// What has arrived and is not used up: `used ..< filled`.
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    private var filled = 0
    private let decoded: UnsafeMutableRawBufferPointer
    private var parameterCount = 0

    package init() {
        buffer = .allocate(byteCount: 2 * Framing.longestPacket, alignment: 8)
        decoded = .allocate(byteCount: Framing.longestPacket, alignment: 8)
    }

    deinit {
        buffer.deallocate()
        decoded.deallocate()
    }

    /// Parameters of the packet that `next` gave last; valid until it is called again, while the parser is held.
    package var parameters: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: decoded[..<parameterCount]) }

    /// Takes in what has arrived.
    /// - Returns: how many of the bytes found room; the rest is to be fed again once `next` has returned nil.
    package func feed(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let target = buffer.baseAddress else { return 0 }
        if used > 0 {
            let waiting = filled - used
            target.copyMemory(from: target + used, byteCount: waiting)
            (used, filled) = (0, waiting)
        }
        let count = min(bytes.count, buffer.count - filled)
        if let source = bytes.baseAddress {
            (target + filled).copyMemory(from: source, byteCount: count)
            filled += count
        }
        return count
    }

    /// The next whole packet, or nil if more bytes are needed.
    package func next() -> ServoPacket? {
        while used < filled {
            let waiting = UnsafeRawBufferPointer(rebasing: buffer[used..<filled])
            switch Framing.examine(waiting) {
            case .packet(let length):
                guard let target = decoded.baseAddress else { return nil }
                let packet = Framing.decode(UnsafeRawBufferPointer(rebasing: waiting[..<length]), into: target)
                used += length
                counts.packets += 1
                parameterCount = packet.parameterCount
                return packet
            case .incomplete: return nil
            case .stray(let count): skip(count)
            case .corrupt:
                counts.corrupt += 1
                skip(1)
            }
        }
        return nil
    }

    /// Forgets what has arrived: an answer that comes too late is not to be taken for the next one.
    package func reset() {
        counts.strayBytes += UInt64(filled - used)
        (used, filled) = (0, 0)
    }

    private func skip(_ count: Int) {
        used += count
        counts.strayBytes += UInt64(count)
    }
}
