import Digests
import Maths
import Messages

extension Goal {
    /// The id that a goal of this content has: the first 12 hexadecimal digits of a SHA-256 over cameras, sizes,
    /// pixels, text and the task's numbers.
    package static func contentID(views: [View], text: String?, taskNumbers: [String: [Float]] = [:]) -> String {
        var digest = ContentDigest()
        describe(views, text, taskNumbers) { digest.combine($0) }
        return String(digest.hex.prefix(12))
    }

    /// The id that versions up to 0.2.0 gave a goal of this content: an FNV-1a hash of 64 bits whose upper bits are
    /// folded in. Goals in libraries have it.
    package static func formerContentID(views: [View], text: String?, taskNumbers: [String: [Float]] = [:]) -> String {
        var hash = FNV1a()
        describe(views, text, taskNumbers) { hash.combine($0) }
        let digits = String((hash.value ^ hash.value >> 48) & 0xffff_ffff_ffff, radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// The content as bytes that stand for it and for nothing else: texts begin with their length, numbers have eight
    /// bytes, the least significant first.
    private static func describe(
        _ views: [View], _ text: String?, _ taskNumbers: [String: [Float]], to take: (UnsafeRawBufferPointer) -> Void
    ) {
        // The pointers do not leave the calls.
        func tell(_ number: Int) { withUnsafeBytes(of: Int64(number).littleEndian, take) }
        func tell(_ text: String) {
            tell(text.utf8.count)
            var text = text
            text.withUTF8 { take(UnsafeRawBufferPointer($0)) }
        }
        for view in views.sorted(by: { $0.camera < $1.camera }) {
            tell(view.camera)
            tell(view.image.width)
            tell(view.image.height)
            take(view.image.pixels.bytes)
        }
        tell(views.count)
        tell(text == nil ? 0 : 1)
        tell(text ?? "")
        for (key, values) in taskNumbers.sorted(by: { $0.key < $1.key }) {
            tell(key)
            for value in values { tell(Int(value.bitPattern)) }
        }
    }
}
