import JSONTree

/// The place of a value in the manifest: the keys that lead to it.
package struct ManifestPath: Hashable, Sendable, CustomStringConvertible {
    package let keys: [String]

    package init(_ keys: [String] = []) { self.keys = keys }

    package func appending(_ key: String) -> ManifestPath { ManifestPath(keys + [key]) }

    /// True for `other` itself and for everything within it.
    package func isWithin(_ other: ManifestPath) -> Bool { keys.starts(with: other.keys) }

    /// The path as JSONPath (RFC 9535) writes it: `$.arm.control_rate_hz`, `$.cameras["my camera"]`.
    package var description: String {
        keys.reduce("$") { text, key in
            let plain = key.unicodeScalars.allSatisfy { scalar in
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                    || scalar == "_"
            }
            return text + (plain && !key.isEmpty ? ".\(key)" : "[\(JSONNode(key).text())]")
        }
    }
}

/// One thing that is wrong with a manifest.
package struct ManifestProblem: Equatable, Sendable, CustomStringConvertible {
    package enum Origin: Equatable, Sendable {
        /// Line and column in the manifest, from 1.
        case text(line: Int, column: Int)
        /// A `--set` on the command line.
        case commandLine
    }
    package var path: ManifestPath
    package var origin: Origin
    package var found: String
    package var allowed: String
    /// The nearest valid key or value, where there is one.
    package var suggestion: String?

    package var line: Int { if case .text(let line, _) = origin { line } else { 0 } }
    package var column: Int { if case .text(_, let column) = origin { column } else { 0 } }

    package var description: String {
        let place =
            switch origin {
            case .text(let line, let column): "line \(line), column \(column)"
            case .commandLine: "set on the command line"
            }
        return "\(path) (\(place)): found \(found); allowed: \(allowed)."
            + (suggestion.map { " Did you mean \"\($0)\"?" } ?? "")
    }
}

/// Why there is no manifest to work with.
package enum ManifestError: Error, Equatable {
    case unreadable(path: String, reason: String)
    case notJSON(path: String, JSONSyntaxError)
    case badOverride(text: String, reason: String)
    case invalid(path: String, [ManifestProblem])

    /// The problems found in the values, when it came that far.
    package var problems: [ManifestProblem] {
        if case .invalid(_, let problems) = self { problems } else { [] }
    }
}

extension ManifestError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "reading the manifest \(path): \(reason); expected a JSON file. Give the path of a manifest, for example "
                + "launch/replay.json."
        case .notJSON(let path, let error):
            "reading the manifest \(path): \(error). A manifest is strict JSON: no comments, no trailing commas. Mend "
                + "that place, then run octo-launch --check \(path)."
        case .badOverride(let text, let reason):
            "reading --set \(text): \(reason). Write --set key.key=value, for example --set arm.control_rate_hz=250."
        case .invalid(let path, let problems):
            "checking the manifest \(path): found \(problems.count) problem\(problems.count == 1 ? "" : "s"), expected "
                + "none. Mend the following, then run octo-launch --check \(path)"
                + (problems.contains { "\($0)".contains("set on the command line") }
                    ? " with the same --set.\n" : ".\n")
                + problems.map { "  \($0)" }.joined(separator: "\n")
        }
    }
}
