import CXXHash
import Files

extension SharedBytes {
    /// XXH3, 64 bits, of all bytes: tells one picture from the next. It is the same on all machines, quick enough for
    /// every frame (`octo-bench camera`), and no protection against somebody who wants two pictures to look alike.
    /// XXH3_64bits of libxxhash.
    package var xxh3: UInt64 { XXH3_64bits(bytes.baseAddress, bytes.count) }
}
