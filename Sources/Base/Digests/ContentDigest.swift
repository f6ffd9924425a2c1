import Crypto
import Files
import Glibc

/// The SHA-256 (FIPS 180-4) of content that somebody may want to prove later: checkpoints, calibrations, goals. As text
/// it is what `sha256sum` prints.
package struct ContentDigest: Sendable {
    private var state = SHA256()

    package init() {}

    /// Takes in bytes, which are only read during the call; in several parts they give the same digest as in one.
    package mutating func combine(_ bytes: UnsafeRawBufferPointer) { state.update(bufferPointer: bytes) }

    /// Takes in the eight bytes of a number, least significant first.
    package mutating func combine(_ number: Int) { withUnsafeBytes(of: Int64(number).littleEndian) { combine($0) } }

    /// Takes in a text with its length, so that two texts in a row cannot be split in another way.
    package mutating func combine(_ text: String) {
        combine(text.utf8.count)
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    /// The digest of all that was taken in: 64 small hexadecimal digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        let text = state.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

extension SharedBytes {
    /// The SHA-256 of the bytes, as `sha256sum` prints it.
    package var sha256: String {
        var digest = ContentDigest()
        digest.combine(bytes)
        return digest.hex
    }
}

extension FileSystem {
    /// The SHA-256 of a file's content, as `sha256sum` prints it, and how many bytes that is; the file is read piece by
    /// piece, so that it may be of any size. open(2), read(2).
    /// - Returns: or the errno that stood in the way.
    package static func sha256(_ path: String) -> Result<(hex: String, byteCount: Int), SystemError> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(SystemError(errno)) }
        defer { close(descriptor) }
        var digest = ContentDigest()
        var byteCount = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return .success((digest.hex, byteCount)) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(SystemError(errno))
            }
            // The pointer does not leave the call.
            buffer.withUnsafeBytes { digest.combine(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            byteCount += count
        }
    }
}
