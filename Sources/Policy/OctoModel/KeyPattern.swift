/// The patterns that choose image keys: Python's `re.match`, which is anchored at the start only. Literal characters,
/// `.`, `*`, `^`, `$` and escaped characters are understood; released checkpoints use no more.
package struct KeyPattern: Equatable, Sendable {
    private struct Piece: Equatable {
        /// nil matches any character.
        var character: Character?
        var repeats: Bool
    }
    private var pieces: [Piece] = []
    private var anchoredAtEnd = false

    /// nil for a pattern that needs a real regular-expression engine.
    package init?(_ text: String) {
        var rest = Substring(text)
        if rest.first == "^" { rest.removeFirst() }
        while let character = rest.popFirst() {
            switch character {
            case "*":
                guard let last = pieces.indices.last, !pieces[last].repeats else { return nil }
                pieces[last].repeats = true
            case "$" where rest.isEmpty: anchoredAtEnd = true
            case ".": pieces.append(Piece(character: nil, repeats: false))
            case "\\":
                guard let escaped = rest.popFirst(), !escaped.isLetter, !escaped.isNumber else { return nil }
                pieces.append(Piece(character: escaped, repeats: false))
            case "+", "?", "(", ")", "[", "]", "{", "}", "|", "^", "$": return nil
            default: pieces.append(Piece(character: character, repeats: false))
            }
        }
    }

    /// Follows all ways through the pattern at once, so that no pattern can take long.
    package func matches(start key: String) -> Bool {
        var states = closure(of: [0])
        if !anchoredAtEnd && states.contains(pieces.count) { return true }
        for character in key {
            var next: Set<Int> = []
            for state in states where state < pieces.count {
                let piece = pieces[state]
                if piece.character == nil || piece.character == character {
                    next.insert(piece.repeats ? state : state + 1)
                }
            }
            states = closure(of: next)
            if !anchoredAtEnd && states.contains(pieces.count) { return true }
        }
        return states.contains(pieces.count)
    }

    /// Adds the states that are reached by repeating something zero times.
    private func closure(of states: Set<Int>) -> Set<Int> {
        var result = states
        for var state in states {
            while state < pieces.count && pieces[state].repeats {
                state += 1
                result.insert(state)
            }
        }
        return result
    }
}
