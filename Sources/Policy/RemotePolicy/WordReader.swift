import JSONTree

/// Reads an object that another machine said: each value is of the kind and size that is expected, or an error names
/// it.
struct WordReader {
    /// Bytes of a name or path.
    private static let longestText = 4_096

    let node: JSONNode

    init(_ node: JSONNode) { self.node = node }

    func has(_ key: String) -> Bool { node[key] != nil }

    private func wrong(_ key: String, _ expected: String) -> RemoteWordError {
        RemoteWordError("\(key): \(node[key].map { $0.brief } ?? "nothing"), expected \(expected)")
    }

    func text(_ key: String) throws(RemoteWordError) -> String {
        guard let text = node[key]?.string, text.utf8.count <= Self.longestText else { throw wrong(key, "a text") }
        return text
    }

    func flag(_ key: String) throws(RemoteWordError) -> Bool {
        guard let flag = node[key]?.bool else { throw wrong(key, "true or false") }
        return flag
    }

    func count(_ key: String, in range: ClosedRange<Int>) throws(RemoteWordError) -> Int {
        guard let number = node[key]?.int, range.contains(number) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A number of 64 bits, which JSON writes as a text.
    func wide(_ key: String) throws(RemoteWordError) -> UInt64 {
        guard let number = node[key]?.string.flatMap({ UInt64($0) }) else { throw wrong(key, "a number as a text") }
        return number
    }

    /// A hash, 16 hexadecimal digits.
    func hash(_ key: String) throws(RemoteWordError) -> UInt64 {
        guard let text = node[key]?.string, text.utf8.count == 16, let hash = UInt64(text, radix: 16) else {
            throw wrong(key, "16 hexadecimal digits")
        }
        return hash
    }

    func part(_ key: String) throws(RemoteWordError) -> WordReader? {
        guard let part = node[key] else { return nil }
        guard part.object != nil else { throw wrong(key, "an object") }
        return WordReader(part)
    }

    func list(_ key: String, most: Int) throws(RemoteWordError) -> [WordReader] {
        guard let list = node[key]?.array, list.count <= most, list.allSatisfy({ $0.object != nil }) else {
            throw wrong(key, "a list of at most \(most) objects")
        }
        return list.map(WordReader.init)
    }

    func texts(_ key: String, most: Int) throws(RemoteWordError) -> [String] {
        let texts = node[key]?.array?.map(\.string) ?? [nil]
        guard texts.count <= most, texts.allSatisfy({ $0 != nil }) else {
            throw wrong(key, "a list of at most \(most) texts")
        }
        return texts.compactMap(\.self)
    }

    func flags(_ key: String, exactly count: Int) throws(RemoteWordError) -> [Bool] {
        let flags = (node[key]?.array ?? []).compactMap(\.bool)
        guard flags.count == count, node[key]?.array?.count == count else {
            throw wrong(key, "a list of \(count) of true and false")
        }
        return flags
    }

    func numbers(_ key: String, exactly count: Int) throws(RemoteWordError) -> [Float] {
        guard let numbers = Self.floats(node[key]), numbers.count == count else {
            throw wrong(key, "a list of \(count) numbers")
        }
        return numbers
    }

    /// Lists of numbers by name.
    func numbersByKey(_ key: String, most: Int) throws(RemoteWordError) -> [String: [Float]] {
        guard let members = node[key]?.object, members.count <= most else {
            throw wrong(key, "lists of numbers by name")
        }
        var all: [String: [Float]] = [:]
        for member in members {
            guard let numbers = Self.floats(member.value), numbers.count <= most, all[member.key] == nil else {
                throw wrong(key, "lists of numbers by name")
            }
            all[member.key] = numbers
        }
        return all
    }

    private static func floats(_ node: JSONNode?) -> [Float]? {
        guard let nodes = node?.array else { return nil }
        let numbers = nodes.compactMap { $0.double.map { Float($0) } }
        return numbers.count == nodes.count && numbers.allSatisfy(\.isFinite) ? numbers : nil
    }
}
