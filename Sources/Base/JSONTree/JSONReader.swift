/// Reads values out of a JSON tree and collects what is wrong. A missing key is reported by `expectKeys`, so the
/// other methods are silent about nil.
package final class JSONReader {
    /// One line for each: JSON path, line, what was found, what was expected.
    package private(set) var problems: [String] = []

    package init() {}

    package func report(_ node: JSONNode, _ path: String, _ problem: String) {
        problems.append("\(path.isEmpty ? "the file" : path) (line \(node.line)): \(problem)")
    }

    /// - Returns: whether `node` is an object at all.
    @discardableResult
    package func expectKeys(_ keys: [String], optional: [String] = [], of node: JSONNode, at path: String) -> Bool {
        guard let members = node.object else {
            report(node, path, "found \(node.kind), expected an object with \(keys.joined(separator: ", "))")
            return false
        }
        let prefix = path.isEmpty ? "" : path + "."
        for member in members where !keys.contains(member.key) {
            let near = keys.min { Self.distance($0, member.key) < Self.distance($1, member.key) } ?? ""
            report(member.value, prefix + member.key, "this key is not known; did you mean '\(near)'?")
        }
        for key in keys where !optional.contains(key) && node[key] == nil {
            report(node, prefix + key, "it is missing")
        }
        return true
    }

    /// A member that is an object with all of `keys`.
    package func section(_ node: JSONNode?, at path: String, keys: [String]) -> JSONNode? {
        guard let node else { return nil }
        return expectKeys(keys, of: node, at: path) ? node : nil
    }

    /// Not empty; a problem gives an empty one.
    package func string(_ node: JSONNode?, at path: String) -> String {
        guard let node else { return "" }
        if let text = node.string, !text.isEmpty { return text }
        report(node, path, "found \(node.string == nil ? node.kind : "an empty string"), expected a name")
        return ""
    }

    /// Those of an array; a problem gives none.
    package func elements(_ node: JSONNode?, at path: String) -> [JSONNode] {
        guard let node else { return [] }
        if let elements = node.array { return elements }
        report(node, path, "found \(node.kind), expected an array")
        return []
    }

    /// Finite.
    package func number(_ node: JSONNode?, at path: String) -> Double? {
        guard let node else { return nil }
        if let number = node.double, number.isFinite { return number }
        report(node, path, "found \(node.kind), expected a finite number")
        return nil
    }

    /// Above 0; a problem gives 1.
    package func positive(_ node: JSONNode?, at path: String) -> Double {
        guard let node, let number = number(node, at: path) else { return 1 }
        if number > 0 { return number }
        report(node, path, "found \(number), expected a number above 0")
        return 1
    }

    /// All finite, or nil.
    package func numbers(_ node: JSONNode?, at path: String) -> [Double]? {
        guard let node else { return nil }
        let before = problems.count
        let values = elements(node, at: path).enumerated().map { number($1, at: "\(path)[\($0)]") ?? 0 }
        return problems.count == before ? values : nil
    }

    /// Levenshtein distance, for the nearest known key.
    private static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, character) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let substitution = diagonal + (character == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
