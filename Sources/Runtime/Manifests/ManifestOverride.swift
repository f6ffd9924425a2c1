import JSONTree

/// One `--set path=value`: a value put into the manifest before it is checked.
package struct ManifestOverride: Equatable, Sendable {
    package let text: String
    package let path: ManifestPath
    package let value: JSONNode
    /// Whether it puts its value in the place of one that is there.
    private let replaces: Bool

    /// Adds a section where there is none, with all its defaults.
    package static func adding(section: String) -> ManifestOverride { ManifestOverride(section: section) }

    private init(section: String) {
        text = "\(section)={}"
        path = ManifestPath([section])
        value = .object([:])
        replaces = false
    }

    /// Reads an override of one value, as `--set` has it.
    /// - Parameter text: `arm.control_rate_hz=250`. What follows the first `=` is read as JSON; what is not JSON is
    ///   taken as a string, so that paths and names need no quotes.
    package init(parsing text: String) throws(ManifestError) {
        guard let equals = text.firstIndex(of: "=") else {
            throw .badOverride(text: text, reason: "found no '=', expected one between path and value")
        }
        var path = text[..<equals]
        if path.hasPrefix("$.") { path = path.dropFirst(2) }
        let keys = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard keys.allSatisfy({ !$0.isEmpty }) else {
            throw .badOverride(
                text: text, reason: "found the path '\(path)', expected keys that are not empty with dots between them")
        }
        let written = String(text[text.index(after: equals)...])
        self.text = text
        self.path = ManifestPath(keys)
        replaces = true
        do throws(JSONSyntaxError) {
            // The positions within the argument would be mistaken for positions in the file.
            value = try JSONNode(parsing: written.utf8).withoutPositions
        } catch {
            value = JSONNode(written)
        }
    }

    /// Puts the value into `tree`, with the objects on the way that are missing.
    func apply(to tree: inout JSONNode) throws(ManifestError) {
        tree = try replacing(in: tree, keys: path.keys[...], at: ManifestPath())
    }

    private func replacing(
        in node: JSONNode, keys: ArraySlice<String>, at place: ManifestPath
    ) throws(ManifestError) -> JSONNode {
        guard let key = keys.first else { return value }
        guard var members = node.object else {
            throw .badOverride(
                text: text, reason: "found \(node.kind) at \(place), expected an object to put '\(key)' into")
        }
        let index = members.firstIndex { $0.key == key }
        if index != nil, keys.count == 1, !replaces { return node }
        let old = index.map { members[$0].value } ?? .object([:])
        let new = try replacing(in: old, keys: keys.dropFirst(), at: place.appending(key))
        if let index {
            members[index].value = new
        } else {
            members.append(.init(key: key, value: new))
        }
        return JSONNode(.object(members), line: node.line, column: node.column)
    }
}

extension JSONNode {
    fileprivate var withoutPositions: JSONNode {
        switch value {
        case .array(let elements): JSONNode(.array(elements.map(\.withoutPositions)))
        case .object(let members):
            JSONNode(.object(members.map { Member(key: $0.key, value: $0.value.withoutPositions) }))
        case .null, .bool, .number, .string: JSONNode(value)
        }
    }
}
