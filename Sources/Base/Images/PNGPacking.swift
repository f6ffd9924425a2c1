import CPNG
import Files

/// Writes PNG fast: what a recorder can afford for every frame. Rows are told from their left, upper or mean
/// neighbours, whichever leaves least (the rule of the PNG specification, section 12.8), and what is left has a Huffman
/// code.
enum PNGPacking {
    /// Filter types of the PNG specification, section 9.2.
    private enum Filter: UInt8, CaseIterable {
        case sub = 1
        case up = 2
        case average = 3
    }
    private static let bytesPerPixel = 3
    /// The filter is chosen anew for each group of so many rows, by the first of them.
    private static let rowsOfAFilter = 4
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    /// zlib's header: deflate with a window of 32 KiB, no preset dictionary.
    private static let zlibHead: [UInt8] = [0x78, 0x01]

    static func encode(_ picture: RGBImage) -> SharedBytes {
        let filtered = filter(picture)
        let deflated = [UInt8](unsafeUninitializedCapacity: HuffmanDeflate.bound(filtered.count)) { buffer, count in
            guard let out = buffer.baseAddress else { return }
            count = filtered.withUnsafeBufferPointer { HuffmanDeflate.compress($0, to: out) }
        }
        var file = signature
        file.reserveCapacity(deflated.count + 64)
        // 8 bits, RGB, and the only methods there are. Section 11.2.2.
        append(
            "IHDR", [bigEndian(UInt32(picture.width)), bigEndian(UInt32(picture.height)), [8, 2, 0, 0, 0]], to: &file)
        let sum = filtered.withUnsafeBufferPointer { adler32_z(1, $0.baseAddress, $0.count) }
        append("IDAT", [zlibHead, deflated, bigEndian(UInt32(truncatingIfNeeded: sum))], to: &file)
        append("IEND", [], to: &file)
        return SharedBytes(copying: file)
    }

    /// Filters the rows; each stands behind the type of its filter.
    private static func filter(_ picture: RGBImage) -> [UInt8] {
        let width = picture.width * bytesPerPixel
        // A row of zeroes lies above the first.
        let above = [UInt8](repeating: 0, count: width)
        return [UInt8](unsafeUninitializedCapacity: (width + 1) * picture.height) { rows, count in
            // All pointers are of buffers that live until the end of this closure, `width` bytes from each are within
            // them.
            above.withUnsafeBufferPointer { above in
                guard let above = above.baseAddress, let out = rows.baseAddress,
                    let pixels = picture.pixels.bytes.assumingMemoryBound(to: UInt8.self).baseAddress
                else { return }
                var best = Filter.up
                for row in 0..<picture.height {
                    let line = pixels + row * width
                    let upper = row == 0 ? above : line - width
                    let target = out + row * (width + 1)
                    if row % rowsOfAFilter == 0 { best = choose(line, upper, width, scratch: target + 1) }
                    target[0] = best.rawValue
                    apply(best, line, upper, width, to: target + 1)
                }
            }
            count = (width + 1) * picture.height
        }
    }

    private static func choose(
        _ line: UnsafePointer<UInt8>, _ upper: UnsafePointer<UInt8>, _ width: Int, scratch: UnsafeMutablePointer<UInt8>
    ) -> Filter {
        var (best, least) = (Filter.up, UInt32.max)
        for filter in Filter.allCases {
            apply(filter, line, upper, width, to: scratch)
            var total: UInt32 = 0
            for index in 0..<width { total &+= UInt32(Int8(bitPattern: scratch[index]).magnitude) }
            if total < least { (best, least) = (filter, total) }
        }
        return best
    }

    private static func apply(
        _ filter: Filter, _ line: UnsafePointer<UInt8>, _ upper: UnsafePointer<UInt8>, _ width: Int,
        to out: UnsafeMutablePointer<UInt8>
    ) {
        let first = min(bytesPerPixel, width)
        switch filter {
        case .sub:
            for index in 0..<first { out[index] = line[index] }
            for index in first..<width { out[index] = line[index] &- line[index &- bytesPerPixel] }
        case .up:
            for index in 0..<width { out[index] = line[index] &- upper[index] }
        case .average:
            for index in 0..<first { out[index] = line[index] &- upper[index] >> 1 }
            for index in first..<width {
                let sum = UInt16(line[index &- bytesPerPixel]) &+ UInt16(upper[index])
                out[index] = line[index] &- UInt8(truncatingIfNeeded: sum >> 1)
            }
        }
    }

    private static func append(_ type: String, _ parts: [[UInt8]], to file: inout [UInt8]) {
        file += bigEndian(UInt32(parts.reduce(0) { $0 + $1.count }))
        let start = file.count
        file += Array(type.utf8)
        for part in parts { file += part }
        let sum = file[start...].withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
        file += bigEndian(UInt32(truncatingIfNeeded: sum))
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }
}
