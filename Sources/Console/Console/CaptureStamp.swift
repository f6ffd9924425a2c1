import Time

/// The time at which a recorded camera frame was captured, read without its pixels: decoding those of an episode takes
/// as long as it lasted.
///
/// Frames are recorded as Foxglove's CompressedImage or RawImage; field 1 of both is the capture time, a
/// google.protobuf.Timestamp.
enum CaptureStamp {
    /// Reads the stamp of a frame's message.
    /// - Returns: nil where the message does not begin with a time.
    static func read(_ message: [UInt8]) -> MonotonicTime? {
        var bytes = message[...]
        guard number(from: &bytes) == 1 << 3 | 2, let length = number(from: &bytes), length <= UInt64(bytes.count)
        else { return nil }
        var stamp = bytes.prefix(Int(length))
        var (seconds, nanoseconds): (UInt64, UInt64) = (0, 0)
        while !stamp.isEmpty {
            guard let tag = number(from: &stamp), let value = number(from: &stamp) else { return nil }
            switch tag {
            case 1 << 3: seconds = value
            case 2 << 3: nanoseconds = value
            default: return nil
            }
        }
        guard seconds < 1 << 32, nanoseconds < 1_000_000_000 else { return nil }
        return MonotonicTime(nanoseconds: Int64(seconds) * 1_000_000_000 + Int64(nanoseconds))
    }

    /// Takes a varint. Protocol Buffers encoding, "Base 128 Varints".
    private static func number(from bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }
}
