/// Reads values out of a JSON tree and collects what is wrong, so that one run tells everything.
///
/// A missing key is reported by `expectKeys`: the methods that take a value are silent about nil. After a problem they
/// return something harmless.
package final class JSONReader {
    /// Everything that was reported, in the order of reading.
    package private(set) var problems: [JSONProblem] = []

    package init() {}

    /// Reports what is wrong with a value that is there.
    package func report(_ node: JSONNode, _ path: String, _ problem: String) {
        problems.append(JSONProblem(path: path, line: node.line > 0 ? node.line : nil, text: problem))
    }

    /// Reports that a value is not what was expected.
    package func report(_ node: JSONNode, _ path: String, expected: String) {
        report(node, path, "found \(node.brief), expected \(expected)")
    }

    /// Reports what has no place of its own in the text.
    package func report(_ path: String, found: String, expected: String) {
        problems.append(JSONProblem(path: path, found: found, expected: expected))
    }

    /// Reports keys of an object that are not known, and known ones that are missing.
    /// - Parameters:
    ///   - keys: all that the object may have.
    ///   - optional: keys among `keys` that need not be there.
    /// - Returns: whether `node` is an object at all.
    @discardableResult
    package func expectKeys(_ keys: [String], optional: [String] = [], of node: JSONNode, at path: String) -> Bool {
        guard let members = node.object else {
            report(node, path, expected: "an object with \(keys.joined(separator: ", "))")
            return false
        }
        let prefix = path.isEmpty ? "" : path + "."
        for member in members where !keys.contains(member.key) {
            let hint =
                NearestName.of(member.key, among: keys).map { "did you mean '\($0)'?" }
                ?? "expected \(keys.joined(separator: ", "))"
            report(member.value, prefix + member.key, "this key is not known; \(hint)")
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

    /// Reads a text that is not empty; a problem gives an empty one.
    package func string(_ node: JSONNode?, at path: String) -> String {
        guard let node else { return "" }
        if let text = node.string, !text.isEmpty { return text }
        report(node, path, expected: "a name")
        return ""
    }

    /// Reads a text that is the raw value of one of the cases; a problem gives nil.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ node: JSONNode?, at path: String
    ) -> Value? where Value.RawValue == String {
        guard let node else { return nil }
        if let value = node.string.flatMap(Value.init(rawValue:)) { return value }
        report(node, path, expected: "one of \(Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))")
        return nil
    }

    /// Reads true or false; a problem gives nil.
    package func flag(_ node: JSONNode?, at path: String) -> Bool? {
        guard let node else { return nil }
        if let flag = node.bool { return flag }
        report(node, path, expected: "true or false")
        return nil
    }

    /// Reads the elements of an array; a problem gives none.
    package func elements(_ node: JSONNode?, at path: String) -> [JSONNode] {
        guard let node else { return [] }
        if let elements = node.array { return elements }
        report(node, path, expected: "an array")
        return []
    }

    /// Reads a whole number within a range, whose upper end is `Int.max` where there is none; a problem gives nil.
    package func integer(_ node: JSONNode?, at path: String, in range: ClosedRange<Int>) -> Int? {
        guard let node else { return nil }
        if let value = node.int, range.contains(value) { return value }
        let end = range.upperBound == .max ? "on" : "to \(range.upperBound)"
        report(node, path, expected: "a whole number from \(range.lowerBound) \(end)")
        return nil
    }

    /// Reads a finite number; a problem gives nil.
    package func number(_ node: JSONNode?, at path: String) -> Double? {
        guard let node else { return nil }
        if let number = node.double { return number }
        report(node, path, expected: "a finite number")
        return nil
    }

    /// Reads a finite number within a range, whose upper end is infinite where there is none; a problem gives nil.
    package func number(_ node: JSONNode?, at path: String, in range: ClosedRange<Double>) -> Double? {
        guard let node, let number = number(node, at: path) else { return nil }
        if range.contains(number) { return number }
        let end = range.upperBound == .infinity ? "on" : "to \(range.upperBound)"
        report(node, path, expected: "a number from \(range.lowerBound) \(end)")
        return nil
    }

    /// Reads a finite number above 0; a problem gives 1.
    package func positive(_ node: JSONNode?, at path: String) -> Double {
        guard let node, let number = number(node, at: path) else { return 1 }
        if number > 0 { return number }
        report(node, path, expected: "a number above 0")
        return 1
    }

    /// Reads an array of finite numbers, any number of them; a problem gives nil.
    package func numbers(_ node: JSONNode?, at path: String) -> [Double]? {
        guard let node else { return nil }
        let before = problems.count
        let values = elements(node, at: path).enumerated().map { number($1, at: "\(path)[\($0)]") ?? 0 }
        return problems.count == before ? values : nil
    }
}
