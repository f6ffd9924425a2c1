/// What one of our programs writes while it works, as it comes.
struct JobOutput: Equatable, Sendable {
    /// Most bytes of a result: a ranking of a thousand goals has half of it.
    static let mostResultBytes = 1 << 20
    /// Most bytes of a line: what comes without line breaks must not fill the memory.
    private static let longestLine = 4_096
    /// Most characters of a line that are shown.
    private static let mostShown = 500

    private(set) var result: [UInt8] = []
    /// More was written than is taken as a result.
    private(set) var isTooLong = false
    /// The last line of words.
    private(set) var line = ""
    /// The last line that says that something failed; the usage is printed behind it.
    private(set) var error: String?
    private var unfinished: [UInt8] = []

    /// Takes what came on standard output.
    mutating func takeResult(_ bytes: [UInt8]) {
        guard !isTooLong, bytes.count <= Self.mostResultBytes - result.count else {
            isTooLong = true
            result = []
            return
        }
        result += bytes
    }

    /// Takes what came on standard error: lines, and such that replace one another.
    mutating func takeWords(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                endLine()
            } else if unfinished.count < Self.longestLine {
                unfinished.append(byte)
            }
        }
    }

    /// Takes the last line, which may have no end.
    mutating func endLine() {
        defer { unfinished.removeAll(keepingCapacity: true) }
        let text = Self.plain(String(decoding: unfinished, as: UTF8.self))
        guard !text.isEmpty else { return }
        if text.lowercased().hasPrefix("error: ") { error = String(text.dropFirst("error: ".count)) }
        line = text
    }

    /// The words of a line, without a terminal's commands, the bar of a `ProgressLine`, and blanks around them.
    private static func plain(_ line: String) -> String {
        var text = ""
        var rest = Substring(line).unicodeScalars
        while let sign = rest.popFirst() {
            if sign == "\u{1B}" {
                // ECMA-48, control sequences: "[", parameters, and one sign from "@" on as the end.
                guard rest.first == "[" else { continue }
                rest.removeFirst()
                while let parameter = rest.popFirst(), parameter.value < 0x40 {}
            } else if sign.value >= 0x20 {
                text.unicodeScalars.append(sign)
            }
        }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]"),
            text[..<end].dropFirst().allSatisfy({ $0 == "#" || $0 == "." })
        {
            text.removeSubrange(...end)
        }
        let words = text.drop { $0 == " " }.prefix(mostShown)
        return String(words.reversed().drop { $0 == " " }.reversed())
    }
}
