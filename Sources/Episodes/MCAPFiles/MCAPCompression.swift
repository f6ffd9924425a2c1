import CLZ4
import CZstd

extension MCAP {
    /// Ways to compress chunks.
    package enum Compression: Equatable, Sendable {
        case none
        /// - level: 1 (fast) to 19.
        case zstd(level: Int32)
        case lz4

        /// The name as it is written in the chunk.
        package var name: String {
            switch self {
            case .none: ""
            case .zstd: "zstd"
            case .lz4: "lz4"
            }
        }

        /// Finds a compression by its name in a chunk; nil for one that is not known.
        package init?(named name: String) {
            switch name {
            case "": self = .none
            case "zstd": self = .zstd(level: 1)
            case "lz4": self = .lz4
            default: return nil
            }
        }
    }
}

/// Compresses chunks, each by itself, with memory that is kept from one to the next.
final class ChunkCompressor {
    private let compression: MCAP.Compression
    private let zstd: OpaquePointer?

    init(_ compression: MCAP.Compression) {
        self.compression = compression
        zstd = if case .zstd = compression { ZSTD_createCCtx() } else { nil }
    }

    deinit { ZSTD_freeCCtx(zstd) }

    /// Appends the compressed bytes. ZSTD_compressCCtx, LZ4F_compressFrame.
    func compress(_ bytes: [UInt8], onto output: inout [UInt8]) throws(MCAPWriteError) {
        let bound: Int
        switch compression {
        case .none:
            output += bytes
            return
        case .zstd: bound = ZSTD_compressBound(bytes.count)
        case .lz4: bound = LZ4F_compressFrameBound(bytes.count, nil)
        }
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: bound))
        // Both write at most `bound` bytes behind `start`, which are there.
        let written = output.withUnsafeMutableBytes { output in
            bytes.withUnsafeBytes { input in
                let target = output.baseAddress.map { $0 + start }
                return switch compression {
                case .zstd(let level): ZSTD_compressCCtx(zstd, target, bound, input.baseAddress, input.count, level)
                case .lz4: LZ4F_compressFrame(target, bound, input.baseAddress, input.count, nil)
                case .none: 0
                }
            }
        }
        let failed = if case .zstd = compression { ZSTD_isError(written) != 0 } else { LZ4F_isError(written) != 0 }
        guard !failed, written <= bound else {
            output.removeLast(bound)
            throw .compression(compression.name, byteCount: bytes.count)
        }
        output.removeLast(bound - written)
    }
}

/// Opens chunks. What comes out before bytes turn out to be damaged is kept: a cut file loses only what is not there.
final class ChunkDecompressor {
    private static let pieceBytes = 128 << 10
    private lazy var zstd: OpaquePointer? = ZSTD_createDCtx()
    private lazy var lz4: OpaquePointer? = {
        var context: OpaquePointer?
        return LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 ? context : nil
    }()
    private var piece: [UInt8] = []

    deinit {
        ZSTD_freeDCtx(zstd)
        LZ4F_freeDecompressionContext(lz4)
    }

    /// Opens compressed bytes, up to `size` of them, which the caller has checked against its limit.
    ///
    /// Memory grows with what really comes out, not with what a damaged chunk says.
    /// - Parameter compressed: read during the call only.
    /// - Returns: fewer bytes than `size` where the input is cut or damaged, `size + 1` where there are more.
    func open(_ compressed: UnsafeRawBufferPointer, _ compression: MCAP.Compression, size: Int) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(min(size, 256 * compressed.count + 1024))
        let wanted = min(max(size, 1 << 10), Self.pieceBytes)
        if piece.count < wanted { piece = [UInt8](repeating: 0, count: wanted) }
        switch compression {
        case .none: output.append(contentsOf: compressed.prefix(size + 1))
        case .zstd: openZstd(compressed, size: size, onto: &output)
        case .lz4: openLZ4(compressed, size: size, onto: &output)
        }
        return output
    }

    /// Opens zstd. ZSTD_decompressStream.
    private func openZstd(_ compressed: UnsafeRawBufferPointer, size: Int, onto output: inout [UInt8]) {
        guard let zstd else { return }
        ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only)
        // A window is allocated at once, so that it must not be larger than what it is for.
        let bits = Int32(Int.bitWidth - max(size, 1 << 10).leadingZeroBitCount)
        ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, min(bits, 30))
        var input = ZSTD_inBuffer(src: compressed.baseAddress, size: compressed.count, pos: 0)
        while output.count <= size {
            // The call writes into the piece alone; `pos` counts what it wrote.
            let (result, count) = piece.withUnsafeMutableBytes { piece in
                var target = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
                let result = ZSTD_decompressStream(zstd, &target, &input)
                return (result, target.pos)
            }
            output += piece[..<min(count, size + 1 - output.count)]
            // An error, or all input taken and nothing held back for want of room.
            if ZSTD_isError(result) != 0 || (input.pos == input.size && count < piece.count)
                || (count == 0 && result == 0)
            {
                return
            }
        }
    }

    /// Opens LZ4. LZ4F_decompress.
    private func openLZ4(_ compressed: UnsafeRawBufferPointer, size: Int, onto output: inout [UInt8]) {
        guard let lz4 else { return }
        LZ4F_resetDecompressionContext(lz4)
        var position = 0
        while output.count <= size {
            var count = piece.count
            var taken = compressed.count - position
            // The call reads `taken` bytes at most, writes `count` into the piece at most, and sets both to what it
            // did.
            let result = piece.withUnsafeMutableBytes { piece in
                LZ4F_decompress(
                    lz4, piece.baseAddress, &count, compressed.baseAddress.map { $0 + position }, &taken, nil)
            }
            if LZ4F_isError(result) != 0 { return }
            position += taken
            output += piece[..<min(count, size + 1 - output.count)]
            if taken == 0 && count == 0 { return }
        }
    }
}
