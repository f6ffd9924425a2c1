import Time

/// Makes keys of the bytes that a terminal sends. Any bytes will do: what is no known key is `Key.other`.
///
/// Terminals send one byte for a sign and a sequence that begins with ESC for most other keys (ECMA-48 section 5.4 and
/// xterm's control sequences). A lone ESC looks like the beginning of one: time tells them apart.
package struct KeyDecoder: Sendable {
    /// How long the rest of a sequence may take: it is written at once, and only a slow line takes it apart.
    package static let patience = Duration.milliseconds(50)
    /// How long after an ESC the rest of an arrow key may come over a slow line.
    private static let slowLine = Duration.milliseconds(500)
    /// A sequence longer than this is none.
    private static let longestSequence = 32

    private enum Phase {
        case ground
        case escape
        /// Inside a control sequence (ESC [): what came between its beginning and the final byte.
        case control([UInt8])
        /// Inside a single shift (ESC O): one byte follows.
        case singleShift
        /// Inside a text (ESC ] P X ^ or _) that lasts up to BEL or ESC \.
        case text(length: Int)
        /// Inside a sign beyond ASCII: the number of bytes that follow.
        case multibyte(Int)
    }
    private enum Byte {
        static let escape: UInt8 = 0x1B
        static let bell: UInt8 = 0x07
    }
    private var phase = Phase.ground
    private var isPasting = false
    /// Time at which an ESC was taken for the key of that name, if what follows may still be the rest of a sequence.
    private var loneEscape: MonotonicTime?
    /// The rest of a sequence whose ESC has been told already: it is no key any more.
    private var isRest = false
    private var lastByte = MonotonicTime.zero

    package init() {}

    /// Time at which `receive` has something to decide even if nothing comes; nil while nothing is open.
    package var deadline: MonotonicTime? {
        if case .ground = phase, !isPasting { return nil }
        return lastByte + Self.patience
    }

    /// Takes what has arrived; no bytes let time pass.
    package mutating func receive(_ bytes: some Sequence<UInt8>, at now: MonotonicTime) -> [Key] {
        var keys = expire(at: now)
        for byte in bytes {
            takeRest(beginningWith: byte, at: now)
            accept(byte, into: &keys)
            lastByte = now
        }
        return keys
    }

    /// Ends what has been open for too long: an ESC with nothing behind it is the key of that name.
    private mutating func expire(at now: MonotonicTime) -> [Key] {
        guard let deadline, now >= deadline else { return [] }
        if case .escape = phase { loneEscape = lastByte }
        return finish()
    }

    /// Takes up the rest of a sequence after an ESC that came alone: what a terminal writes behind it is neither a
    /// bracket nor a letter that somebody pressed.
    private mutating func takeRest(beginningWith byte: UInt8, at now: MonotonicTime) {
        guard let escape = loneEscape else { return }
        loneEscape = nil
        guard case .ground = phase, now - escape < Self.slowLine else { return }
        if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") {
            phase = .escape
            isRest = true
        }
    }

    /// Ends the input: no more bytes come.
    package mutating func finish() -> [Key] {
        isPasting = false
        switch phase {
        case .ground: return []
        case .escape:
            phase = .ground
            return [.escape]
        case .control, .singleShift, .text, .multibyte:
            phase = .ground
            defer { isRest = false }
            return isRest ? [] : [.other]
        }
    }

    private mutating func accept(_ byte: UInt8, into keys: inout [Key]) {
        // Whatever else is open: who presses these wants an end now.
        if byte == 3 || byte == 4 {
            phase = .ground
            (isPasting, isRest) = (false, false)
            return keys.append(.interrupt)
        }
        switch phase {
        case .ground: begin(byte, into: &keys)
        case .escape: acceptAfterEscape(byte, into: &keys)
        case .control(let before): acceptControl(byte, after: before, into: &keys)
        case .singleShift:
            phase = .ground
            append(Self.arrow(byte) ?? .other, to: &keys)
        case .text(let length):
            if byte == Byte.escape {
                phase = .escape
            } else if byte == Byte.bell || length >= Self.longestSequence {
                phase = .ground
                append(.other, to: &keys)
            } else {
                phase = .text(length: length + 1)
            }
        case .multibyte(let left):
            guard byte & 0xC0 == 0x80 else {
                phase = .ground
                append(.other, to: &keys)
                return begin(byte, into: &keys)
            }
            phase = left > 1 ? .multibyte(left - 1) : .ground
            if left <= 1 { append(.other, to: &keys) }
        }
    }

    private mutating func begin(_ byte: UInt8, into keys: inout [Key]) {
        switch byte {
        case Byte.escape: phase = .escape
        case 0x09: append(.tab, to: &keys)
        case 0x20...0x7E: append(.sign(Character(UnicodeScalar(byte))), to: &keys)
        case 0xC0...0xDF: phase = .multibyte(1)
        case 0xE0...0xEF: phase = .multibyte(2)
        case 0xF0...0xF7: phase = .multibyte(3)
        default: append(.other, to: &keys)
        }
    }

    private mutating func acceptAfterEscape(_ byte: UInt8, into keys: inout [Key]) {
        switch byte {
        case UInt8(ascii: "["): phase = .control([])
        case UInt8(ascii: "O"): phase = .singleShift
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
            phase = .text(length: 0)
        case Byte.escape:
            append(.escape, to: &keys)
        default:
            // Somebody who hits ESC and another key at once means at least the ESC; a terminal that writes Alt this way
            // is understood as the same.
            phase = .ground
            append(.escape, to: &keys)
            begin(byte, into: &keys)
        }
    }

    private mutating func acceptControl(_ byte: UInt8, after before: [UInt8], into keys: inout [Key]) {
        switch byte {
        case 0x20...0x3F where before.count < Self.longestSequence: phase = .control(before + [byte])
        case 0x40...0x7E:
            phase = .ground
            end(before, by: byte, into: &keys)
        case Byte.escape:
            phase = .escape
            append(.other, to: &keys)
        default:
            phase = .ground
            append(.other, to: &keys)
        }
    }

    private mutating func end(_ parameters: [UInt8], by final: UInt8, into keys: inout [Key]) {
        if final == UInt8(ascii: "~"), parameters == Array("200".utf8) {
            isPasting = true
            return keys.append(.other)
        }
        if final == UInt8(ascii: "~"), parameters == Array("201".utf8) { return isPasting = false }
        // With parameters it was pressed together with Shift, Alt or Ctrl.
        append(parameters.isEmpty ? Self.arrow(final) ?? .other : .other, to: &keys)
    }

    private mutating func append(_ key: Key, to keys: inout [Key]) {
        defer { isRest = false }
        if isRest { return }
        // Between the marks of a paste nothing was pressed.
        if !isPasting { keys.append(key) }
    }

    private static func arrow(_ final: UInt8) -> Key? {
        switch final {
        case UInt8(ascii: "A"): .up
        case UInt8(ascii: "B"): .down
        case UInt8(ascii: "C"): .right
        case UInt8(ascii: "D"): .left
        default: nil
        }
    }
}
