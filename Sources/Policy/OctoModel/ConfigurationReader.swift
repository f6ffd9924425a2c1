import JSONTree

/// Reads values out of `config.json` and keeps a list of all that is wrong, so that one run tells everything.
///
/// Every method returns a usable value even after a problem; the caller throws when all is read.
struct ConfigurationReader {
    private(set) var problems: [ConfigurationProblem] = []

    /// `{module, name, args, kwargs}`: a class of the official code with the arguments to make it.
    struct ModuleSpec {
        var path: String
        var name: String
        var kwargs: JSONNode
        var kwargsPath: String { path + ".kwargs" }
    }

    mutating func report(_ path: String, found: String, expected: String) {
        problems.append(ConfigurationProblem(path: path, found: found, expected: expected))
    }

    private static func describe(_ node: JSONNode) -> String {
        switch node.value {
        case .null, .bool, .number, .string: node.text()
        case .array(let elements) where elements.count <= 8: node.text()
        case .array, .object: node.kind
        }
    }

    mutating func integer(
        _ parent: JSONNode, _ key: String, at path: String, default standard: Int? = nil, in range: ClosedRange<Int>
    ) -> Int {
        let place = "\(path).\(key)"
        let expected = "a whole number in \(range.lowerBound)...\(range.upperBound)"
        guard let node = parent[key] else {
            if let standard { return standard }
            report(place, found: "nothing", expected: expected)
            return range.lowerBound
        }
        guard let value = node.int, range.contains(value) else {
            report(place, found: Self.describe(node), expected: expected)
            return range.lowerBound
        }
        return value
    }

    mutating func number(_ parent: JSONNode, _ key: String, at path: String, default standard: Float) -> Float {
        guard let node = parent[key] else { return standard }
        guard let value = node.double, value > 0, Float(value).isFinite else {
            report("\(path).\(key)", found: Self.describe(node), expected: "a positive number")
            return standard
        }
        return Float(value)
    }

    /// A number that may be 0 or less.
    mutating func bound(_ parent: JSONNode, _ key: String, at path: String, default standard: Float) -> Float {
        guard let node = parent[key] else { return standard }
        guard let value = node.double, Float(value).isFinite else {
            report("\(path).\(key)", found: Self.describe(node), expected: "a number")
            return standard
        }
        return Float(value)
    }

    mutating func boolean(_ parent: JSONNode, _ key: String, at path: String, default standard: Bool) -> Bool {
        guard let node = parent[key] else { return standard }
        guard let value = node.bool else {
            report("\(path).\(key)", found: Self.describe(node), expected: "true or false")
            return standard
        }
        return value
    }

    mutating func string(_ parent: JSONNode, _ key: String, at path: String, default standard: String? = nil) -> String
    {
        guard let node = parent[key] else {
            if let standard { return standard }
            report("\(path).\(key)", found: "nothing", expected: "a string")
            return ""
        }
        guard let value = node.string else {
            report("\(path).\(key)", found: Self.describe(node), expected: "a string")
            return standard ?? ""
        }
        return value
    }

    mutating func strings(_ parent: JSONNode, _ key: String, at path: String, default standard: [String]) -> [String] {
        guard let node = parent[key] else { return standard }
        let values = node.array?.compactMap(\.string)
        guard let values, values.count == node.array?.count else {
            report("\(path).\(key)", found: Self.describe(node), expected: "a list of strings")
            return standard
        }
        return values
    }

    mutating func integers(
        _ parent: JSONNode, _ key: String, at path: String, default standard: [Int], in range: ClosedRange<Int>
    ) -> [Int] {
        guard let node = parent[key] else { return standard }
        let values = node.array?.compactMap(\.int)
        guard let values, values.count == node.array?.count, values.allSatisfy(range.contains) else {
            report(
                "\(path).\(key)", found: Self.describe(node),
                expected: "a list of whole numbers in \(range.lowerBound)...\(range.upperBound)")
            return standard
        }
        return values
    }

    /// The members of a map, in the order of the file.
    mutating func members(_ parent: JSONNode, _ key: String, at path: String) -> [JSONNode.Member] {
        guard let node = parent[key] else {
            report("\(path).\(key)", found: "nothing", expected: "an object")
            return []
        }
        guard let members = node.object else {
            report("\(path).\(key)", found: Self.describe(node), expected: "an object")
            return []
        }
        return members
    }

    /// nil after reporting that `node` names no class.
    mutating func module(_ node: JSONNode, at path: String) -> ModuleSpec? {
        guard let name = node["name"]?.string else {
            report(path, found: Self.describe(node), expected: "a module with a name and kwargs")
            return nil
        }
        if let args = node["args"], args.array?.isEmpty != true {
            report("\(path).args", found: Self.describe(args), expected: "an empty list, all arguments as kwargs")
        }
        let kwargs = node["kwargs"] ?? JSONNode(.object([]))
        if kwargs.object == nil { report("\(path).kwargs", found: Self.describe(kwargs), expected: "an object") }
        return ModuleSpec(path: path, name: name, kwargs: kwargs)
    }

    /// Reports arguments that the class does not have, or that change it in a way this runtime does not follow.
    ///
    /// - Parameters:
    ///   - known: read elsewhere, or without influence on inference.
    ///   - fixed: known arguments with the only value that can be followed.
    mutating func checkArguments(
        _ kwargs: JSONNode, at path: String, known: [String], fixed: [String: JSONNode] = [:]
    ) {
        for member in kwargs.object ?? [] {
            let place = "\(path).\(member.key)"
            if let only = fixed[member.key] {
                if member.value != only {
                    report(
                        place, found: Self.describe(member.value), expected: "\(only.text()), the only supported value")
                }
            } else if !known.contains(member.key) {
                report(
                    place, found: "an argument this runtime does not know (\(Self.describe(member.value)))",
                    expected: "one of \((known + fixed.keys.sorted()).joined(separator: ", "))")
            }
        }
    }
}

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
