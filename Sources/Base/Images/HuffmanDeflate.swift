/// Deflate (RFC 1951) without its search for repetitions: each block has a Huffman code of its own bytes. Ten times as
/// fast as a compressor that searches, and as good where there is nothing to find: differences of noisy pixels.
struct HuffmanDeflate {
    /// Longest code. The format allows 15; with 12 four codes and what is left of a byte fit into 64 bits.
    private static let longest = 12
    private static let symbols = 257
    private static let endOfBlock = 256
    /// Bytes of a block: its code costs 150 bytes, and fits its bytes the better the fewer they are.
    private static let blockSize = 1 << 16

    /// The most bytes that `count` bytes become.
    static func bound(_ count: Int) -> Int {
        let blocks = count / blockSize + 1
        // A code of 12 bits for each byte, a block's head and end, and the eight bytes that the last write touches.
        return count + count / 2 + blocks * 200 + 16
    }

    private var out: UnsafeMutablePointer<UInt8>
    private var bits: UInt64 = 0
    private var bitCount: UInt64 = 0
    /// Codes, each with its first bit lowest, and their lengths above bit 16.
    private var codes = [UInt32](repeating: 0, count: symbols)

    /// Compresses bytes into a raw deflate stream.
    /// - Parameter out: memory with `bound` free bytes.
    /// - Returns: number of bytes that were written.
    static func compress(_ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var deflate = HuffmanDeflate(out: out)
        var start = 0
        repeat {
            let end = min(start + blockSize, bytes.count)
            deflate.block(UnsafeBufferPointer(rebasing: bytes[start..<end]), isLast: end == bytes.count)
            start = end
        } while start < bytes.count
        deflate.put(0, 7)
        return deflate.out - out
    }

    private init(out: UnsafeMutablePointer<UInt8>) { self.out = out }

    /// Appends bits, the first one lowest, and writes what is whole.
    private mutating func put(_ value: UInt64, _ count: UInt64) {
        bits |= value << bitCount
        bitCount += count
        UnsafeMutableRawPointer(out).storeBytes(of: bits.littleEndian, as: UInt64.self)
        out += Int(bitCount >> 3)
        bits >>= bitCount & ~7
        bitCount &= 7
    }

    private mutating func block(_ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool) {
        let lengths = Self.lengths(of: Self.histogram(of: bytes))
        setCodes(lengths)
        // A block with codes of its own (type 2), 257 of them for bytes and end, one for distances, which is never
        // used.
        put((isLast ? 1 : 0) | 2 << 1, 3)
        put(0 | 0 << 5 | 15 << 10, 14)
        // The lengths are told with 4 bits each: of the 19 symbols that the format has for them, the last 16 mean
        // themselves.
        for place in 0..<19 { put(place < 3 ? 0 : 4, 3) }
        for length in lengths + [0] { put(Self.reversed(UInt32(length), 4), 4) }
        write(bytes)
        put(UInt64(codes[Self.endOfBlock] & 0xFFFF), UInt64(codes[Self.endOfBlock] >> 16))
    }

    private mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        // In registers as long as the block takes.
        var (bits, bitCount, out) = (bits, bitCount, out)
        codes.withUnsafeBufferPointer { codes in
            var index = 0
            while index < bytes.count {
                let end = min(index + 4, bytes.count)
                while index < end {
                    let code = codes[Int(bytes[index])]
                    bits |= UInt64(code & 0xFFFF) << bitCount
                    bitCount &+= UInt64(code >> 16)
                    index &+= 1
                }
                UnsafeMutableRawPointer(out).storeBytes(of: bits.littleEndian, as: UInt64.self)
                out += Int(bitCount >> 3)
                bits >>= bitCount & ~7
                bitCount &= 7
            }
        }
        (self.bits, self.bitCount, self.out) = (bits, bitCount, out)
    }

    /// How often each byte is there; the end of the block once. Four counters each, since a byte mostly follows its
    /// like.
    private static func histogram(of bytes: UnsafeBufferPointer<UInt8>) -> [UInt32] {
        var counts = [UInt32](repeating: 0, count: 4 * 256)
        counts.withUnsafeMutableBufferPointer { counts in
            for (index, byte) in bytes.enumerated() { counts[(index & 3) << 8 | Int(byte)] &+= 1 }
        }
        return (0..<256).map { counts[$0] + counts[256 + $0] + counts[512 + $0] + counts[768 + $0] } + [1]
    }

    /// Computes the lengths of a Huffman code (Huffman 1952), none longer than `longest`; 0 for what is not there.
    private static func lengths(of counts: [UInt32]) -> [UInt8] {
        let present = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$0], $0) < (counts[$1], $1) }
        var lengths = [UInt8](repeating: 0, count: counts.count)
        guard present.count > 1 else {
            // A code of one symbol has one bit all the same; the other bit's symbol never comes.
            for symbol in present { lengths[symbol] = 1 }
            return lengths
        }
        // Two queues: leaves by their count, and pairs in the order in which they are made, which is that of their
        // sums.
        var weights = present.map { UInt64(counts[$0]) }
        var parents = [Int](repeating: 0, count: 2 * present.count - 1)
        var (leaf, pair) = (0, present.count)
        func take() -> Int {
            if pair == weights.count || leaf < present.count && weights[leaf] <= weights[pair] {
                defer { leaf += 1 }
                return leaf
            }
            defer { pair += 1 }
            return pair
        }
        while weights.count < parents.count {
            let (first, second) = (take(), take())
            parents[first] = weights.count
            parents[second] = weights.count
            weights.append(weights[first] + weights[second])
        }
        var depths = [Int](repeating: 0, count: parents.count)
        for node in stride(from: parents.count - 2, through: 0, by: -1) { depths[node] = depths[parents[node]] + 1 }
        var ofLength = [Int](repeating: 0, count: longest + 1)
        for depth in depths.prefix(present.count) { ofLength[min(depth, longest)] += 1 }
        // Codes that were cut off take more room than there is. One of the next shorter gets a bit more, and one of the
        // longest becomes its neighbour: each time that makes room for one of the longest, and the code stays complete
        // (as zlib does it).
        var space = ofLength.enumerated().dropFirst().reduce(0) { $0 + $1.element << (longest - $1.offset) }
        while space > 1 << longest {
            var shorter = longest - 1
            while ofLength[shorter] == 0 { shorter -= 1 }
            ofLength[shorter] -= 1
            ofLength[shorter + 1] += 2
            ofLength[longest] -= 1
            space -= 1
        }
        var length = longest
        for symbol in present {
            while ofLength[length] == 0 { length -= 1 }
            lengths[symbol] = UInt8(length)
            ofLength[length] -= 1
        }
        return lengths
    }

    /// Assigns the canonical codes of these lengths: RFC 1951, section 3.2.2.
    private mutating func setCodes(_ lengths: [UInt8]) {
        var next = [UInt32](repeating: 0, count: Self.longest + 2)
        for length in lengths where length > 0 { next[Int(length) + 1] += 1 }
        for length in 1...Self.longest { next[length + 1] = (next[length + 1] + next[length]) << 1 }
        // Now next[length] is the sum for the length before, doubled: where the codes of this length begin.
        for symbol in lengths.indices where lengths[symbol] > 0 {
            let length = Int(lengths[symbol])
            codes[symbol] = UInt32(Self.reversed(next[length], length)) | UInt32(length) << 16
            next[length] += 1
        }
    }

    private static func reversed(_ code: UInt32, _ length: Int) -> UInt64 {
        var result: UInt64 = 0
        for place in 0..<length where code >> place & 1 == 1 { result |= 1 << (length - 1 - place) }
        return result
    }
}
