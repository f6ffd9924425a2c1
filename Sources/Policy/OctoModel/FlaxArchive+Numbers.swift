import Foundation

extension FlaxArchive {
    /// Bytes that are read before their memory is let go again.
    private static let piece = 4 << 20

    /// The array's numbers as float32; nil if there is no such array or it does not hold floating-point numbers.
    ///
    /// The file's memory is let go piece by piece, so that the numbers are not in memory twice.
    package func floats(_ name: String) -> [Float]? {
        guard let entry = entries[name], entry.elementType.isFloatingPoint else { return nil }
        return floats(entry)
    }

    private func floats(_ entry: Entry) -> [Float] {
        [Float](unsafeUninitializedCapacity: entry.count) { target, initialized in
            var index = 0
            forEachPiece(of: entry) { piece in
                let count = piece.count / entry.elementType.size
                let part = UnsafeMutableBufferPointer(rebasing: target[index..<index + count])
                switch entry.elementType {
                case .float32: UnsafeMutableRawBufferPointer(part).copyMemory(from: piece)
                case .float16: Self.convert(piece, to: part) { Float(Float16(bitPattern: $0)) }
                default: Self.convert(piece, to: part) { Float(bitPattern: UInt32($0) << 16) }
                }
                index += count
                return true
            }
            initialized = entry.count
        }
    }

    /// Reads rows of a matrix as float32, one after the other; nil as `floats`, or if a row is not there.
    package func rows(_ indices: [Int], of name: String) -> [Float]? {
        guard let entry = entries[name], entry.elementType.isFloatingPoint, entry.shape.count == 2,
            indices.allSatisfy({ (0..<entry.shape[0]).contains($0) })
        else { return nil }
        // Chunks may divide rows; no matrix that is read by rows is large enough to have any.
        guard entry.ranges.count == 1 else {
            return floats(name).map { all in
                indices.flatMap { all[$0 * entry.shape[1]..<($0 + 1) * entry.shape[1]] }
            }
        }
        let rowBytes = entry.shape[1] * entry.elementType.size
        return indices.flatMap { index -> [Float] in
            let start = entry.ranges[0].lowerBound + index * rowBytes
            return floats(
                Entry(shape: [entry.shape[1]], elementType: entry.elementType, ranges: [start..<start + rowBytes]))
        }
    }

    /// Reads numbers as they lie there: all platforms this runs on are little endian, like the file.
    @inline(__always)
    private static func convert(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableBufferPointer<Float>, _ number: (UInt16) -> Float
    ) {
        for index in target.indices {
            target[index] = number(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
        }
    }

    /// Names of the arrays among `names` that hold NaN or infinity, in the order of the file.
    ///
    /// Reads every byte of them once; never more than a few megabytes are in memory at a time.
    package func nonFiniteArrays(among names: some Sequence<String>) -> [String] {
        func place(_ name: String) -> Int { entries[name]?.ranges.first?.lowerBound ?? 0 }
        return names.sorted { (place($0), $0) < (place($1), $1) }.filter { name in
            guard let entry = entries[name], entry.elementType.isFloatingPoint else { return false }
            var isFinite = true
            forEachPiece(of: entry) { piece in
                isFinite =
                    switch entry.elementType {
                    case .float32: Self.isFinite(piece, exponent: 0x7f80_0000 as UInt32, lowestBit: 0x0080_0000)
                    case .float16: Self.isFinite(piece, exponent: 0x7c00 as UInt16, lowestBit: 0x0400)
                    default: Self.isFinite(piece, exponent: 0x7f80 as UInt16, lowestBit: 0x0080)
                    }
                return isFinite
            }
            return !isFinite
        }
    }

    /// An exponent of ones alone carries into the sign when its lowest bit is added: no comparison is needed, so that
    /// this runs at the speed of the memory.
    @inline(__always)
    private static func isFinite<Bits: FixedWidthInteger & UnsignedInteger & SIMDScalar & BitwiseCopyable>(
        _ piece: UnsafeRawBufferPointer, exponent: Bits, lowestBit: Bits
    ) -> Bool {
        let size = MemoryLayout<Bits>.size
        var carries: Bits = 0
        for offset in stride(from: 0, to: piece.count / size * size, by: size) {
            carries |= (piece.loadUnaligned(fromByteOffset: offset, as: Bits.self) & exponent) &+ lowestBit
        }
        return carries & (1 << (Bits.bitWidth - 1)) == 0
    }

    /// Hands out an array's bytes in order, whole numbers at a time, until `body` returns false.
    private func forEachPiece(of entry: Entry, _ body: (UnsafeRawBufferPointer) -> Bool) {
        withBytes { raw in
            for range in entry.ranges {
                var start = range.lowerBound
                while start < range.upperBound {
                    let end = min(start + Self.piece, range.upperBound)
                    let goesOn = body(UnsafeRawBufferPointer(rebasing: raw[start..<end]))
                    mapping?.releasePages(of: start..<end)
                    if !goesOn { return }
                    start = end
                }
            }
        }
    }
}
