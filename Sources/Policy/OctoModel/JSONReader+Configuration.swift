import JSONTree

/// `{module, name, args, kwargs}`: a class of the official code with the arguments to make it.
struct ModuleSpec {
    var path: String
    var name: String
    var kwargs: JSONNode
    var kwargsPath: String { path + ".kwargs" }
}

/// What `config.json` is made of: members with the defaults of the official code's classes.
///
/// Each method reads the member `key` of `parent`, which stands at `path`. A missing member means the default; without
/// one it is a problem. Every method returns a usable value even after a problem; the caller throws when all is read.
extension JSONReader {
    func integer(
        _ parent: JSONNode, _ key: String, at path: String, default standard: Int? = nil, in range: ClosedRange<Int>
    ) -> Int {
        if let node = parent[key] { return integer(node, at: "\(path).\(key)", in: range) ?? range.lowerBound }
        if standard == nil {
            report(
                "\(path).\(key)", found: "nothing",
                expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return standard ?? range.lowerBound
    }

    /// Reads a number above 0.
    func number(_ parent: JSONNode, _ key: String, at path: String, default standard: Float) -> Float {
        guard let node = parent[key] else { return standard }
        if let value = node.double, value > 0, Float(value).isFinite { return Float(value) }
        report(node, "\(path).\(key)", expected: "a positive number")
        return standard
    }

    /// Reads a number that may be 0 or less.
    func bound(_ parent: JSONNode, _ key: String, at path: String, default standard: Float) -> Float {
        guard let node = parent[key] else { return standard }
        if let value = node.double, Float(value).isFinite { return Float(value) }
        report(node, "\(path).\(key)", expected: "a number")
        return standard
    }

    func boolean(_ parent: JSONNode, _ key: String, at path: String, default standard: Bool) -> Bool {
        flag(parent[key], at: "\(path).\(key)") ?? standard
    }

    /// Reads a text, which may be empty.
    func string(_ parent: JSONNode, _ key: String, at path: String, default standard: String? = nil) -> String {
        if let text = parent[key]?.string { return text }
        if let node = parent[key] {
            report(node, "\(path).\(key)", expected: "a string")
        } else if standard == nil {
            report("\(path).\(key)", found: "nothing", expected: "a string")
        }
        return standard ?? ""
    }

    func strings(_ parent: JSONNode, _ key: String, at path: String, default standard: [String]) -> [String] {
        guard let node = parent[key] else { return standard }
        if let values = node.array?.compactMap(\.string), values.count == node.array?.count { return values }
        report(node, "\(path).\(key)", expected: "a list of strings")
        return standard
    }

    func integers(
        _ parent: JSONNode, _ key: String, at path: String, default standard: [Int], in range: ClosedRange<Int>
    ) -> [Int] {
        guard let node = parent[key] else { return standard }
        let values = node.array?.compactMap(\.int)
        if let values, values.count == node.array?.count, values.allSatisfy(range.contains) { return values }
        report(
            node, "\(path).\(key)",
            expected: "a list of whole numbers from \(range.lowerBound) to \(range.upperBound)")
        return standard
    }

    /// Reads the members of a map, in the order of the file.
    func members(_ parent: JSONNode, _ key: String, at path: String) -> [JSONNode.Member] {
        if let members = parent[key]?.object { return members }
        report("\(path).\(key)", found: parent[key]?.brief ?? "nothing", expected: "an object")
        return []
    }

    /// Reads a class with its arguments; nil after reporting that `node` names no class.
    func module(_ node: JSONNode, at path: String) -> ModuleSpec? {
        guard let name = node["name"]?.string else {
            report(node, path, expected: "a module with a name and kwargs")
            return nil
        }
        if let args = node["args"], args.array?.isEmpty != true {
            report(args, "\(path).args", expected: "an empty list, all arguments as kwargs")
        }
        let kwargs = node["kwargs"] ?? JSONNode(.object([]))
        if kwargs.object == nil { report(kwargs, "\(path).kwargs", expected: "an object") }
        return ModuleSpec(path: path, name: name, kwargs: kwargs)
    }

    /// Reports arguments that the class does not have, or that change it in a way this runtime does not follow.
    ///
    /// - Parameters:
    ///   - known: read elsewhere, or without influence on inference.
    ///   - fixed: known arguments with the only value that can be followed.
    func checkArguments(_ kwargs: JSONNode, at path: String, known: [String], fixed: [String: JSONNode] = [:]) {
        for member in kwargs.object ?? [] {
            let place = "\(path).\(member.key)"
            if let only = fixed[member.key] {
                if member.value != only {
                    report(member.value, place, expected: "\(only.text()), the only supported value")
                }
            } else if !known.contains(member.key) {
                report(
                    member.value, place,
                    "found an argument this runtime does not know (\(member.value.brief)), expected one of "
                        + (known + fixed.keys.sorted()).joined(separator: ", "))
            }
        }
    }
}
