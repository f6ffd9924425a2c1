import Files
import Images
import Time

/// The limits that every field of every message keeps, checked when writing and when reading.
///
/// They are wide enough for anything sensible, and narrow enough that no arithmetic on a received value can overflow:
/// differences of stamps, `stamp + i × step`, sums of counts, sizes of images.
struct FieldCheck {
    /// Longest name of a node, camera or goal, which people choose; bytes of UTF-8.
    static let longestName = 255
    /// Longest text for people, bytes of UTF-8.
    static let longestText = 65_536
    /// Largest side of a picture, pixels.
    static let largestSide = 16_384
    static let mostViews = 64
    static let longestWindow = 256
    static let mostActions = 65_536
    /// Most numbers of the arm's state in a timestep.
    static let mostNumbers = 1_000
    static let mostBuckets = 65_536
    static let mostEntries = 1_024
    static let largestBody = 4 << 20
    /// Farthest stamp from zero, nanoseconds, ±73 years: the difference of two stamps stays far from overflow.
    static let farthestTime: Int64 = 1 << 61
    /// Longest step, nanoseconds: one hour. 65,536 steps of it, added to a stamp, do not overflow.
    static let longestStep: Int64 = 3_600_000_000_000
    /// A kilohertz loop counts to this in 34 years; 65,536 buckets of it can be summed.
    static let largestCount: Int64 = 1 << 40

    let schema: String

    func require(
        _ condition: Bool, _ field: @autoclosure () -> String, found: @autoclosure () -> String,
        expected: @autoclosure () -> String
    ) throws(WireError) {
        guard condition else { throw failure(field(), found: found(), expected: expected()) }
    }

    func failure(_ field: String, found: String, expected: String) -> WireError {
        .invalid(schema: schema, field: field, found: found, expected: expected)
    }

    func bodySize(_ count: Int) throws(WireError) {
        try require(
            count <= Self.largestBody, "the body", found: "\(count) bytes long", expected: "at most \(Self.largestBody)"
        )
    }

    func name(_ text: String, _ field: String) throws(WireError) {
        try require(
            text.utf8.count <= Self.longestName, field, found: "\(text.utf8.count) bytes long",
            expected: "at most \(Self.longestName)")
    }

    func text(_ text: String, _ field: String) throws(WireError) {
        try require(
            text.utf8.count <= Self.longestText, field, found: "\(text.utf8.count) bytes long",
            expected: "at most \(Self.longestText)")
    }

    func count(_ count: Int, atMost limit: Int, _ field: String) throws(WireError) {
        try require(count <= limit, "the number of \(field)", found: "\(count)", expected: "at most \(limit)")
    }

    /// Checks a time stamp.
    /// - Parameter nanoseconds: the stamp's CLOCK_MONOTONIC time, nanoseconds.
    func time(_ nanoseconds: Int64, _ field: String) throws(WireError) {
        try require(
            (-Self.farthestTime...Self.farthestTime).contains(nanoseconds), field, found: "\(nanoseconds)",
            expected: "at most ±2^61 nanoseconds")
    }

    func total(_ value: Int64, _ field: String) throws(WireError) {
        try require(
            (0...Self.largestCount).contains(value), field, found: "\(value)", expected: "0...2^40")
    }

    /// Checks that a number fits the field's 32 bits.
    /// - Returns: `value` with the field's type.
    func small(_ value: Int, _ field: String) throws(WireError) -> UInt32 {
        guard let small = UInt32(exactly: value) else {
            throw failure(field, found: "\(value)", expected: "0...2^32-1")
        }
        return small
    }

    func imageSize(width: Int, height: Int, _ field: String) throws(WireError) {
        try require(
            (1...Self.largestSide).contains(width) && (1...Self.largestSide).contains(height), field,
            found: "\(width)x\(height) pixels", expected: "1...\(Self.largestSide) on each side")
    }

    func bulk(_ count: Int, is expected: Int, because reason: @autoclosure () -> String) throws(WireError) {
        try require(
            count == expected, "the bulk part", found: "\(count) bytes long",
            expected: "\(expected) bytes for \(reason())")
    }

    func noBulk(_ bulk: SharedBytes?) throws(WireError) {
        try self.bulk(bulk?.count ?? 0, is: 0, because: "a message without pixels")
    }

    /// Checks a set of joints of an arm with `count` joints.
    /// - Parameters:
    ///   - bits: the set: one bit for each joint, and one for the gripper after them.
    func joints(_ bits: UInt32, among count: Int, _ field: String) throws(WireError) {
        try require(
            bits >> UInt32(count + 1) == 0, field, found: "bits \(bits)",
            expected: "bits of \(count) joints and the gripper")
    }

    /// Checks that cameras are ascending and each is there once, which makes the order of the views the same for writer
    /// and reader.
    func ascending(_ cameras: [String]) throws(WireError) {
        for (former, latter) in zip(cameras, cameras.dropFirst()) {
            try require(
                former < latter, "the order of views", found: "'\(former)' before '\(latter)'",
                expected: "cameras in ascending order, each once")
        }
    }
}

extension SharedBytes {
    /// A part of these bytes, which are kept, not copied.
    func slice(_ range: Range<Int>) -> SharedBytes {
        range == 0..<count
            ? self
            : SharedBytes(adopting: UnsafeRawBufferPointer(rebasing: bytes[range])) { withExtendedLifetime(self) {} }
    }

    /// Joins `parts` one after the other: a single one is shared, several are copied; nil for no bytes at all.
    static func joining(_ parts: [SharedBytes]) -> SharedBytes? {
        if parts.count <= 1 { return parts.first.flatMap { $0.count == 0 ? nil : $0 } }
        let total = parts.reduce(0) { $0 + $1.count }
        return SharedBytes(count: total) { (memory) throws(Never) in
            var offset = 0
            for part in parts {
                UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + part.count]).copyMemory(
                    from: part.bytes)
                offset += part.count
            }
        }
    }
}
