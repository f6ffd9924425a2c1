/// The tokens that people may write into a text as they are: T5 takes them out before sentencepiece sees it.
enum SpecialTokens {
    enum Token: Equatable {
        case endOfText
        case padding
        case unknown
        /// `<extra_id_n>`
        case sentinel(Int)
    }

    enum Part: Equatable {
        case text(ArraySlice<UInt8>)
        case special(Token)
    }

    /// The parts of a UTF-8 text in order; text between two tokens that follow each other is left out.
    static func split(_ text: [UInt8]) -> [Part] {
        var parts: [Part] = []
        var start = 0
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "<"), let (token, length) = token(at: text[index...]) else {
                index += 1
                continue
            }
            if start < index { parts.append(.text(text[start..<index])) }
            parts.append(.special(token))
            index += length
            start = index
        }
        if start < text.count { parts.append(.text(text[start...])) }
        return parts
    }

    private static func token(at text: ArraySlice<UInt8>) -> (Token, length: Int)? {
        for (word, token) in [("</s>", Token.endOfText), ("<pad>", .padding), ("<unk>", .unknown)]
        where text.starts(with: word.utf8) {
            return (token, word.utf8.count)
        }
        let opening = "<extra_id_"
        guard text.starts(with: opening.utf8) else { return nil }
        let digits = text.dropFirst(opening.utf8.count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard digits.count <= 2, let number = Int(String(decoding: digits, as: UTF8.self)),
            number < TextTokenizer.sentinelCount, digits.count == 1 || number >= 10,  // not <extra_id_07>
            digits.endIndex < text.endIndex, text[digits.endIndex] == UInt8(ascii: ">")
        else { return nil }
        return (.sentinel(number), opening.utf8.count + digits.count + 1)
    }
}
